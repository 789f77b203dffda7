"""Learning curves: a line for the mean and a band over seeds, per strategy."""

from __future__ import annotations

import altair as alt
import pandas as pd

from alscope.charts.theme import color_and_dash

__all__ = ["curve_chart", "curve_data"]


def curve_data(curves: pd.DataFrame) -> pd.DataFrame:
    """Exactly the rows that `curve_chart` draws.

    Args:
        curves: From `alscope.results.curves.curve_frame`.

    Returns:
        Its columns, and `label`: the strategy with its number of seeds, a range where that varies.
        Rows without a mean are left out.
    """
    drawn = curves[curves["mean"].notna()]
    counts = drawn.groupby("strategy")["n"].agg(["min", "max"])
    labels = {
        str(strategy): f"{strategy} (n={_range(row['min'], row['max'])})"
        for strategy, row in counts.iterrows()
    }
    return drawn.assign(label=drawn["strategy"].map(labels).astype("str")).reset_index(drop=True)


def curve_chart(
    data: pd.DataFrame,
    *,
    y_title: str,
    x: str = "n_annotated",
    x_title: str = "Annotations",
    height: int = 380,
) -> alt.LayerChart | alt.FacetChart:
    """Mean curves with bands; a click in the legend highlights, shift-click adds.

    Args:
        data: From `curve_data`; several scenarios become panels.
        y_title: Title of the vertical axis, which does not start at zero.
        x: Column of the horizontal axis.
        x_title: Its title.
        height: Of one panel, in pixels.
    """
    labels = dict(zip(data["strategy"], data["label"], strict=True))
    color, dash = color_and_dash(labels, labels)
    chosen = alt.selection_point(name="strategy", fields=["label"], bind="legend")
    base = alt.Chart(data).encode(
        x=alt.X(f"{x}:Q", title=x_title, scale=alt.Scale(zero=False)), color=color
    )
    band = base.mark_area(strokeWidth=0).encode(
        y=alt.Y("low:Q", title=y_title, scale=alt.Scale(zero=False)),
        y2="high:Q",
        # Many bands on top of each other would hide the lines.
        opacity=alt.condition(chosen, alt.value(0.3 / max(len(labels), 2)), alt.value(0.01)),
    )
    line = base.mark_line(point=alt.OverlayMarkDef(size=30), strokeWidth=2).encode(
        y=alt.Y("mean:Q", title=y_title, scale=alt.Scale(zero=False)),
        strokeDash=dash,
        opacity=alt.condition(chosen, alt.value(1.0), alt.value(0.12)),
        tooltip=_tooltip(x, x_title, y_title),
    )
    layers = alt.layer(band, line).add_params(chosen).properties(height=height)
    names = sorted(data["strategy"].unique())
    description = f"{y_title} over {x_title.lower()} for {', '.join(names) or 'no strategy'}"
    if data["scenario"].nunique() > 1:
        panels: alt.FacetChart = layers.facet(facet=alt.Facet("scenario:N", title=None), columns=2)
        # Budgets and difficulty differ between scenarios.
        panels = panels.resolve_scale(x="independent", y="independent")
        return panels.properties(description=description)
    return layers.properties(description=description)


def _tooltip(x: str, x_title: str, y_title: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("scenario:N", title="Scenario"),
        alt.Tooltip("strategy:N", title="Strategy"),
        alt.Tooltip(f"{x}:Q", title=x_title),
        alt.Tooltip("mean:Q", title=y_title, format=".4f"),
        alt.Tooltip("band:N", title="Band"),
        alt.Tooltip("low:Q", title="Low", format=".4f"),
        alt.Tooltip("high:Q", title="High", format=".4f"),
        alt.Tooltip("n:Q", title="Seeds"),
    ]


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"
