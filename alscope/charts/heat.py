"""Gain over Random as a map: strategies down, scenarios across."""

from __future__ import annotations

from typing import cast

import altair as alt
import pandas as pd

__all__ = ["gain_map"]

# Blue is better and orange is worse, told apart by everyone; white is no difference.
_SCHEME = ("#b35806", "#f7f7f7", "#2166ac")

_LEGIBLE = 8
"""Scenarios side by side whose cells have room for a number."""


def gain_map(data: pd.DataFrame, *, title: str, row_height: int = 26) -> alt.LayerChart:
    """A cell per strategy and scenario with its gain written in it; the best strategy on top.

    Args:
        data: From `alscope.results.gains.gain_table`.
        title: What the colour is.
        row_height: Of one strategy, in pixels.
    """
    largest = float(data["gain"].abs().max()) if len(data) else 0.0
    reach = largest or 1.0
    scale = alt.Scale(domain=[-reach, 0.0, reach], range=list(_SCHEME))
    order = data.groupby("strategy")["gain"].mean().sort_values(ascending=False).index.tolist()
    base = alt.Chart(data).encode(
        y=alt.Y("strategy:N", sort=order, title=None),
        x=alt.X("scenario:N", title=None, axis=alt.Axis(labelAngle=-20, labelLimit=240)),
        tooltip=[
            alt.Tooltip("scenario:N", title="Scenario"),
            alt.Tooltip("strategy:N", title="Strategy"),
            alt.Tooltip("gain:Q", title=title, format="+.4f"),
            alt.Tooltip("low:Q", title="Low", format="+.4f"),
            alt.Tooltip("high:Q", title="High", format="+.4f"),
            alt.Tooltip("n:Q", title="Seeds"),
        ],
    )
    cells = base.mark_rect(stroke="#7f7f7f", strokeWidth=0.5).encode(
        color=alt.Color("gain:Q", scale=scale, title=title)
    )
    layers = [cells]
    if data["scenario"].nunique() <= _LEGIBLE:
        strong = f"abs(datum.gain) > {0.6 * reach}"
        ink = alt.condition(strong, alt.value("#ffffff"), alt.value("#1b1b1b"))
        text = alt.Text("gain:Q", format="+.3f")
        layers.append(base.mark_text(fontSize=12).encode(text=text, color=ink))
    together = alt.layer(*layers).properties(
        height=190 + row_height * len(order),  # axis and legend take their part
        description=f"{title} by strategy and scenario",
    )
    return cast("alt.LayerChart", together)
