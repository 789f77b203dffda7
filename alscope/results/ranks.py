"""Average ranks over scenarios, and how much they depend on single data sets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alscope.results.columns import METRICS, Column
from alscope.results.cube import Cube, cubes
from alscope.results.frames import typed_frame

__all__ = [
    "MIN_BLOCKS",
    "RankTable",
    "missing_for_test",
    "rank_table",
    "run_ranks",
    "stability_frame",
]

MIN_BLOCKS = 5
"""Below this many scenarios no test over scenarios is made."""

STABILITY_COLUMNS = {
    "left_out": Column("str", "", "Data set whose scenarios are left out."),
    "n_blocks": Column("int64", "scenarios", "Scenarios that remain."),
    "tau": Column("float64", "", "Kendall's tau-b between the mean ranks with and without it."),
    "best": Column("str", "", "Strategy with the best mean rank without it."),
}

RUN_RANK_COLUMNS = {
    "scenario": Column("str", "", "Title of the scenario."),
    "seed": Column("int64", "", "Trial seed."),
    "strategy": Column("str", "", "Title of the strategy."),
    "aubc": Column("float64", "", "Area under the budget curve of this run."),
    "rank": Column("float64", "", "1 is the best of the seed; ties share their mean rank."),
    "mean_rank": Column("float64", "", "Mean of the ranks over the scenarios."),
}


@dataclass(frozen=True)
class RankTable:
    """Ranks of strategies in blocks; a block is a scenario.

    Seeds are no blocks: they repeat the same problem, and counting them as independent problems
    would make every difference significant with enough computing time.

    Attributes:
        strategies: Titles, the best mean rank first.
        scenarios: Titles of the blocks.
        datasets: Data set of each block.
        values: Mean area over the common seeds, (n_blocks, n_strategies).
        ranks: 1 is best; ties share their mean rank; (n_blocks, n_strategies).
        left_out: Scenarios that are no block, each with the reason.
    """

    strategies: tuple[str, ...]
    scenarios: tuple[str, ...]
    datasets: tuple[str, ...]
    values: NDArray[np.float64]
    ranks: NDArray[np.float64]
    left_out: tuple[tuple[str, str], ...]

    @property
    def mean_ranks(self) -> NDArray[np.float64]:
        """(n_strategies,); NaN without blocks."""
        n = len(self.scenarios)
        return self.ranks.mean(axis=0) if n else np.full(len(self.strategies), np.nan)


def rank_table(rounds: pd.DataFrame, metric: str = "accuracy") -> RankTable:
    """Ranks of all strategies in every scenario that all of them completed.

    Args:
        rounds: From `rounds_frame`.
        metric: One of `METRICS`.

    Raises:
        UnknownNameError: If there is no such metric.
        IncomparableError: If results of different data or runs would be mixed.
    """
    found = cubes(rounds, metric)
    names = sorted({name for cube in found for name in cube.strategies})
    blocks, left_out = [], []
    for cube in found:
        reason = _gap(cube, names)
        if reason:
            left_out.append((cube.scenario, reason))
        else:
            blocks.append((cube, _common(cube).mean(axis=1)))
    values = np.array([means for _, means in blocks]).reshape(len(blocks), len(names))
    ranks = _ranked(values, higher=METRICS[metric].higher_is_better)
    mean = ranks.mean(axis=0) if len(ranks) else np.zeros(len(names))
    order = np.argsort(mean, kind="stable")
    return RankTable(
        strategies=tuple(names[place] for place in order),
        scenarios=tuple(cube.scenario for cube, _ in blocks),
        datasets=tuple(cube.dataset for cube, _ in blocks),
        values=values[:, order],
        ranks=ranks[:, order],
        left_out=tuple(left_out),
    )


def missing_for_test(table: RankTable) -> str:
    """Why ranks cannot be tested, and what to add; "" if they can."""
    if len(table.strategies) < 2:
        return "Ranks need at least 2 strategies; choose another one."
    n = len(table.scenarios)
    if n >= MIN_BLOCKS:
        return ""
    have = f"{n} scenario" if n == 1 else f"{n} scenarios"
    add = MIN_BLOCKS - n
    what = "one more data set or setting" if add == 1 else f"{add} more data sets or settings"
    return (
        f"A test over scenarios needs at least {MIN_BLOCKS} that every chosen strategy completed; "
        f"you have {have}. Add {what} to the study. Seeds do not count here: they repeat the same "
        "problem."
    )


def run_ranks(rounds: pd.DataFrame, metric: str = "accuracy") -> pd.DataFrame:
    """The rank of every strategy in every seed of every block: what the strips show.

    Args:
        rounds: From `rounds_frame`.
        metric: One of `METRICS`.

    Returns:
        Columns as in `RUN_RANK_COLUMNS`, the best mean rank first.
    """
    table = rank_table(rounds, metric)
    place = {name: number for number, name in enumerate(table.strategies)}
    mean = table.mean_ranks
    rows = []
    for cube in cubes(rounds, metric):
        if cube.scenario not in table.scenarios:
            continue
        areas, seeds = _common(cube), cube.seeds[np.isfinite(cube.areas).all(axis=0)]
        ranks = _ranked(areas.T, higher=METRICS[metric].higher_is_better)
        for number, name in enumerate(cube.strategies):
            for trial, seed in enumerate(seeds):
                rows.append(
                    {
                        "scenario": cube.scenario,
                        "seed": int(seed),
                        "strategy": name,
                        "aubc": areas[number, trial],
                        "rank": ranks[trial, number],
                        "mean_rank": mean[place[name]],
                    }
                )
    rows.sort(key=lambda row: place[row["strategy"]])
    return typed_frame(rows, RUN_RANK_COLUMNS)


def stability_frame(table: RankTable) -> pd.DataFrame:
    """How much the order depends on single data sets: leave out each, rank again.

    Args:
        table: From `rank_table`.

    Returns:
        Columns as in `STABILITY_COLUMNS`, the most influential data set first; no rows with
        fewer than two data sets or strategies.
    """
    from scipy.stats import kendalltau  # slow to import

    names = sorted(set(table.datasets))
    rows = []
    for name in names if len(names) > 1 and len(table.strategies) > 1 else []:
        kept = np.array([dataset != name for dataset in table.datasets])
        mean = table.ranks[kept].mean(axis=0)
        constant = np.ptp(mean) == 0 or np.ptp(table.mean_ranks) == 0
        rows.append(
            {
                "left_out": name,
                "n_blocks": int(kept.sum()),
                "tau": np.nan if constant else float(kendalltau(table.mean_ranks, mean).statistic),
                "best": table.strategies[int(np.argmin(mean))],
            }
        )
    return typed_frame(rows, STABILITY_COLUMNS).sort_values("tau", kind="stable", ignore_index=True)


def _gap(cube: Cube, names: list[str]) -> str:
    """Why a scenario cannot be a block; "" if it can."""
    without = [name for name in names if name not in cube.strategies]
    without += [
        name
        for name, areas in zip(cube.strategies, cube.areas, strict=True)
        if not np.isfinite(areas).any()
    ]
    if without:
        shown = ", ".join(sorted(without)[:3])
        more = f" and {len(without) - 3} more" if len(without) > 3 else ""
        return f"no complete run of {shown}{more}"
    return "" if _common(cube).size else "no seed that all strategies completed"


def _common(cube: Cube) -> NDArray[np.float64]:
    """Areas of the seeds that all strategies of the scenario completed."""
    areas = cube.areas
    return areas[:, np.isfinite(areas).all(axis=0)]


def _ranked(values: NDArray[np.float64], *, higher: bool) -> NDArray[np.float64]:
    from scipy.stats import rankdata  # slow to import

    if not values.size:
        return values
    # What is equal on paper may differ in the last digits.
    return np.asarray(rankdata(np.round(-values if higher else values, 12), axis=1), dtype=float)
