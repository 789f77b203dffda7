"""Pictures of the playground: a board, curves of one game, many games side by side.

Classes differ in colour and shape, so that they can be told apart without colour vision. What the
annotator has not been asked about looks alike, whatever it is.

References:
    Okabe and Ito 2008, Color universal design.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import altair as alt
import pandas as pd

from alscope.charts.spec import ChartParts
from alscope.charts.theme import styles

__all__ = [
    "CLASSES",
    "PICK",
    "YOU",
    "board_chart",
    "contest_chart",
    "drawing_chart",
    "looks_in_words",
    "race_chart",
]

PICK = "pick"
"""Name of the point selection of a board."""
YOU = "you"

CLASSES = ("1", "2", "3", "4", "5", "6")
"""Names of classes, in the order of their looks."""
UNKNOWN = "unknown"
_NAMES = (*CLASSES, UNKNOWN)

_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9")
_SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "triangle-right")
_GREY = "#8a8a8a"
_UNKNOWN_COLOR = "#e6004c"
# An outline, so that it can be filled like the other shapes, in the legend too.
_CROSS = "M-1.2,-.7L-.7,-1.2L0,-.5L.7,-1.2L1.2,-.7L.5,0L1.2,.7L.7,1.2L0,.5L-.7,1.2L-1.2,.7L-.5,0Z"
_YOU_COLOR = "#e6004c"
_MOST_NUMBERS = 5
"""Points of a step that are numbered; more numbers would hide them."""


def board_chart(
    points: pd.DataFrame,
    field: pd.DataFrame,
    border: pd.DataFrame,
    *,
    edge: float,
    scores: bool = False,
    clickable: bool = False,
    legend: bool = True,
    height: int = 560,
) -> ChartParts:
    """Points, what was bought of them, and the classifier behind.

    Altair takes a quarter of a second to build and check such a chart, at every step of a game. So
    the specification is made once per kind of picture, and the frames are put beside it.

    Args:
        points: From `alscope.playground.frames.points_frame`.
        field: From `field_frame`; may be empty.
        border: From `border_frame`; may be empty.
        edge: Half the width of the picture.
        scores: Whether the field holds a strategy's scores instead of classes.
        clickable: Whether a click on a pool point selects its id, under the name `PICK`.
        legend: Whether classes are named below, which takes some of the height.
        height: In pixels.
    """
    bought = set(points.loc[points["state"] != "pool", "label"])
    frames = {"points": points, "field": field, "border": border}
    kind = _Kind(
        edge=edge,
        scores=scores,
        clickable=clickable,
        legend=tuple(name for name in _NAMES if name in bought) if legend else (),
        numbered=int(points["is_last"].sum()) <= _MOST_NUMBERS,
        height=height,
        frames=tuple(name for name, frame in frames.items() if len(frame)),
    )
    return ChartParts(json.loads(_template(kind)), {name: frames[name] for name in kind.frames})


class _Kind(NamedTuple):
    """What the specification of a board depends on, besides its data."""

    edge: float
    scores: bool
    clickable: bool
    legend: tuple[str, ...]
    numbered: bool
    height: int
    frames: tuple[str, ...]


@lru_cache(maxsize=256)
def _template(kind: _Kind) -> str:
    """The specification of a board as JSON; refers to its frames by name."""
    place = _place(kind.edge)
    bases = {name: alt.Chart(alt.NamedData(name=name)).encode(**place) for name in kind.frames}
    points = bases["points"]
    layers: list[Any] = []
    if "field" in bases:
        layers.append(_field(bases["field"], scores=kind.scores))
    if "border" in bases:
        layers.append(_border(bases["border"]))
    layers += [
        _pool(points, clickable=kind.clickable),
        _rings(points, numbered=kind.numbered),
        _bought(points, kind.legend),
        _marked(points),
    ]
    return _as_json(alt.layer(*layers).properties(height=kind.height))


def looks_in_words(n_classes: int) -> str:
    """How bought points look, for charts without a legend."""
    words = ("circles", "squares", "triangles", "diamonds", "triangles down", "triangles right")
    classes = [f"{word} are class {name}" for word, name in zip(words, CLASSES, strict=True)]
    return ", ".join([*classes[:n_classes], "crosses are unknown"])


def _place(edge: float) -> dict[str, Any]:
    scale = alt.Scale(domain=[-edge, edge], nice=False, zero=False)
    axis = alt.Axis(labels=False, ticks=False, grid=False, domain=False)
    return {
        "x": alt.X("x:Q", scale=scale, axis=axis, title=None),
        "y": alt.Y("y:Q", scale=scale, axis=axis, title=None),
    }


def _field(base: alt.Chart, *, scores: bool) -> alt.Chart:
    # The channel "fill" keeps these colours apart from those of the points and their legend.
    cells = base.encode(x2="x2:Q", y2="y2:Q").mark_rect(strokeWidth=0.8)
    if scores:
        warm = alt.Scale(domain=[0, 1], range=["#fff7e6", "#d98200"])
        # Outlines of the same colour: what is behind would show between the cells.
        wanted: alt.Chart = cells.encode(
            fill=alt.Fill("value:Q", scale=warm, legend=None),
            stroke=alt.Stroke("value:Q", scale=warm, legend=None),
        )
        return wanted
    pale = alt.Scale(domain=[0, 1], range=[0.04, 0.38])
    colors = alt.Scale(domain=list(CLASSES), range=list(_COLORS))
    predicted: alt.Chart = cells.encode(
        fill=alt.Fill("predicted:N", scale=colors, legend=None),
        opacity=alt.Opacity("value:Q", scale=pale, legend=None),
    )
    return predicted


def _border(base: alt.Chart) -> alt.Chart:
    chart: alt.Chart = base.mark_rule(strokeWidth=1.5, color=_GREY, strokeCap="round").encode(
        x2="x2:Q", y2="y2:Q"
    )
    return chart


def _pool(base: alt.Chart, *, clickable: bool) -> alt.Chart:
    pool = base.transform_filter("datum.state == 'pool'").mark_point(
        size=60 if clickable else 34,
        filled=True,
        fill="#ffffff",
        fillOpacity=0.55,
        stroke="#5f6b76",
        strokeWidth=1.1,
        opacity=1,
        cursor="pointer" if clickable else "default",
    )
    chart: alt.Chart = pool.encode(tooltip=_tooltip())
    if not clickable:
        return chart
    pick = alt.selection_point(name=PICK, fields=["id"], on="click", clear=False, nearest=False)
    return chart.add_params(pick)


def _bought(base: alt.Chart, legend: Sequence[str], *, title: str = "Bought") -> alt.Chart:
    key = alt.Legend(title=title, values=list(legend)) if legend else None
    colors = alt.Scale(domain=list(_NAMES), range=[*_COLORS, _UNKNOWN_COLOR])
    shapes = alt.Scale(domain=list(_NAMES), range=[*_SHAPES, _CROSS])
    chart: alt.Chart = (
        base.transform_filter("datum.state != 'pool'")
        .mark_point(size=95, filled=True, opacity=1, stroke="#ffffff", strokeWidth=0.8)
        .encode(
            shape=alt.Shape("label:N", scale=shapes, legend=key),
            color=alt.Color("label:N", scale=colors, legend=key),
            tooltip=_tooltip(),
        )
    )
    return chart


def _rings(base: alt.Chart, *, numbered: bool) -> alt.LayerChart | alt.FacetChart:
    last = base.transform_filter("datum.is_last")
    outer = last.mark_point(size=330, filled=False, stroke="#ffffff", strokeWidth=5, opacity=0.9)
    inner = last.mark_point(size=330, filled=False, stroke="#1b1b1b", strokeWidth=2, opacity=1)
    if not numbered:
        return alt.layer(outer, inner)
    text: dict[str, Any] = {"dx": 16, "dy": -14, "fontSize": 14, "fontWeight": "bold"}
    number = alt.Text("step:Q")
    halo = last.mark_text(**text, stroke="#ffffff", strokeWidth=4).encode(text=number)
    ink = last.mark_text(**text, fill="#1b1b1b").encode(text=number)
    return alt.layer(outer, inner, halo, ink)


def _marked(base: alt.Chart) -> alt.LayerChart | alt.FacetChart:
    one = base.transform_filter("datum.is_marked")
    outer = one.mark_point(size=420, shape="diamond", filled=False, stroke="#ffffff", strokeWidth=5)
    inner = one.mark_point(
        size=420, shape="diamond", filled=False, stroke=_YOU_COLOR, strokeWidth=2.5
    )
    return alt.layer(outer, inner)


def _tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("id:Q", title="Point", format="d"),
        alt.Tooltip("label:N", title="Class"),
        alt.Tooltip("step:Q", title="Step (-1: not bought)", format="d"),
    ]


def race_chart(
    curves: pd.DataFrame, *, n_last: int, ceiling: float, height: int = 330
) -> ChartParts:
    """Accuracy over the labels paid for, one line per player, and what all labels would give.

    Args:
        curves: From `alscope.playground.frames.curve_rows`.
        n_last: Labels at the end of the game, so that the axis does not move.
        ceiling: Accuracy with every label.
        height: In pixels.
    """
    lowest = math.floor(10 * float(curves["accuracy"].min())) / 10
    kind = _Race(
        players=tuple(dict.fromkeys(zip(curves["player"], curves["strategy"], strict=True))),
        labels=(int(curves["n_annotated"].min()), n_last),
        low=min(0.5, lowest),
        height=height,
    )
    frames = {"curves": curves, "ceiling": pd.DataFrame({"accuracy": [ceiling]})}
    return ChartParts(json.loads(_race_template(kind)), frames)


class _Race(NamedTuple):
    """What the specification of curves depends on, besides its data."""

    players: tuple[tuple[str, str], ...]
    labels: tuple[int, int]
    low: float
    height: int


@lru_cache(maxsize=256)
def _race_template(kind: _Race) -> str:
    """The specification of curves as JSON; refers to its frames by name."""
    color, dash = _player_looks(dict(kind.players))
    scale = alt.Scale(domain=list(kind.labels), nice=False, zero=False)
    axis = alt.Axis(format="d", tickMinStep=1)
    y = alt.Y(
        "accuracy:Q", title="Test accuracy", scale=alt.Scale(domain=[kind.low, 1], nice=False)
    )
    lines = (
        alt.Chart(alt.NamedData(name="curves"))
        .mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(size=36))
        .encode(
            x=alt.X("n_annotated:Q", title="Labels paid for", axis=axis, scale=scale),
            y=y,
            color=color,
            strokeDash=dash,
            tooltip=[
                alt.Tooltip("strategy:N", title="Player"),
                alt.Tooltip("n_annotated:Q", title="Labels paid for"),
                alt.Tooltip("accuracy:Q", title="Test accuracy", format=".3f"),
                alt.Tooltip("worst:Q", title="Recall of the worst class", format=".3f"),
                alt.Tooltip("n_unknown:Q", title="Unknown points bought"),
            ],
        )
    )
    top = (
        alt.Chart(alt.NamedData(name="ceiling"))
        .mark_rule(color=_GREY, strokeDash=[2, 3])
        .encode(y=y, tooltip=[alt.Tooltip("accuracy:Q", title="With every label", format=".3f")])
    )
    return _as_json(alt.layer(top, lines).properties(height=kind.height))


def _as_json(chart: alt.LayerChart | alt.FacetChart) -> str:
    spec = chart.to_dict()
    spec.pop("config", None)  # what a global theme of Altair adds
    return json.dumps(spec)


def contest_chart(
    outcomes: pd.DataFrame, means: pd.DataFrame, *, yours: float | None, height: int = 60
) -> alt.LayerChart | alt.FacetChart:
    """Final accuracies of whole games: a tick per seed, mean and interval on top.

    Args:
        outcomes: strategy (title), player, seed, accuracy.
        means: strategy, player, mean, low, high, n.
        yours: Your accuracy, a line across; None for none.
        height: Of one player, in pixels.
    """
    titles = dict(zip(outcomes["player"], outcomes["strategy"], strict=True))
    color, _ = _player_looks(titles)
    scale = alt.Scale(zero=False, nice=True)
    y = alt.Y("strategy:N", title=None, sort=means["strategy"].tolist())
    ticks = (
        alt.Chart(outcomes)
        .mark_tick(thickness=2, opacity=0.5)
        .encode(
            x=alt.X("accuracy:Q", title="Test accuracy at the end", scale=scale),
            y=y,
            color=color.copy(),
            tooltip=[
                alt.Tooltip("strategy:N", title="Player"),
                alt.Tooltip("seed:Q", title="Seed", format="d"),
                alt.Tooltip("accuracy:Q", title="Test accuracy", format=".3f"),
            ],
        )
    )
    shown = alt.Chart(means).encode(
        y=y,
        tooltip=[
            alt.Tooltip("strategy:N", title="Player"),
            alt.Tooltip("mean:Q", title="Mean", format=".3f"),
            alt.Tooltip("low:Q", title="Low", format=".3f"),
            alt.Tooltip("high:Q", title="High", format=".3f"),
            alt.Tooltip("n:Q", title="Seeds"),
        ],
    )
    bars = shown.mark_rule(strokeWidth=4).encode(x="low:Q", x2="high:Q", color=color.copy())
    dots = shown.mark_point(size=90, filled=True, opacity=1).encode(x="mean:Q", color=color.copy())
    layers = [ticks, bars, dots]
    if yours is not None:
        line = alt.Chart(pd.DataFrame({"accuracy": [yours]})).mark_rule(
            color=_YOU_COLOR, strokeWidth=2, strokeDash=[6, 3]
        )
        layers.append(
            line.encode(
                x="accuracy:Q", tooltip=[alt.Tooltip("accuracy:Q", title="You", format=".3f")]
            )
        )
    n_players = means["strategy"].nunique()
    return alt.layer(*layers).properties(height=60 + height * n_players)


def drawing_chart(
    dots: pd.DataFrame, places: pd.DataFrame, *, edge: float
) -> alt.LayerChart | alt.FacetChart:
    """A board to draw on: places to click on, and the points drawn so far.

    Args:
        dots: x, y, label of the drawn points.
        places: x, y, column, row of what can be clicked; a click selects column and row.
        edge: Half the width of the picture.
    """
    pick = alt.selection_point(name=PICK, fields=["column", "row"], on="click", clear=False)
    squares = (
        alt.Chart(places)
        .mark_square(size=110, opacity=0.12, color=_GREY, cursor="crosshair")
        .encode(**_place(edge))
        .add_params(pick)
    )
    styled = dots.assign(state="labeled", id=range(len(dots)), step=0)
    shown = _bought(alt.Chart(styled).encode(**_place(edge)), _NAMES, title="Class")
    return alt.layer(squares, shown).properties(height=560)


def _player_looks(titles: dict[str, str]) -> tuple[alt.Color, alt.StrokeDash]:
    looks = styles(name for name in titles if name != YOU)
    colors = [_YOU_COLOR if name == YOU else looks[name].color for name in titles]
    dashes: Any = [[1, 0] if name == YOU else list(looks[name].dash) for name in titles]
    domain = list(titles.values())
    legend = alt.Legend(title=None, symbolType="stroke", symbolStrokeWidth=3)
    return (
        alt.Color("strategy:N", scale=alt.Scale(domain=domain, range=colors), legend=legend),
        alt.StrokeDash("strategy:N", scale=alt.Scale(domain=domain, range=dashes), legend=legend),
    )
