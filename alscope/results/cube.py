"""Rounds as dense arrays, one per scenario: what paired statistics compute on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alscope.results.checks import complete_runs, require_comparable, unique_rounds
from alscope.results.columns import Column
from alscope.results.frames import typed_frame
from alscope.results.names import check_metric

__all__ = ["DROPPED_COLUMNS", "Cube", "as_frame", "cubes", "dropped_frame"]

DROPPED_COLUMNS = {
    "scenario": Column("str", "", "Title of the scenario."),
    "strategy": Column("str", "", "Title of the strategy."),
    "seed": Column("int64", "", "Trial seed that others have and this strategy lacks."),
    "reason": Column("str", "", "not recorded, not finished, or no value of the measure."),
}


@dataclass(frozen=True)
class Cube:
    """The values of one scenario.

    Attributes:
        scenario: Title.
        dataset: Data set.
        strategies: Titles, sorted.
        seeds: (n_seeds,), sorted; every seed that a strategy recorded.
        budgets: Annotations at each evaluation, (n_budgets,), increasing.
        values: The measure, (n_strategies, n_seeds, n_budgets); NaN where a run is missing or did
            not spend its whole budget, or the measure is not defined.
    """

    scenario: str
    dataset: str
    strategies: tuple[str, ...]
    seeds: NDArray[np.int64]
    budgets: NDArray[np.int64]
    values: NDArray[np.float64]

    @property
    def areas(self) -> NDArray[np.float64]:
        """Area under the budget curve as in `curves.aubc`, (n_strategies, n_seeds)."""
        if self.budgets.size < 2:
            return self.values[:, :, 0] if self.budgets.size else self._nothing()
        length = self.budgets[-1] - self.budgets[0]
        return np.asarray(np.trapezoid(self.values, self.budgets, axis=2) / length)

    def _nothing(self) -> NDArray[np.float64]:
        return np.full(self.values.shape[:2], np.nan)


def cubes(rounds: pd.DataFrame, metric: str) -> list[Cube]:
    """One cube per scenario, by title.

    Args:
        rounds: From `rounds_frame`.
        metric: One of `METRICS`.

    Raises:
        UnknownNameError: If there is no such metric.
        IncomparableError: If results of different data or runs would be mixed.
    """
    check_metric(metric)
    require_comparable(rounds)
    every = unique_rounds(rounds)
    complete = complete_runs(rounds)
    complete = complete[["scenario", "strategy", "seed", "n_annotated", metric]]
    parts = {str(name): part for name, part in complete.groupby("scenario", sort=False)}
    return [
        _cube(str(name), recorded, parts.get(str(name), complete.iloc[:0]), metric)
        for name, recorded in every.groupby("scenario", sort=True)
    ]


def dropped_frame(rounds: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Seeds that some strategies of a scenario have and others lack, and why.

    Args:
        rounds: From `rounds_frame`.
        metric: One of `METRICS`.

    Returns:
        Columns as in `DROPPED_COLUMNS`.

    Raises:
        UnknownNameError: If there is no such metric.
        IncomparableError: If results of different data or runs would be mixed.
    """
    finished = _keys(complete_runs(rounds))
    recorded = _keys(unique_rounds(rounds))
    rows = []
    for cube in cubes(rounds, metric):
        for place, number in np.argwhere(np.isnan(cube.areas)):
            key = (cube.scenario, cube.strategies[place], int(cube.seeds[number]))
            reason = (
                "no value of the measure"
                if key in finished
                else "not finished"
                if key in recorded
                else "not recorded"
            )
            rows.append(dict(zip(DROPPED_COLUMNS, (*key, reason), strict=True)))
    return typed_frame(rows, DROPPED_COLUMNS)


def as_frame(values: Mapping[str, NDArray[Any]], columns: Mapping[str, Column]) -> pd.DataFrame:
    """A frame with exactly these columns and types, from one array for each."""
    return pd.DataFrame(
        {name: pd.Series(values[name], dtype=column.dtype) for name, column in columns.items()}
    )


def _cube(name: str, recorded: pd.DataFrame, complete: pd.DataFrame, metric: str) -> Cube:
    strategies = np.array(sorted(recorded["strategy"].unique()), dtype=object)
    seeds = np.sort(recorded["seed"].unique()).astype(np.int64)
    budgets = np.sort(complete["n_annotated"].unique()).astype(np.int64)
    values = np.full((len(strategies), len(seeds), len(budgets)), np.nan)
    places = pd.Index(strategies).get_indexer(complete["strategy"].astype(object))
    at_seed = np.searchsorted(seeds, complete["seed"])
    at_budget = np.searchsorted(budgets, complete["n_annotated"])
    values[places, at_seed, at_budget] = complete[metric]
    dataset = str(recorded["dataset"].iloc[0])
    return Cube(name, dataset, tuple(map(str, strategies)), seeds, budgets, values)


def _keys(rounds: pd.DataFrame) -> set[tuple[str, str, int]]:
    once = rounds[["scenario", "strategy", "seed"]].drop_duplicates()
    return set(once.itertuples(index=False, name=None))
