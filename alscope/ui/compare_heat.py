"""Compare, tab Heat map: strategies times scenarios, coloured by the gain over Random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from alscope.results.names import RANDOM
from alscope.ui import compare_data
from alscope.ui.choices import Choices
from alscope.ui.compare_choice import View
from alscope.ui.figures import figure
from alscope.ui.state import Key

if TYPE_CHECKING:
    import pandas as pd

    from alscope.ui.compare_data import Chosen

__all__ = ["show_heat_map"]


def show_heat_map(
    rounds: pd.DataFrame, chosen: Chosen, view: View, budget: int, choices: Choices
) -> None:
    """Mean paired gains over Random."""
    from alscope.charts.heat import gain_map

    if RANDOM not in chosen.strategies:
        st.info("A gain needs Random among the strategies: add it on the left.")
        return
    kinds = {"area": "Area under the curve", "budget": f"At {budget:,} annotations"}
    kind = choices.one(Key.GAIN_OF, "Gain in", kinds, widget="buttons")
    at = budget if kind == "budget" else None
    data = compare_data.gains(chosen, view.metric, at, view.interpolate, rounds)
    if data.empty:
        st.info(
            f"No run of Random and another strategy were evaluated at {budget:,} annotations. "
            "Choose another budget, or read values between evaluations under Budgets."
            if at
            else "This needs Random and one other strategy, each with a complete run of one seed."
        )
        return
    where = "area under the curve" if at is None else f"value at {budget:,} annotations"
    figure(
        gain_map(data, title="Gain over Random"),
        data,
        key="gains",
        alt=f"Gain over Random in {view.measure}, {where}: one row per strategy, one column per "
        "scenario, blue where the strategy is better and orange where it is worse",
        stem=f"{view.metric}-gain",
        caption=f"Mean over seeds of strategy minus Random with the same seed in {view.measure}, "
        f"{where}; positive is better. Intervals are in the tooltip and in the file. "
        f"{_missing(data, chosen)}",
    )


def _missing(data: pd.DataFrame, chosen: Chosen) -> str:
    """How many cells are empty, and why."""
    n = len(chosen.scenarios) * (len(chosen.strategies) - 1) - len(data)
    if not n:
        return "No cell is missing."
    return f"{n} {'cell is' if n == 1 else 'cells are'} missing: no seed that both have."
