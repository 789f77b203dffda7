"""A map of the samples: every point once, what was picked in front."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

from alscope.charts.theme import styles

__all__ = ["BRUSH", "COLORINGS", "NOT_PICKED", "WHO", "map_chart"]

BRUSH = "brush"
"""Name of the box selection."""
COLORINGS = ("class", "round", "first picker")
NOT_PICKED = "not picked"
WHO = ("A only", "B only", "both")
"""Who picked a sample."""

_GREY = "#9a9a9a"
_SCHEMES = ((10, "tableau10"), (20, "tableau20"))
_SHAPES = ("circle", "square", "diamond")
_WHO_COLORS = ("#d55e00", "#0072b2", "#009e73")


def map_chart(
    points: pd.DataFrame,
    picked: pd.DataFrame,
    *,
    coloring: str,
    density: bool = False,
    titles: Mapping[str, str] | None = None,
    height: int = 600,
) -> alt.LayerChart:
    """Points, or the density of many, and what A and B picked as rings above them.

    Args:
        points: x, y, sample, group (what the colour shows); with `density`, from
            `alscope.results.projection.density_frame`.
        picked: x, y, sample, who (one of `WHO`), round.
        coloring: One of `COLORINGS`; decides the colours of the groups.
        density: Whether `points` are cells of a grid.
        titles: What "A only" and so on are called in the legend.
        height: In pixels.
    """
    brush = alt.selection_interval(name=BRUSH, encodings=["x", "y"])
    ground = _cells(points) if density else _points(points, coloring)
    layers = alt.layer(ground.add_params(brush), _rings(picked, dict(titles or {})))
    chart: alt.LayerChart = layers.resolve_scale(color="independent", shape="independent")
    # Below the plot, so that a phone keeps its width for the points.
    chart = chart.configure_legend(orient="bottom", columns=5, symbolOpacity=1)
    # On a canvas also when there are few points: the frame of the box would be a picture without
    # a name to screen readers, and the chart has one as a whole.
    return chart.properties(height=height, usermeta={"embedOptions": {"renderer": "canvas"}})


def _axes() -> dict[str, Any]:
    # The numbers of a projection mean nothing; only nearness does.
    axis = alt.Axis(labels=False, ticks=False, grid=False)
    return {
        "x": alt.X("x:Q", title="First coordinate", axis=axis, scale=alt.Scale(zero=False)),
        "y": alt.Y("y:Q", title="Second coordinate", axis=axis, scale=alt.Scale(zero=False)),
    }


def _points(points: pd.DataFrame, coloring: str) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(points)
        .mark_circle(size=16, opacity=0.6)
        .encode(
            **_axes(),
            color=alt.Color(
                "group:N",
                title=coloring.capitalize(),
                scale=_colors(points["group"], coloring),
                sort=_ordered(points["group"]),
            ),
            tooltip=[
                alt.Tooltip("sample:Q", title="Sample", format="d"),
                alt.Tooltip("group:N", title=coloring.capitalize()),
            ],
        )
    )
    return chart


def _cells(cells: pd.DataFrame) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(cells)
        .mark_rect()
        .encode(
            **_axes(),
            x2="x2:Q",
            y2="y2:Q",
            color=alt.Color(
                "n:Q", title="Samples", scale=alt.Scale(scheme="greys", type="log"), legend=None
            ),
            tooltip=[alt.Tooltip("n:Q", title="Samples", format=",")],
        )
    )
    return chart


def _rings(picked: pd.DataFrame, titles: dict[str, str]) -> alt.Chart:
    present = [who for who in WHO if (picked["who"] == who).any()]
    named = picked.assign(who=picked["who"].map(lambda who: titles.get(who, who)))
    domain = [titles.get(who, who) for who in present]
    at = [WHO.index(who) for who in present]
    # Not beside the other legend, where a phone would cut it off.
    legend = alt.Legend(title="Picked by", columns=1, orient="top")
    chart: alt.Chart = (
        alt.Chart(named)
        .mark_point(size=110, strokeWidth=2, filled=False)
        .encode(
            **_axes(),
            shape=alt.Shape(
                "who:N",
                legend=legend,
                scale=alt.Scale(domain=domain, range=[_SHAPES[i] for i in at]),
            ),
            color=alt.Color(
                "who:N",
                legend=legend,
                scale=alt.Scale(domain=domain, range=[_WHO_COLORS[i] for i in at]),
            ),
            tooltip=[
                alt.Tooltip("sample:Q", title="Sample", format="d"),
                alt.Tooltip("who:N", title="Picked by"),
                alt.Tooltip("round:Q", title="In round", format="d"),
            ],
        )
    )
    return chart


def _colors(groups: pd.Series[str], coloring: str) -> alt.Scale:
    names = _ordered(groups)
    if coloring == "first picker":
        looks = styles([name for name in names if name != NOT_PICKED])
        colors = [looks[name].color if name in looks else _GREY for name in names]
        return alt.Scale(domain=names, range=colors)
    if coloring == "round":
        ramp = _ramp(len(names) - (NOT_PICKED in names))
        colors = [*ramp, _GREY] if NOT_PICKED in names else ramp
        return alt.Scale(domain=names, range=colors)
    scheme: Any = next((word for n, word in _SCHEMES if len(names) <= n), "turbo")
    return alt.Scale(domain=names, scheme=scheme)


def _ordered(groups: pd.Series[str]) -> list[str]:
    """Names with numbers in order, and what was not picked at the end."""

    def place(name: str) -> tuple[bool, int, str]:
        number = name.rsplit(" ", 1)[-1]
        return name == NOT_PICKED, int(number) if number.isdecimal() else -1, name

    return sorted(map(str, groups.unique()), key=place)


def _ramp(n: int) -> list[str]:
    """From light blue (early) to dark red (late), readable on light and dark backgrounds."""
    first, last = (0x56, 0xB4, 0xE9), (0xB0, 0x20, 0x30)
    shares = [place / max(n - 1, 1) for place in range(n)]
    return [
        "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(first, last, strict=True))
        for share in shares
    ]
