"""Who beats whom: the matrix, and what is behind one of its cells."""

from __future__ import annotations

import json
from typing import Any

import altair as alt
import pandas as pd

from alscope.charts.hover import budget_rule
from alscope.charts.theme import style_of

__all__ = [
    "BEATEN",
    "BEATS",
    "SHAPES",
    "block_dots_chart",
    "difference_chart",
    "matrix_chart",
    "matrix_data",
    "pair_data",
]

BEATS, BEATEN = "beats others", "is beaten"
"""Titles of the column and the row of means."""

SHAPES = {"triangle-up": "▲", "triangle-down": "▼", "circle": "●", "cross": "✚"}
"""Marks for: the first strategy is better, the second, not shown, cannot be shown."""

_PALE, _DEEP = "#f1f4f8", "#0b3d73"
_SWITCH = 0.68
"""Share of the colour scale from which white text has the higher contrast."""

_NEUTRAL = "#7f7f7f"
_MEANS = "#e8dfc8"  # a tile of its own: text on it is dark in every theme


def matrix_data(matrix: pd.DataFrame, order: pd.DataFrame, value: str) -> pd.DataFrame:
    """Exactly the rows that `matrix_chart` draws.

    Args:
        matrix: From `alscope.results.matrices.matrix_frame`.
        order: From `matrix_order` of the same value.
        value: "share" or "penalty".

    Returns:
        The columns of `matrix`, `kind` ("cell" or "mean"), `value` and `text`. Means have their
        own row and column; cells that cannot show a win have the text "n/a".
    """
    cells = matrix.assign(kind="cell", value=matrix[value])
    right = pd.DataFrame({"row": order["strategy"], "column": BEATS, "value": order["beats"]})
    below = pd.DataFrame({"row": BEATEN, "column": order["strategy"], "value": order["beaten"]})
    data = pd.concat(
        [cells, right.assign(kind="mean"), below.assign(kind="mean")], ignore_index=True
    )
    percent = (100 * data["value"]).round()
    text = percent if value == "share" else data["value"].round(1)
    words = [
        "n/a" if pd.isna(number) else f"{number:.0f}" if value == "share" else f"{number:.1f}"
        for number in text
    ]
    return data.assign(text=pd.Series(words, dtype="str"))


def matrix_chart(
    data: pd.DataFrame,
    order: list[str],
    *,
    value: str,
    title: str,
    chosen: tuple[str, str] | None = None,
) -> alt.LayerChart | alt.FacetChart:
    """Rows beat columns; a click on a cell is the selection `cell` with `row` and `column`.

    Args:
        data: From `matrix_data`.
        order: Strategies, the best first.
        value: "share" or "penalty".
        title: What the numbers are.
        chosen: Row and column of the cell to outline.
    """
    top = 1.0 if value == "share" else max(float(data["n_scenarios"].max() or 1), 1.0)
    selection = alt.selection_point(name="cell", fields=["row", "column"], empty=False)
    plain: Any = {"domain": False, "ticks": False, "labelOverlap": False, "labelLimit": 125}
    x_axis = alt.Axis(orient="top", labelAngle=-60, **plain)
    y_axis = alt.Axis(**plain)
    base = alt.Chart(data).encode(
        x=alt.X("column:N", sort=[*order, BEATS], title=None, axis=x_axis),
        y=alt.Y("row:N", sort=[*order, BEATEN], title=None, axis=y_axis),
        tooltip=_matrix_tooltip(value, title),
    )
    cells = base.transform_filter("datum.kind == 'cell'")
    scale = alt.Scale(domain=[0, top], range=[_PALE, _DEEP], interpolate="rgb", clamp=True)
    tiles = cells.mark_rect(cursor="pointer").encode(
        color=alt.Color("value:Q", scale=scale, legend=None)
    )
    # The number of columns is fixed, the width is not: text shrinks with the cell.
    n_columns = len(order) + 1
    size = alt.ExprRef(f"max(4, min(13, width / {n_columns} / 2.3))")
    text = cells.mark_text(fontSize=size).encode(
        text="text:N",
        color=alt.condition(
            f"isValid(datum.value) && datum.value > {_SWITCH * top}",
            alt.value("#ffffff"),
            alt.value("#111111"),
        ),
    )
    means = base.transform_filter("datum.kind == 'mean'")
    layers: list[alt.Chart] = [
        tiles.add_params(selection),
        text,
        means.mark_rect(color=_MEANS),
        means.mark_text(fontSize=size, fontWeight="bold", color="#111111").encode(text="text:N"),
    ]
    if chosen:
        row, column = map(json.dumps, chosen)
        here = base.transform_filter(f"datum.row == {row} && datum.column == {column}")
        layers.append(here.mark_rect(fillOpacity=0, stroke="#d55e00", strokeWidth=3))
    chart = alt.layer(*layers)
    return chart.properties(height=90 + 28 * (len(order) + 1))


