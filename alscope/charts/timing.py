"""What a selection costs: stacked bars of loading, inference, acquisition and own learners."""

from __future__ import annotations

import altair as alt
import pandas as pd

from alscope.charts.theme import PARTS

__all__ = ["timing_chart", "timing_data"]

_ALONE = {
    "load": "load_s",
    "inference": "inference_s",
    "acquisition": "acquisition_s",
    "own learners": "aux_s",
}
_EXECUTED = {"whole round": "executed_s"}


def timing_data(timing: pd.DataFrame, *, executed: bool = False) -> pd.DataFrame:
    """Exactly the rows that `timing_chart` draws: one per strategy and part of a selection.

    Args:
        timing: From `alscope.results.timing.timing_table`.
        executed: Instead of the parts as if alone, one bar for the whole round as executed.

    Returns:
        scenario, strategy, device, n_threads, panel (what may be compared), part, order, seconds,
        n (queries measured).
    """
    keys = ["scenario", "strategy", "device", "n_threads", "n"]
    columns = _EXECUTED if executed else _ALONE
    parts = [
        timing[keys].assign(part=part, order=order, seconds=timing[column])
        for order, (part, column) in enumerate(columns.items())
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
    took = set(data.loc[data["seconds"] > 0, "part"])
    shown = [part for part in PARTS if part in took]
    colors = alt.Scale(domain=shown, range=[PARTS[part] for part in shown])
    bars: alt.Chart = (
        alt.Chart(data)
        .mark_bar()
        .encode(
            x=alt.X("seconds:Q", title="Median seconds per query", stack="zero"),
            y=alt.Y("strategy:N", title=None, sort="-x"),
            color=alt.Color("part:N", scale=colors, sort=shown, title="Part"),
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
    description = "Median seconds per query and strategy, by part"
    if data["panel"].nunique() > 1:
        panels: alt.FacetChart = bars.facet(facet=alt.Facet("panel:N", title=None), columns=1)
        return panels.properties(description=description)
    return bars.properties(description=description)
