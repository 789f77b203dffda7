"""Pointing at a budget: a rule that lists all curves there, and a click that chooses it."""

from __future__ import annotations

from typing import Any

import altair as alt

__all__ = ["BUDGET", "budget_click", "budget_rule", "listing_rule"]

BUDGET = "budget"
"""Name of the selection that a click makes; its field is `n_annotated`."""

# Sorting and spreading is left to Vega, so that the plotted frame stays the exported one.
_ENTRY = (
    "datum.strategy + ': ' + format(datum.mean, '.4f')"
    " + (isValid(datum.low) ? ' [' + format(datum.low, '.4f') + ', ' + format(datum.high, '.4f')"
    " + ']' : '') + ' (n=' + datum.n + ')'"
)
_GREY = "#7f7f7f"


def listing_rule(base: alt.Chart, *, n_lines: int, order: str, title: str) -> alt.Chart:
    """A vertical rule at the budget nearest to the pointer; a click selects that budget.

    Args:
        base: On the rows of mean curves (strategy, n_annotated, mean, low, high, n) of one panel,
            whose horizontal axis is the budget.
        n_lines: Curves; all are listed.
        order: "descending" or "ascending": how means are sorted, the best first.
        title: What the horizontal axis counts.
    """
    first: Any = order
    places = [alt.Tooltip(f"{place}:N", title=f"{place}.") for place in range(1, n_lines + 1)]
    hover = alt.selection_point(
        name="hover",
        fields=["n_annotated"],
        nearest=True,
        on="pointerover",
        clear="pointerout",
        empty=False,
    )
    rule: alt.Chart = (
        base.transform_calculate(entry=_ENTRY)
        .transform_window(
            place="row_number()",
            sort=[alt.SortField("mean", order=first)],
            groupby=["n_annotated"],
        )
        .transform_pivot("place", value="entry", groupby=["n_annotated"], op="max")
        .mark_rule(color=_GREY, aria=False)
        .encode(
            opacity=alt.condition(hover, alt.value(0.8), alt.value(0)),
            tooltip=[alt.Tooltip("n_annotated:Q", title=title, format=","), *places],
        )
        .add_params(hover, budget_click())
    )
    return rule


def budget_click() -> alt.Parameter:
    """The selection of the budget nearest to a click."""
    return alt.selection_point(
        name=BUDGET, fields=["n_annotated"], nearest=True, on="click", empty=False
    )


def budget_rule(budget: int) -> alt.Chart:
    """A dashed vertical line at the chosen budget."""
    place: Any = alt.datum(budget)
    rule: alt.Chart = (
        alt.Chart(alt.sequence(1))
        .mark_rule(color=_GREY, strokeWidth=1.5, strokeDash=[5, 3], aria=False)
        .encode(x=place)
    )
    return rule
