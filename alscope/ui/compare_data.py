"""The frames of Compare, each made once per state of the records and choice.

A choice names its runs and how many rounds each has. Finished runs never change, so a frame that
was made for a choice is exact for as long as the choice is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from alscope.ui import service
from alscope.ui.compare_choice import AXES, View

if TYPE_CHECKING:
    import pandas as pd

    from alscope.engine.service import StudyStatus

__all__ = [
    "Chosen",
    "against_random",
    "curves",
    "gains",
    "growth",
    "pareto",
    "planned_points",
    "summary",
    "timing",
]

_cached = st.cache_data(show_spinner=False, max_entries=64)


@dataclass(frozen=True)
class Chosen:
    """Which recorded rounds are compared; the key of everything that is computed from them.

    Attributes:
        records: Place of the records, runs and their numbers of rounds.
        scenarios: Titles.
        strategies: Titles.
        seeds: Seeds.
    """

    records: str
    scenarios: tuple[str, ...]
    strategies: tuple[str, ...]
    seeds: tuple[int, ...]

    @classmethod
    def of(cls, studies: Iterable[StudyStatus], rounds: pd.DataFrame) -> Chosen:
        """The key of rounds that were chosen from studies."""
        runs = {run.run_id: run.round for study in studies for run in study.runs}
        words = [str(service.get_service().cache), *(f"{run}:{n}" for run, n in runs.items())]
        return cls(
            " ".join(words),
            tuple(sorted(map(str, rounds["scenario"].unique()))),
            tuple(sorted(map(str, rounds["strategy"].unique()))),
            tuple(sorted(map(int, rounds["seed"].unique()))),
        )


# Streamlit leaves arguments with an underscore out of the key: `chosen` stands for the rounds.


@_cached
def curves(chosen: Chosen, view: View, _rounds: pd.DataFrame) -> pd.DataFrame:
    """The rows that the learning curves draw, of all panels."""
    from alscope.charts.curves import curve_data
    from alscope.results.curves import mean_curves
    from alscope.results.values import value_frame

    values = value_frame(_rounds, view.metric, mode=view.mode, grid=view.grid, pool=view.pool)
    means = mean_curves(values, x=AXES[view.x][0], band=view.band)
    return curve_data(
        means.assign(metric=view.metric, mode=view.mode),
        seeds=values if view.band == "seeds" else None,
        highlighted=view.highlighted,
    )


@_cached
def summary(
    chosen: Chosen, metric: str, budgets: tuple[int, ...], interpolate: bool, _rounds: pd.DataFrame
) -> pd.DataFrame:
    """Areas, values at budgets and the rest, one row per scenario and strategy."""
    from alscope.results.summary import summary_table

    return summary_table(_rounds, metric, budgets=budgets, interpolate=interpolate)


@_cached
def against_random(chosen: Chosen, metric: str, _rounds: pd.DataFrame) -> pd.DataFrame:
    """Paired differences in area to Random."""
    from alscope.results.compare import compare_with_random

    return compare_with_random(_rounds, metric)


@_cached
def gains(
    chosen: Chosen, metric: str, budget: int | None, interpolate: bool, _rounds: pd.DataFrame
) -> pd.DataFrame:
    """Gains over Random in area, or at a budget."""
    from alscope.results.gains import gain_table

    return gain_table(_rounds, metric, budget=budget, interpolate=interpolate)


@_cached
def timing(chosen: Chosen, _rounds: pd.DataFrame) -> pd.DataFrame:
    """Median seconds per query."""
    from alscope.results.timing import timing_table

    return timing_table(_rounds)


@_cached
def growth(chosen: Chosen, _rounds: pd.DataFrame) -> pd.DataFrame:
    """Selection time against the size of the pool."""
    from alscope.results.cost import growth_table

    return growth_table(_rounds)


@_cached
def pareto(chosen: Chosen, metric: str, _rounds: pd.DataFrame) -> pd.DataFrame:
    """Area against seconds per query."""
    from alscope.results.cost import pareto_table

    return pareto_table(_rounds, metric)


def planned_points(studies: Iterable[StudyStatus], rounds: pd.DataFrame) -> dict[str, int]:
    """Evaluations of every run that the studies plan for what is shown."""
    shown = set(rounds["run_id"])
    strategies, seeds = set(rounds["strategy"]), set(rounds["seed"])
    runs = [run for study in studies for run in study.runs]
    scenarios = {run.scenario for run in runs if run.run_id in shown}
    return {
        run.run_id: run.n_rounds + 1
        for run in runs
        if run.run_id in shown
        or (
            not run.round
            and run.scenario in scenarios
            and run.strategy in strategies
            and run.seed in seeds
        )
    }
