"""Where a study stands: a cell per run, shares where there are too many, and who worked when."""

from __future__ import annotations

import json
from typing import cast

import altair as alt
import pandas as pd

__all__ = ["CELL", "SYMBOLS", "count_chart", "run_grid_chart", "timeline_chart"]

_BESIDE = 165
"""Pixels that axis and legend take from the height of a grid."""

CELL = "cell"
"""Name of the selection of a clicked run."""

# Colour and sign say the same, so the grid is read without colour vision; the ink has a contrast of
# at least 4.5:1 to its cell.
_LOOKS = {
    "queued": ("#d5d9de", "·", "#1b1b1b"),
    "running": ("#0072b2", "▶", "#ffffff"),
    "paused": ("#f0c05a", "‖", "#1b1b1b"),
    "interrupted": ("#e8a33d", "!", "#1b1b1b"),
    "done": ("#1a7f4b", "✓", "#ffffff"),
    "reused": ("#9bd3b5", "↺", "#1b1b1b"),
    "failed": ("#b3261e", "✕", "#ffffff"),
    "cancelled": ("#8a8f98", "-", "#000000"),
}
SYMBOLS = {state: sign for state, (_, sign, _) in _LOOKS.items()}
"""Sign of each state."""


def run_grid_chart(runs: pd.DataFrame, *, chosen: str = "", row_height: int = 24) -> alt.LayerChart:
    """A cell per run: strategies down, scenarios and seeds across; a click selects `run_id`.

    Args:
        runs: From `alscope.results.progress.run_frame`.
        chosen: Run to outline.
        row_height: Of one strategy, in pixels.
    """
    data = runs.assign(column=_columns(runs), sign=runs["state"].map(SYMBOLS))
    names = list(dict.fromkeys(data["strategy"]))
    columns = list(dict.fromkeys(data["column"]))
    selection = alt.selection_point(name=CELL, fields=["run_id"], empty=False)
    states = [state for state in _LOOKS if state in set(data["state"])]
    looks = alt.Scale(domain=states, range=[_LOOKS[state][0] for state in states])
    ink = alt.Scale(domain=states, range=[_LOOKS[state][2] for state in states])
    axis = alt.Axis(orient="top", labelAngle=-45, domain=False, ticks=False, labelOverlap=True)
    base = alt.Chart(data).encode(
        x=alt.X("column:N", sort=columns, title=None, axis=axis),
        y=alt.Y("strategy:N", sort=names, title=None, axis=_names_axis()),
        tooltip=[
            alt.Tooltip("strategy:N", title="Strategy"),
            alt.Tooltip("seed:Q", title="Seed"),
            alt.Tooltip("scenario:N", title="Scenario"),
            alt.Tooltip("state:N", title="State"),
            alt.Tooltip("percent:Q", title="Done, %"),
        ],
    )
    cells = base.mark_rect(stroke="#ffffff", strokeWidth=1, cursor="pointer").encode(
        color=alt.Color("state:N", scale=looks, title="State")
    )
    size = alt.ExprRef(f"max(5, min(14, width / {max(1, len(columns))} / 1.6))")
    signs = base.mark_text(fontSize=size, fontWeight="bold").encode(
        text="sign:N", color=alt.Color("state:N", scale=ink, legend=None)
    )
    layers = [cells.add_params(selection), signs]
    if chosen:
        here = base.transform_filter(f"datum.run_id == {json.dumps(chosen)}")
        layers.append(here.mark_rect(fillOpacity=0, stroke="#d55e00", strokeWidth=3))
    grid = alt.layer(*layers).resolve_scale(color="independent")
    return cast("alt.LayerChart", grid.properties(height=_BESIDE + row_height * len(names)))


def count_chart(counts: pd.DataFrame, *, row_height: int = 24) -> alt.LayerChart:
    """A cell per scenario and strategy with the share that is done; failed runs are named.

    Args:
        counts: From `alscope.results.progress.count_frame`.
        row_height: Of one strategy, in pixels.
    """
    failed = counts["failed"].map(lambda n: f" ✕{n}" if n else "")
    words = counts["done"].astype("str") + "/" + counts["n"].astype("str") + failed
    data = counts.assign(words=words, column=counts["number"].astype("str"))
    names = list(dict.fromkeys(data["strategy"]))
    scale = alt.Scale(domain=[0, 1], range=["#eef1f4", "#1a7f4b"])
    axis = alt.Axis(orient="top", labelAngle=0, domain=False, ticks=False)
    base = alt.Chart(data).encode(
        x=alt.X("column:N", sort=list(dict.fromkeys(data["column"])), title="Scenario", axis=axis),
        y=alt.Y("strategy:N", sort=names, title=None, axis=_names_axis()),
        tooltip=[
            alt.Tooltip("strategy:N", title="Strategy"),
            alt.Tooltip("scenario:N", title="Scenario"),
            alt.Tooltip("done:Q", title="Done"),
            alt.Tooltip("failed:Q", title="Failed"),
            alt.Tooltip("n:Q", title="Runs"),
        ],
    )
    cells = base.mark_rect(stroke="#ffffff").encode(
        color=alt.Color("share:Q", scale=scale, title="Done", legend=alt.Legend(format="%"))
    )
    text = base.mark_text().encode(
        text="words:N",
        color=alt.condition("datum.share > 0.6", alt.value("#ffffff"), alt.value("#1b1b1b")),
    )
    both = alt.layer(cells, text).properties(height=_BESIDE + row_height * len(names))
    return cast("alt.LayerChart", both)


def timeline_chart(bars: pd.DataFrame) -> alt.Chart:
    """When runs were worked on: a lane for each that ran at the same time.

    Args:
        bars: From `alscope.results.progress.timeline_frame`.
    """
    states = [state for state in _LOOKS if state in set(bars["state"])]
    looks = alt.Scale(domain=states, range=[_LOOKS[state][0] for state in states])
    chart: alt.Chart = (
        alt.Chart(bars)
        .mark_bar(stroke="#ffffff", strokeWidth=0.5)
        .encode(
            x=alt.X("start:T", title="Time (UTC)"),
            x2="end:T",
            y=alt.Y("lane:O", title="Lane"),
            color=alt.Color("state:N", scale=looks, title="State"),
            tooltip=[
                alt.Tooltip("strategy:N", title="Strategy"),
                alt.Tooltip("seed:Q", title="Seed"),
                alt.Tooltip("scenario:N", title="Scenario"),
                alt.Tooltip("state:N", title="State"),
                alt.Tooltip("start:T", title="From", format="%H:%M:%S"),
                alt.Tooltip("end:T", title="To", format="%H:%M:%S"),
            ],
        )
        .properties(height=90 + 26 * int(bars["lane"].max()))
    )
    return chart


def _names_axis() -> alt.Axis:
    return alt.Axis(domain=False, ticks=False, labelOverlap=False, labelLimit=150)


def _columns(runs: pd.DataFrame) -> pd.Series[str]:
    seeds = runs["seed"].astype("str")
    if runs["number"].nunique() < 2:
        return "seed " + seeds
    return runs["number"].astype("str") + " · " + seeds
