"""Who is in the pool: samples of every class before and after a scenario shapes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

__all__ = ["pool_chart", "pool_data"]

_AROUND = 190
"""Pixels for axis and legend, which are part of a chart's height in the app."""
_STATES = {
    "known": "#0072b2",
    "unknown": "#d55e00",
    "left out": "#9a9a9a",
}


def pool_data(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Exactly the rows that `pool_chart` draws.

    Args:
        rows: From `alscope.engine.service.composition`.

    Returns:
        class_name, state ("known" or "unknown": in use; "left out": in the data set only), n, share
        of the class that is used, in the order of the classes.
    """
    parts = []
    for place, row in enumerate(rows):
        used = row["initial"] + row["pool"]
        share = used / row["available"] if row["available"] else 0.0
        state = "known" if row["known"] else "unknown"
        for name, n in ((state, used), ("left out", row["available"] - used)):
            parts.append(
                {
                    "place": place,
                    "class_name": row["class_name"],
                    "state": name,
                    "n": n,
                    "share": share,
                }
            )
    return pd.DataFrame(parts, columns=["place", "class_name", "state", "n", "share"])


def pool_chart(data: pd.DataFrame, *, row_height: int = 18) -> alt.Chart:
    """One bar per class: what is used of it, and what the scenario leaves out.

    Args:
        data: From `pool_data`.
        row_height: Of one class, in pixels.
    """
    present = [state for state in _STATES if data.loc[data["state"] == state, "n"].sum()]
    colors = alt.Scale(domain=present, range=[_STATES[state] for state in present])
    n_classes = data["place"].nunique()
    chart: alt.Chart = (
        alt.Chart(data)
        .mark_bar()
        .encode(
            y=alt.Y("class_name:N", sort=alt.SortField("place"), title=None),
            x=alt.X("n:Q", title="Training samples", stack="zero"),
            color=alt.Color("state:N", scale=colors, title=None),
            order=alt.Order("state:N"),
            tooltip=[
                alt.Tooltip("class_name:N", title="Class"),
                alt.Tooltip("state:N", title="State"),
                alt.Tooltip("n:Q", title="Samples", format=","),
                alt.Tooltip("share:Q", title="Share of the class that is used", format=".1%"),
            ],
        )
        .properties(height=_AROUND + n_classes * row_height)
    )
    return chart
