"""What selection costs: growth with the pool, and quality against seconds."""

from __future__ import annotations

from typing import cast

import altair as alt
import pandas as pd

from alscope.charts.theme import color_and_dash, styles

__all__ = ["growth_chart", "growth_data", "pareto_chart", "pareto_data"]

_GREY = "#8c8c8c"


def growth_data(growth: pd.DataFrame) -> pd.DataFrame:
    """Exactly the rows that `growth_chart` draws: queries that took measurable time.

    Args:
        growth: From `alscope.results.cost.growth_table`.

    Returns:
        Its columns, and `label`: the strategy with the number of queries measured.
    """
    drawn = growth[growth["seconds"] > 0].reset_index(drop=True)
    totals = drawn.groupby("strategy")["n"].sum()
    labels = {name: f"{name} (n={n})" for name, n in totals.items()}
    return drawn.assign(label=drawn["strategy"].map(labels).astype("str"))


def growth_chart(data: pd.DataFrame, *, height: int = 360) -> alt.Chart:
    """Selection time against the size of the pool, both logarithmic.

    Args:
        data: From `growth_data`.
        height: In pixels.
    """
    labels = dict(zip(data["strategy"], data["label"], strict=True))
    color, dash = color_and_dash(labels, labels, title="Strategy (queries measured)")
    log = alt.Scale(type="log", nice=False)
    chart: alt.Chart = (
        alt.Chart(data)
        .mark_line(point=alt.OverlayMarkDef(size=30), strokeWidth=2)
        .encode(
            x=alt.X("n_pool:Q", title="Samples in the pool", scale=log),
            y=alt.Y("seconds:Q", title="Median selection seconds", scale=log),
            color=color,
            strokeDash=dash,
            detail=["strategy:N", "device:N", "n_threads:N"],
            tooltip=[
                alt.Tooltip("strategy:N", title="Strategy"),
                alt.Tooltip("scenario:N", title="Scenario"),
                alt.Tooltip("n_pool:Q", title="Samples in the pool", format=","),
                alt.Tooltip("seconds:Q", title="Median seconds", format=".4g"),
                alt.Tooltip("low:Q", title="Lower quartile", format=".4g"),
                alt.Tooltip("high:Q", title="Upper quartile", format=".4g"),
                alt.Tooltip("device:N", title="Device"),
                alt.Tooltip("n_threads:Q", title="Threads"),
                alt.Tooltip("n:Q", title="Queries measured"),
            ],
        )
        .properties(height=height, description="Selection seconds by samples in the pool")
    )
    return chart


def pareto_data(points: pd.DataFrame) -> pd.DataFrame:
    """Exactly the rows that `pareto_chart` draws: points that took measurable time.

    Args:
        points: From `alscope.results.cost.pareto_table`.
    """
    return points[points["seconds"] > 0].reset_index(drop=True)


def pareto_chart(data: pd.DataFrame, *, y_title: str, height: int = 380) -> alt.LayerChart:
    """Area against seconds per query; what another strategy beats in both is grey.

    Args:
        data: From `pareto_data`, of one scenario and machine.
        y_title: Title of the vertical axis.
        height: In pixels.
    """
    looks = styles(data["strategy"])
    colors = alt.Scale(domain=list(looks), range=[look.color for look in looks.values()])
    base = alt.Chart(data).encode(
        x=alt.X(
            "seconds:Q",
            title="Seconds per query, auxiliary training included",
            scale=alt.Scale(type="log", nice=False, padding=40),
        ),
        color=alt.condition(
            "datum.dominated",
            alt.value(_GREY),
            alt.Color("strategy:N", scale=colors, legend=None),
        ),
        tooltip=[
            alt.Tooltip("strategy:N", title="Strategy"),
            alt.Tooltip("aubc:Q", title=y_title, format=".4f"),
            alt.Tooltip("low:Q", title="Low", format=".4f"),
            alt.Tooltip("high:Q", title="High", format=".4f"),
            alt.Tooltip("seconds:Q", title="Seconds per query", format=".4g"),
            alt.Tooltip("dominated:N", title="Beaten in both"),
            alt.Tooltip("n:Q", title="Seeds"),
        ],
    )
    y = alt.Y("aubc:Q", title=y_title, scale=alt.Scale(zero=False))
    front = (
        alt.Chart(data)
        .transform_filter("!datum.dominated")
        .mark_line(color=_GREY, strokeDash=[4, 3], interpolate="step-after", strokeWidth=1)
        .encode(x="seconds:Q", y=y, order="seconds:Q")
    )
    spread = base.mark_rule(strokeWidth=1.5).encode(
        y=alt.Y("low:Q", title=y_title, scale=alt.Scale(zero=False)), y2="high:Q"
    )
    points = base.mark_point(filled=True, size=90, opacity=1).encode(
        y=y,
        shape=alt.condition("datum.dominated", alt.value("cross"), alt.value("circle")),
    )
    # The front above its points, the others below theirs: fewer names on top of each other.
    names = [
        base.transform_filter(which)
        .mark_text(align="left", dx=9, dy=dy, fontSize=12)
        .encode(y=y, text="strategy:N")
        for which, dy in (("!datum.dominated", -8), ("datum.dominated", 12))
    ]
    together = alt.layer(front, spread, points, *names).properties(
        height=height, description=f"{y_title} by seconds per query"
    )
    return cast("alt.LayerChart", together)
