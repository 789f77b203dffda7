"""Learning curves: a line for the mean and a band over seeds, per strategy."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import cast

import altair as alt
import pandas as pd

from alscope.charts.hover import budget_click, budget_rule, listing_rule
from alscope.charts.theme import color_and_dash

__all__ = ["MEAN", "CurveLook", "curve_chart", "curve_data"]

MEAN = "mean"
"""What the column `seed` says of rows that are means."""


@dataclass(frozen=True)
class CurveLook:
    """How curves are drawn besides what they show.

    Attributes:
        log: Logarithmic horizontal axis; points at 0 or below are not drawn.
        best_is_low: The best curve is the lowest: ranks, and measures of which less is better. It
            is listed first; for ranks the axis is turned as well.
        turned: Ranks: 1 on top, the number of strategies at the bottom.
        budget: A chosen budget to mark; None: none.
        pointing: List all curves at the budget under the pointer, and let a click choose it.
    """

    log: bool = False
    best_is_low: bool = False
    turned: bool = False
    budget: int | None = None
    pointing: bool = False


def curve_data(
    curves: pd.DataFrame,
    *,
    seeds: pd.DataFrame | None = None,
    highlighted: Collection[str] | None = None,
) -> pd.DataFrame:
    """Exactly the rows that `curve_chart` draws.

    Args:
        curves: From `alscope.results.curves.curve_frame` or `mean_curves`.
        seeds: From `alscope.results.values.value_frame`, to draw every seed beside the mean.
        highlighted: Strategies with colours of their own; the others are grey. None: all.

    Returns:
        Its columns, and `label`: the strategy with its number of seeds, a range where that varies;
        for grey ones how many they are. With `seeds` also `seed`: "mean", or the seed of a single
        run, whose value is in `mean`. Rows without a value are left out.
    """
    drawn = curves[curves["mean"].notna()]
    labels = _labels(drawn, highlighted)
    if seeds is not None:
        single = seeds.rename(columns={"block": "seed", "value": "mean"}).assign(n=1)
        single = single[single["mean"].notna() & single["strategy"].isin(labels)]
        together = pd.concat([drawn.assign(seed=MEAN), single], ignore_index=True)
        kept = [*drawn.columns, "seed"]
        drawn = together[kept].astype({"seed": "str"})
    return drawn.assign(label=drawn["strategy"].map(labels).astype("str")).reset_index(drop=True)


def curve_chart(
    data: pd.DataFrame,
    *,
    y_title: str,
    x: str = "n_annotated",
    x_title: str = "Annotations",
    height: int = 380,
    look: CurveLook | None = None,
) -> alt.LayerChart | alt.FacetChart:
    """Mean curves with bands; a click in the legend highlights, shift-click adds.

    Args:
        data: From `curve_data`; several scenarios become panels.
        y_title: Title of the vertical axis, which does not start at zero.
        x: Column of the horizontal axis.
        x_title: Its title.
        height: Of one panel, in pixels.
        look: Everything else; None: plain.
    """
    layers = _Layers(data, x, x_title, y_title, look or CurveLook()).chart()
    layers = layers.properties(height=height)
    names = sorted(data["strategy"].unique())
    description = f"{y_title} over {x_title.lower()} for {', '.join(names) or 'no strategy'}"
    if data["scenario"].nunique() > 1:
        panels: alt.FacetChart = layers.facet(facet=alt.Facet("scenario:N", title=None), columns=2)
        # Budgets and difficulty differ between scenarios.
        panels = panels.resolve_scale(x="independent", y="independent")
        return panels.properties(description=description)
    return layers.properties(description=description)


class _Layers:
    """The layers of one panel, which share encodings and one selection of the legend."""

    def __init__(
        self, data: pd.DataFrame, x: str, x_title: str, y_title: str, look: CurveLook
    ) -> None:
        labels = dict(zip(data["strategy"], data["label"], strict=True))
        self.data, self.x, self.look = data, x, look
        self.titles = x_title, y_title
        self.grey = sorted({label for label in labels.values() if label.startswith(_OTHERS)})
        color, self.dash = color_and_dash(labels, labels, grey=self.grey)
        self.n_lines = len(labels)
        self.chosen = alt.selection_point(name="strategy", fields=["label"], bind="legend")
        base = alt.Chart(data)
        if look.log:
            base = base.transform_filter(f"datum.{x} > 0")
        scale = alt.Scale(type="log", nice=False) if look.log else alt.Scale(zero=False)
        self.axis = alt.X(f"{x}:Q", title=x_title, scale=scale)
        self.base = base.encode(x=self.axis, color=color, detail="strategy:N")
        # An interval may reach beyond the possible ranks; it is drawn up to them.
        ranks = [1, max(2, data["strategy"].nunique())]
        turned = alt.Scale(reverse=True, domain=ranks, clamp=True)
        self.height = turned if look.turned else alt.Scale(zero=False)

    def chart(self) -> alt.LayerChart:
        """All layers, the mean curves on top of everything but the pointer's rule."""
        means = self._only("seed", MEAN) if "seed" in self.data else self.base
        # Vega warns of a band without any extent.
        layers = [self._band(means)] if self.data["low"].notna().any() else []
        if "seed" in self.data:
            layers.append(self._seeds())
        layers += [self._line(means, grey=True)] if self.grey else []
        layers.append(self._line(means, grey=False))
        layers += self._pointing(means) if self.look.pointing else []
        return cast("alt.LayerChart", alt.layer(*layers).add_params(self.chosen))

    def _y(self, column: str = "mean") -> alt.Y:
        return alt.Y(f"{column}:Q", title=self.titles[1], scale=self.height)

    def _only(self, column: str, value: str, *, equal: bool = True) -> alt.Chart:
        sign = "===" if equal else "!=="
        chart: alt.Chart = self.base.transform_filter(f"datum.{column} {sign} '{value}'")
        return chart

    def _band(self, means: alt.Chart) -> alt.Chart:
        # Many bands on top of each other would hide the lines.
        faint = alt.condition(
            self.chosen, alt.value(0.3 / min(max(self.n_lines, 2), 8)), alt.value(0.01)
        )
        shown = self._without_grey(means)
        band: alt.Chart = shown.mark_area(strokeWidth=0).encode(
            y=self._y("low"), y2="high:Q", opacity=faint
        )
        return band

    def _seeds(self) -> alt.Chart:
        shown = self._without_grey(self._only("seed", MEAN, equal=False))
        thin: alt.Chart = shown.mark_line(strokeWidth=0.8).encode(
            y=self._y(),
            detail=["strategy:N", "seed:N"],
            strokeDash=self.dash,
            opacity=alt.condition(self.chosen, alt.value(0.45), alt.value(0.04)),
        )
        return thin

    def _line(self, means: alt.Chart, *, grey: bool) -> alt.Chart:
        if grey:
            shown = means.transform_filter(f"datum.label === '{self.grey[0]}'")
            mark = shown.mark_line(strokeWidth=1)
            visible = 0.8
        else:
            mark = self._without_grey(means).mark_line(
                point=alt.OverlayMarkDef(size=30), strokeWidth=2
            )
            visible = 1.0
        line: alt.Chart = mark.encode(
            y=self._y(),
            strokeDash=self.dash,
            opacity=alt.condition(self.chosen, alt.value(visible), alt.value(0.12)),
            tooltip=_tooltip(self.x, *self.titles),
        )
        return line

    def _without_grey(self, chart: alt.Chart) -> alt.Chart:
        if not self.grey:
            return chart
        kept: alt.Chart = chart.transform_filter(f"datum.label !== '{self.grey[0]}'")
        return kept

    def _pointing(self, means: alt.Chart) -> list[alt.Chart]:
        """The pointer's rule where the axis is the budget, rings at the budget elsewhere."""
        budget = self.look.budget
        if self.x == "n_annotated":
            plain = alt.Chart(self.data).encode(x=self.axis)
            if "seed" in self.data:
                plain = plain.transform_filter(f"datum.seed === '{MEAN}'")
            rule = listing_rule(
                plain,
                n_lines=self.n_lines,
                order="ascending" if self.look.best_is_low else "descending",
                title=self.titles[0],
            )
            return [*([budget_rule(budget)] if budget is not None else []), rule]
        points = means.mark_point(filled=False, strokeWidth=2).encode(
            y=self._y(),
            size=alt.condition(
                f"datum.n_annotated === {budget or -1}", alt.value(140), alt.value(1)
            ),
            tooltip=_tooltip(self.x, *self.titles),
        )
        return [points.add_params(budget_click())]


_OTHERS = "other strategies"


def _labels(drawn: pd.DataFrame, highlighted: Collection[str] | None) -> dict[str, str]:
    counts = drawn.groupby("strategy")["n"].agg(["min", "max"])
    labels = {
        str(strategy): f"{strategy} (n={_range(row['min'], row['max'])})"
        for strategy, row in counts.iterrows()
    }
    if highlighted is None:
        return labels
    rest = [strategy for strategy in labels if strategy not in highlighted]
    if rest:
        n = _range(counts.loc[rest, "min"].min(), counts.loc[rest, "max"].max())
        labels |= dict.fromkeys(rest, f"{_OTHERS}, {len(rest)} (n={n})")
    return labels


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
