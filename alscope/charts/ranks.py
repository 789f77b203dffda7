"""Ranks of strategies: the critical-difference diagram and the strips behind the means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from alscope.charts.theme import styles

__all__ = [
    "critical_difference_chart",
    "critical_difference_data",
    "rank_strips_chart",
]

_COLUMNS = ("kind", "strategy", "mean_rank", "level", "edge", "label", "group")

_INK = "#787878"  # the same contrast, above 4:1, to the light and the dark background
_BAR_STEP = 0.45
_MARGIN = 0.4  # of the range of the axis, on each side: room for names


def critical_difference_data(
    strategies: Sequence[str], mean_ranks: Sequence[float], groups: Sequence[Sequence[str]]
) -> pd.DataFrame:
    """Exactly the rows that `critical_difference_chart` draws.

    The better half has its names on the left, the other half on the right, the outermost on top,
    so that no two lines cross.

    Args:
        strategies: Titles, the best first.
        mean_ranks: Of each.
        groups: From `alscope.results.posthoc.groups`.

    Returns:
        kind ("axis", "strategy", or "group": not shown to differ), strategy (in a group one row
        per member), mean_rank, level (place in the drawing), edge (rank at which the line to the
        name or the axis ends), label (name and mean rank), group (its number, else 0).
    """
    n = len(strategies)
    rank = dict(zip(strategies, map(float, mean_ranks), strict=True))
    left_edge, right_edge = _edges(n)
    start, half = _BAR_STEP * (len(groups) + 1) + 0.6, (n + 1) // 2
    rows: list[tuple[Any, ...]] = [("axis", "", 1.0, 0.0, float(n), "", 0)]
    for place, name in enumerate(strategies):
        on_left = place < half
        level = start + (place if on_left else n - 1 - place)
        label = f"{name}  {rank[name]:.2f}" if on_left else f"{rank[name]:.2f}  {name}"
        edge = left_edge if on_left else right_edge
        rows.append(("strategy", name, rank[name], level, edge, label, 0))
    for number, members in enumerate(groups, start=1):
        for name in members:
            row = ("group", name, rank[name], _BAR_STEP * number, rank[name], "", number)
            rows.append(row)
    return pd.DataFrame(rows, columns=_COLUMNS)


def critical_difference_chart(
    data: pd.DataFrame, *, x_title: str
) -> alt.LayerChart | alt.FacetChart:
    """Mean ranks on an axis; a bar joins strategies of which no two were shown to differ.

    Args:
        data: From `critical_difference_data`.
        x_title: Title of the axis.

    References:
        Demsar 2006, Journal of Machine Learning Research 7, 1-30, figure 1.
    """
    names = data.loc[data["kind"] == "strategy", "strategy"].tolist()
    n = len(names)
    bottom = float(data["level"].max()) + 0.4
    ticks = list(range(1, n + 1))
    axis = alt.Axis(orient="top", values=ticks, format="d", domain=False, grid=False)
    x = alt.X("mean_rank:Q", title=x_title, axis=axis, scale=_scale(n))
    y = alt.Y("level:Q", axis=None, scale=alt.Scale(domain=[bottom, 0], nice=False))
    chosen = styles(names)
    colors = alt.Scale(domain=names, range=[chosen[name].color for name in names])
    each = alt.Chart(data).transform_filter("datum.kind == 'strategy'")
    each = each.encode(color=alt.Color("strategy:N", scale=colors, legend=None))
    stems = each.mark_rule(strokeWidth=1.5).encode(x=x, y=y, y2=alt.value(0))
    arms = each.mark_rule(strokeWidth=1.5).encode(x=x, x2="edge:Q", y=y)
    base = alt.Chart(data).transform_filter("datum.kind == 'axis'")
    line = base.mark_rule(color=_INK, strokeWidth=1.5).encode(x=x, x2="edge:Q", y=y)
    layers = [stems, arms, *_labels(data, y, _scale(n)), *_bars(data, x, y)]
    height = round(30 * bottom) + 60
    chart = alt.layer(line, *layers)
    return chart.properties(height=height)


def rank_strips_chart(data: pd.DataFrame, order: Sequence[str]) -> alt.LayerChart | alt.FacetChart:
    """How often each strategy took each rank; the bar is its mean rank over the scenarios.

    Args:
        data: From `alscope.results.ranks.run_ranks`.
        order: Strategies, the best first.
    """
    chosen = styles(order)
    colors = alt.Scale(domain=list(order), range=[chosen[name].color for name in order])
    base = alt.Chart(data).encode(
        y=alt.Y("strategy:N", sort=list(order), title=None, axis=alt.Axis(labelLimit=180)),
        color=alt.Color("strategy:N", scale=colors, legend=None),
    )
    scale = alt.Scale(domain=[0.5, len(order) + 0.5], nice=False)
    axis = alt.Axis(values=list(range(1, len(order) + 1)), format="d")
    title = "Rank among the chosen strategies, 1 is best"
    dots = base.mark_circle(opacity=0.75).encode(
        x=alt.X("rank:Q", title=title, scale=scale, axis=axis),
        size=alt.Size("count():Q", scale=alt.Scale(rangeMin=15, rangeMax=450), legend=None),
        tooltip=[
            alt.Tooltip("strategy:N", title="Strategy"),
            alt.Tooltip("rank:Q", title="Rank"),
            alt.Tooltip("count():Q", title="Runs"),
        ],
    )
    means = base.mark_tick(thickness=3, size=22).encode(
        x=alt.X("mean(mean_rank):Q", scale=scale),
        tooltip=[
            alt.Tooltip("strategy:N", title="Strategy"),
            alt.Tooltip("mean(mean_rank):Q", title="Mean rank over scenarios", format=".2f"),
        ],
    )
    chart = alt.layer(dots, means)
    return chart.properties(height=60 + 26 * len(order))


def _edges(n: int) -> tuple[float, float]:
    room = _MARGIN * max(n - 1, 1)
    return 1 - room, n + room


def _scale(n: int) -> alt.Scale:
    return alt.Scale(domain=list(_edges(n)), nice=False, zero=False)


def _labels(data: pd.DataFrame, y: alt.Y, scale: alt.Scale) -> list[alt.Chart]:
    """Names above the ends of their lines."""
    base = alt.Chart(data).transform_filter("datum.kind == 'strategy'")
    left = base.transform_filter("datum.edge < datum.mean_rank")
    right = base.transform_filter("datum.edge >= datum.mean_rank")
    look: Any = {"baseline": "bottom", "dy": -3, "fontSize": 13, "fontWeight": "bold"}
    marks: list[alt.Chart] = [
        left.mark_text(align="left", color=_INK, **look),
        right.mark_text(align="right", color=_INK, **look),
    ]
    return [mark.encode(x=alt.X("edge:Q", scale=scale), y=y, text="label:N") for mark in marks]


def _bars(data: pd.DataFrame, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """A thick line over each group, and dots on its members: without a dot, no member."""
    base = alt.Chart(data).transform_filter("datum.kind == 'group'")
    line = base.mark_line(color=_INK, strokeWidth=4).encode(x=x, y=y, detail="group:N")
    dots = base.mark_circle(color=_INK, size=70, opacity=1).encode(
        x=x,
        y=y,
        tooltip=[
            alt.Tooltip("strategy:N", title="Not told apart"),
            alt.Tooltip("group:Q", title="Group"),
        ],
    )
    return [line, dots]