def pair_data(blocks: pd.DataFrame) -> pd.DataFrame:
    """Exactly the rows that the two charts of a pair draw.

    Args:
        blocks: From `alscope.results.pairwise.pair_blocks`.

    Returns:
        Its columns and `result`: who is better in the block, or why that is not said.
    """
    results = [
        f"{first} better"
        if outcome > 0
        else f"{second} better"
        if outcome < 0
        else "cannot be shown"
        if smallest > 0.05
        else "not shown"
        for first, second, outcome, smallest in zip(
            blocks["first"],
            blocks["second"],
            blocks["outcome"],
            blocks["smallest_corrected"],
            strict=True,
        )
    ]
    return blocks.assign(result=pd.Series(results, dtype="str"))[blocks["n"] > 0].reset_index(
        drop=True
    )


def difference_chart(
    data: pd.DataFrame,
    first: str,
    second: str,
    *,
    y_title: str,
    budget: int | None = None,
    height: int = 260,
) -> alt.LayerChart | alt.FacetChart:
    """Mean paired difference over the budget in one scenario, with its 95 % t-interval.

    Args:
        data: From `pair_data`, of one scenario.
        first: The strategy whose advantage is above zero.
        second: The other.
        y_title: Title of the vertical axis.
        budget: Annotations to mark, if they are within the curve; None: none.
        height: In pixels.
    """
    base = alt.Chart(data).encode(
        x=alt.X("n_annotated:Q", title="Annotated samples", scale=alt.Scale(zero=False))
    )
    zero = (
        alt.Chart(data)
        .mark_rule(color=_NEUTRAL, strokeDash=[4, 3], aria=False)
        .encode(y=alt.datum(0))
    )
    color = style_of(first).color
    band = base.mark_area(opacity=0.22, color=color, strokeWidth=0).encode(
        y=alt.Y("low:Q", title=y_title), y2="high:Q"
    )
    line = base.mark_line(color=color).encode(y=alt.Y("difference:Q", title=y_title))
    points = _points(base, first, second).encode(y=alt.Y("difference:Q", title=y_title))
    layers = [zero, band, line, points]
    if budget is not None and data["n_annotated"].min() <= budget <= data["n_annotated"].max():
        layers.insert(0, budget_rule(budget))
    return alt.layer(*layers).properties(height=height, description=y_title)


def block_dots_chart(
    data: pd.DataFrame, first: str, second: str, *, x_title: str
) -> alt.LayerChart | alt.FacetChart:
    """The difference in every block, a row per scenario.

    Args:
        data: From `pair_data`.
        first: The strategy whose advantage is to the right of zero.
        second: The other.
        x_title: Title of the horizontal axis.
    """
    base = alt.Chart(data).encode(y=alt.Y("scenario:N", title=None, axis=alt.Axis(labelLimit=220)))
    zero = (
        alt.Chart(data)
        .mark_rule(color=_NEUTRAL, strokeDash=[4, 3], aria=False)
        .encode(x=alt.datum(0))
    )
    dots = _points(base, first, second).encode(
        x=alt.X("difference:Q", title=x_title, axis=alt.Axis(tickCount=6))
    )
    chart = alt.layer(zero, dots)
    return chart.properties(height=60 + 30 * data["scenario"].nunique())


def _points(base: alt.Chart, first: str, second: str) -> alt.Chart:
    """Marks that tell by colour and shape who is better in a block; `SHAPES` says how."""
    domain = [f"{first} better", f"{second} better", "not shown", "cannot be shown"]
    colors = [style_of(first).color, style_of(second).color, _NEUTRAL, _NEUTRAL]
    shapes = list(SHAPES)
    marks: alt.Chart = base.mark_point(size=70, filled=True, opacity=0.85)
    return marks.encode(
        color=alt.Color("result:N", scale=alt.Scale(domain=domain, range=colors), legend=None),
        shape=alt.Shape("result:N", scale=alt.Scale(domain=domain, range=shapes), legend=None),
        tooltip=[
            alt.Tooltip("scenario:N", title="Scenario"),
            alt.Tooltip("n_annotated:Q", title="Annotated samples"),
            alt.Tooltip("difference:Q", title=f"{first} - {second}", format="+.4f"),
            alt.Tooltip("low:Q", title="Low", format="+.4f"),
            alt.Tooltip("high:Q", title="High", format="+.4f"),
            alt.Tooltip("p:Q", title="p", format=".3g"),
            alt.Tooltip("p_corrected:Q", title="p corrected", format=".3g"),
            alt.Tooltip("n:Q", title="Seeds"),
            alt.Tooltip("result:N", title="Result"),
        ],
    )


def _matrix_tooltip(value: str, title: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("row:N", title="Row"),
        alt.Tooltip("column:N", title="Column"),
        alt.Tooltip("value:Q", title=title, format=".0%" if value == "share" else ".2f"),
        alt.Tooltip("n_wins:Q", title="Blocks won"),
        alt.Tooltip("n_blocks:Q", title="Blocks"),
        alt.Tooltip("n_reachable:Q", title="Blocks that could show a win"),
    ]
