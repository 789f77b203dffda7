"""What was bought: classes against the pool, doubt about known and unknown, overlap of choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import altair as alt
import pandas as pd

from alscope.charts.theme import styles

__all__ = ["ood_chart", "overlap_chart", "shares_chart", "tradeoff_chart"]

_AROUND = 190
"""Pixels for axis and legend, which are part of a chart's height in the app."""
_SERIES = {"pool": "#8a8a8a", "this query": "#d55e00", "labeled so far": "#0072b2"}
_KINDS = {"known class": ("#0072b2", [1, 0]), "unknown class": ("#d55e00", [6, 3])}


def shares_chart(data: pd.DataFrame, *, row_height: int = 40) -> alt.Chart:
    """Bars of every class: its share of the pool, of the query, of the labeled set.

    Args:
        data: From `alscope.results.balance.shares_frame`.
        row_height: Of one class, in pixels.
    """
    present = [series for series in _SERIES if (data["series"] == series).any()]
    colors = [_SERIES[series] for series in present]
    chart: alt.Chart = (
        alt.Chart(data)
        .mark_bar()
        .encode(
            y=alt.Y("class_name:N", sort=alt.SortField("class_index"), title=None),
            yOffset=alt.YOffset("series:N", sort=present),
            x=alt.X("share:Q", title="Share", axis=alt.Axis(format="%")),
            color=alt.Color(
                "series:N", scale=alt.Scale(domain=present, range=colors), title=None, sort=present
            ),
            tooltip=[
                alt.Tooltip("class_name:N", title="Class"),
                alt.Tooltip("series:N", title="Share of"),
                alt.Tooltip("n:Q", title="Samples", format=","),
                alt.Tooltip("share:Q", title="Share", format=".1%"),
            ],
        )
        .properties(height=_AROUND + row_height * data["class_index"].nunique())
    )
    return chart


def ood_chart(data: pd.DataFrame, *, height: int = 360) -> alt.Chart:
    """Distribution of the OOD score over known and over unknown candidates.

    Args:
        data: From `alscope.results.openset.ood_histogram`.
        height: In pixels.
    """
    scale = alt.Scale(domain=list(_KINDS), range=[color for color, _ in _KINDS.values()])
    dashes = alt.Scale(domain=list(_KINDS), range=[dash for _, dash in _KINDS.values()])
    chart: alt.Chart = (
        alt.Chart(data)
        .mark_area(interpolate="step-after", fillOpacity=0.25, line=True)
        .encode(
            x=alt.X("low:Q", title="OOD score (1 - largest probability)"),
            y=alt.Y("share:Q", title="Share of the kind", stack=None, axis=alt.Axis(format="%")),
            color=alt.Color("kind:N", scale=scale, title=None),
            strokeDash=alt.StrokeDash("kind:N", scale=dashes, title=None),
            tooltip=[
                alt.Tooltip("kind:N", title="Kind"),
                alt.Tooltip("low:Q", title="From", format=".2f"),
                alt.Tooltip("high:Q", title="To", format=".2f"),
                alt.Tooltip("n:Q", title="Samples", format=","),
                alt.Tooltip("share:Q", title="Share", format=".1%"),
            ],
        )
        .properties(height=height)
    )
    return chart


def overlap_chart(
    data: pd.DataFrame, *, front: Sequence[str] = (), cell: int = 44
) -> alt.LayerChart:
    """Matrix of Jaccard indices; the diagonal holds the reference between seeds.

    Args:
        data: From `alscope.results.overlap.overlap_frame`.
        front: Strategies to begin with; the others follow by name.
        cell: Height of a row, in pixels.
    """
    names = [name for name in front if (data["first"] == name).any()]
    names += [name for name in sorted(data["first"].unique()) if name not in names]
    base = alt.Chart(data).encode(
        x=alt.X("second:N", sort=names, title=None, axis=alt.Axis(labelAngle=-40, orient="top")),
        y=alt.Y("first:N", sort=names, title=None),
        tooltip=[
            alt.Tooltip("first:N", title="Strategy"),
            alt.Tooltip("second:N", title="Against"),
            alt.Tooltip("kind:N", title="Compared on"),
            alt.Tooltip("jaccard:Q", title="Jaccard index (mean)", format=".3f"),
            alt.Tooltip("low:Q", title="Smallest", format=".3f"),
            alt.Tooltip("high:Q", title="Largest", format=".3f"),
            alt.Tooltip("n:Q", title="Pairs of runs"),
        ],
    )
    largest = float(data["jaccard"].max())
    cells = base.mark_rect().encode(
        color=alt.Color(
            "jaccard:Q",
            title="Jaccard index",
            scale=alt.Scale(scheme="blues", domain=[0, largest]),
            legend=None,
        ),
        stroke=alt.condition(
            "datum.first === datum.second", alt.value("#d55e00"), alt.value("transparent")
        ),
        strokeWidth=alt.value(2),
    )
    dark = alt.datum.jaccard > 0.6 * largest
    texts = base.mark_text().encode(
        text=alt.Text("jaccard:Q", format=".2f"),
        color=alt.condition(dark, alt.value("white"), alt.value("#1b1b1b")),
    )
    height = 90 + cell * len(names)
    return cast("alt.LayerChart", alt.layer(cells, texts).properties(height=height))


def tradeoff_chart(
    data: pd.DataFrame, *, front: Sequence[str] = (), height: int = 300
) -> alt.LayerChart:
    """Purity of what was bought against the accuracy it gave, one point per strategy.

    Args:
        data: From `alscope.results.openset.tradeoff_frame`.
        front: Strategies drawn in full strength; the others are faint.
        height: In pixels.
    """
    looks = styles(data["strategy"])
    in_front = alt.FieldOneOfPredicate("strategy", list(front) or list(looks))
    base = alt.Chart(data).encode(
        x=alt.X("purity:Q", title="Mean purity", scale=alt.Scale(zero=False)),
        y=alt.Y("accuracy:Q", title="Final accuracy", scale=alt.Scale(zero=False)),
        tooltip=[
            alt.Tooltip("strategy:N", title="Strategy"),
            alt.Tooltip("purity:Q", title="Mean purity", format=".3f"),
            alt.Tooltip("accuracy:Q", title="Final accuracy", format=".3f"),
            alt.Tooltip("n:Q", title="Seeds"),
        ],
    )
    points = base.mark_point(size=90, filled=True).encode(
        opacity=alt.condition(in_front, alt.value(1.0), alt.value(0.45)),
        color=alt.Color(
            "strategy:N",
            legend=None,
            scale=alt.Scale(domain=list(looks), range=[look.color for look in looks.values()]),
        ),
    )
    names = base.mark_text(align="left", dx=9, color="#7f7f7f").encode(text="strategy:N")
    return cast("alt.LayerChart", alt.layer(points, names).properties(height=height))
