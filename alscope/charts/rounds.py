"""Lines over the rounds of one trial: some strategies in front, the others behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import altair as alt
import pandas as pd

from alscope.charts.theme import Style, styles

__all__ = ["round_chart", "round_data"]

_REFERENCE = Style("#b8860b", (1, 3))


def round_data(frame: pd.DataFrame, value: str) -> pd.DataFrame:
    """Exactly the rows that `round_chart` draws.

    Args:
        frame: With the columns strategy, round and `value`.
        value: Column of the vertical axis.

    Returns:
        strategy, round and `value`, sorted; rows without a value are left out.
    """
    drawn = frame.loc[frame[value].notna(), ["strategy", "round", value]]
    return drawn.sort_values(["strategy", "round"]).reset_index(drop=True)


def round_chart(
    data: pd.DataFrame,
    value: str,
    *,
    title: str,
    front: Sequence[str],
    reference: str = "",
    round: int | None = None,
    zero: bool = False,
    height: int = 300,
) -> alt.LayerChart:
    """One line per strategy over the rounds.

    Args:
        data: From `round_data`.
        value: Column of the vertical axis.
        title: Of that axis.
        front: Strategies drawn in full strength; the others are faint.
        reference: A value of the column strategy that is no strategy but a reference.
        round: Marked by a vertical line.
        zero: Let the vertical axis start at zero.
        height: Of the plot, in pixels; the legend comes on top.
    """
    names = [name for name in data["strategy"].unique() if name != reference]
    looks = styles(names) | ({reference: _REFERENCE} if reference else {})
    dashes: Any = [list(style.dash) for style in looks.values()]
    legend = alt.Legend(title="Strategy", symbolType="stroke", symbolStrokeWidth=3)
    in_front = alt.FieldOneOfPredicate("strategy", [*front, reference])
    lines = (
        alt.Chart(data)
        .mark_line(point=alt.OverlayMarkDef(size=36))
        .encode(
            x=alt.X("round:Q", title="Round", axis=alt.Axis(tickMinStep=1, format="d")),
            y=alt.Y(f"{value}:Q", title=title, scale=alt.Scale(zero=zero)),
            color=alt.Color(
                "strategy:N",
                legend=legend,
                scale=alt.Scale(domain=list(looks), range=[look.color for look in looks.values()]),
            ),
            strokeDash=alt.StrokeDash(
                "strategy:N", legend=legend, scale=alt.Scale(domain=list(looks), range=dashes)
            ),
            opacity=alt.condition(in_front, alt.value(1.0), alt.value(0.45)),
            strokeWidth=alt.condition(in_front, alt.value(3), alt.value(1.5)),
            tooltip=[
                alt.Tooltip("strategy:N", title="Strategy"),
                alt.Tooltip("round:Q", title="Round"),
                alt.Tooltip(f"{value}:Q", title=title, format=".4~f"),
            ],
        )
    )
    layers = [lines] if round is None else [_cursor(round), lines]
    return cast(
        "alt.LayerChart", alt.layer(*layers).properties(height=height + _legend_height(len(looks)))
    )


def _legend_height(n: int) -> int:
    # In the app a legend stands below the plot in two columns and takes its part of the height.
    return 60 + 22 * -(-n // 2)


def _cursor(round: int) -> alt.Chart:
    rule = alt.Chart(pd.DataFrame({"round": [round]})).mark_rule(opacity=0.5, color="#7f7f7f")
    chart: alt.Chart = rule.encode(x="round:Q")
    return chart
