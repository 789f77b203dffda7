"""What a selection costs: stacked bars of loading, inference and acquisition."""

from __future__ import annotations

import altair as alt
import pandas as pd

from alscope.charts.theme import PARTS

__all__ = ["timing_chart", "timing_data"]


def timing_data(timing: pd.DataFrame) -> pd.DataFrame:
    """Exactly the rows that `timing_chart` draws: one per strategy and part of a selection.

    Args:
        timing: From `alscope.results.timing.timing_table`.

    Returns:
        scenario, strategy, device, n_threads, panel (what may be compared), part, order, seconds,
        n (queries measured).
    """
    keys = ["scenario", "strategy", "device", "n_threads", "n"]
    parts = [
        timing[keys].assign(part=part, order=order, seconds=timing[f"{part}_s"])
        for order, part in enumerate(PARTS)
    ]
    data = pd.concat(parts, ignore_index=True)
    plural = data["n_threads"].map({1: " thread"}).fillna(" threads")
    panel = data["scenario"] + ", " + data["device"] + ", " + data["n_threads"].astype("str")
    return data.assign(panel=(panel + plural).astype("str"))[
        ["scenario", "strategy", "device", "n_threads", "panel", "part", "order", "seconds", "n"]
    ]


def timing_chart(data: pd.DataFrame) -> alt.Chart | alt.FacetChart:
    """Median seconds of a query per strategy, the slowest on top.

    Seconds of different devices, thread counts and scenarios stand in panels of their own.

    Args:
        data: From `timing_data`.
    """
    colors = alt.Scale(domain=list(PARTS), range=list(PARTS.values()))
    bars: alt.Chart = (
        alt.Chart(data)
        .mark_bar()
        .encode(
            x=alt.X("seconds:Q", title="Median seconds per query", stack="zero"),
            y=alt.Y("strategy:N", title=None, sort="-x"),
            color=alt.Color("part:N", scale=colors, sort=list(PARTS), title="Part"),
            order=alt.Order("order:Q"),
            tooltip=[
                alt.Tooltip("strategy:N", title="Strategy"),
                alt.Tooltip("part:N", title="Part"),
                alt.Tooltip("seconds:Q", title="Seconds", format=".4g"),
                alt.Tooltip("device:N", title="Device"),
                alt.Tooltip("n_threads:Q", title="Threads"),
                alt.Tooltip("n:Q", title="Queries measured"),
            ],
        )
    )
    description = "Median seconds per query and strategy, split into load, inference, acquisition"
    if data["panel"].nunique() > 1:
        panels: alt.FacetChart = bars.facet(facet=alt.Facet("panel:N", title=None), columns=1)
        return panels.properties(description=description)
    return bars.properties(description=description)
