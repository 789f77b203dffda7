"""Every strategy against every other with the same seed: in every block, and on the area."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alscope.errors import UnknownNameError
from alscope.results.columns import METRICS, Column
from alscope.results.cube import Cube, as_frame, cubes
from alscope.results.frames import typed_frame
from alscope.results.intervals import half_width
from alscope.results.paired import CORRECTIONS, LEVEL, TESTS, corrected, p_values, verdict

__all__ = [
    "AREA_COLUMNS",
    "BLOCK_COLUMNS",
    "area_tests",
    "block_tests",
    "pair_blocks",
]

_NUMBERS = {
    "difference": Column("float64", "", "Mean of first - second over the common seeds."),
    "low": Column("float64", "", "Lower end of its 95% t-interval; NaN for one seed."),
    "high": Column("float64", "", "Upper end of its 95% t-interval; NaN for one seed."),
    "p": Column("float64", "", "Two-sided p of the paired test; NaN without common seeds."),
    "p_corrected": Column("float64", "", "p after the correction."),
    "smallest_p": Column("float64", "", "Smallest p that the test can give with n seeds."),
    "smallest_corrected": Column("float64", "", "The same after the correction."),
}

BLOCK_COLUMNS = {
    "scenario": Column("str", "", "Title of the scenario."),
    "n_annotated": Column("int64", "labels", "Annotations: scenario and budget are the block."),
    "first": Column("str", "", "Title of one strategy."),
    "second": Column("str", "", "Title of the other."),
    "n": Column("int64", "seeds", "Seeds that both completed."),
    **_NUMBERS,
    "n_comparisons": Column("int64", "", "Pairs of strategies that were compared in the block."),
    "outcome": Column("int64", "", "1: first is better; -1: second is; 0: not shown."),
}

AREA_COLUMNS = {
    "scenario": Column("str", "", "Title of the scenario."),
    "first": Column("str", "", "Title of one strategy."),
    "second": Column("str", "", "Title of the other."),
    "n": Column("int64", "seeds", "Seeds that both completed."),
    "n_dropped": Column("int64", "seeds", "Seeds that only one of them completed."),
    **_NUMBERS,
    "n_comparisons": Column("int64", "", "Scenarios that were corrected over."),
    "verdict": Column("str", "", "What can be said, in words."),
}


def block_tests(
    rounds: pd.DataFrame, metric: str = "accuracy", *, test: str = "t", correction: str = "holm"
) -> pd.DataFrame:
    """A paired test of every two strategies in every block, over the seeds that both completed.

    A block is a scenario at one budget. Round 0 is no block: nothing has been selected yet. The
    correction runs over the pairs of strategies within a block.

    Args:
        rounds: From `rounds_frame`.
        metric: One of `METRICS`.
        test: One of `TESTS`.
        correction: One of `CORRECTIONS`.

    Returns:
        Columns as in `BLOCK_COLUMNS`, each pair once, in alphabetical order.

    Raises:
        UnknownNameError: If there is no such metric, test or correction.
        IncomparableError: If results of different data or runs would be mixed.
    """
    _check(test, correction)
    found = cubes(rounds, metric)
    higher = METRICS[metric].higher_is_better
    parts = [_scenario_blocks(cube, test, correction, higher=higher) for cube in found]
    parts = [part for part in parts if len(part)]
    if not parts:
        return typed_frame([], BLOCK_COLUMNS)
    return pd.concat(parts, ignore_index=True)


def pair_blocks(blocks: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """The blocks of one pair, seen from the side of `first`.

    Args:
        blocks: From `block_tests`.
        first: Title of a strategy.
        second: Title of another.
    """
    same = blocks[(blocks["first"] == first) & (blocks["second"] == second)]
    if len(same):
        return same.reset_index(drop=True)
    other = blocks[(blocks["first"] == second) & (blocks["second"] == first)]
    return other.assign(
        first=other["second"],
        second=other["first"],
        difference=-other["difference"],
        low=-other["high"],
        high=-other["low"],
        outcome=-other["outcome"],
    ).reset_index(drop=True)


def area_tests(
    rounds: pd.DataFrame,
    first: str,
    second: str,
    metric: str = "accuracy",
    *,
    test: str = "t",
    correction: str = "holm",
) -> pd.DataFrame:
    """One pair of strategies on the area under the curve, per scenario.

    Args:
        rounds: From `rounds_frame`.
        first: Title of a strategy.
        second: Title of another.
        metric: One of `METRICS`.
        test: One of `TESTS`.
        correction: One of `CORRECTIONS`, over the scenarios.

    Returns:
        Columns as in `AREA_COLUMNS`; scenarios that lack one of the strategies have no row.

    Raises:
        UnknownNameError: If there is no such metric, test or correction.
        IncomparableError: If results of different data or runs would be mixed.
    """
    _check(test, correction)
    pairs = {
        cube.scenario: _areas(cube, first, second)
        for cube in cubes(rounds, metric)
        if {first, second} <= set(cube.strategies)
    }
    higher = METRICS[metric].higher_is_better
    rows = [_area_row(scenario, one, other, test) for scenario, (one, other) in pairs.items()]
    family = [row for row in rows if row["n"]]
    for name, target in (("p", "p_corrected"), ("smallest_p", "smallest_corrected")):
        values = corrected(np.array([row[name] for row in family]), correction)
        for row, value in zip(family, values, strict=True):
            row[target] = float(value)
    size = len(family) if correction == "holm" else 1
    for row in rows:
        row |= {"first": first, "second": second, "n_comparisons": size}
        row["verdict"] = verdict(row, first, second, higher=higher, n_comparisons=size)
    return typed_frame(rows, AREA_COLUMNS)


def _check(test: str, correction: str) -> None:
    if test not in TESTS:
        raise UnknownNameError("test", test, TESTS)
    if correction not in CORRECTIONS:
        raise UnknownNameError("correction", correction, CORRECTIONS)


def _scenario_blocks(cube: Cube, test: str, correction: str, *, higher: bool) -> pd.DataFrame:
    one, other = np.triu_indices(len(cube.strategies), k=1)
    values, budgets = cube.values[:, :, 1:], cube.budgets[1:]
    gaps = np.moveaxis(values[one] - values[other], 2, 0)  # (n_budgets, n_pairs, n_seeds)
    d = gaps.reshape(-1, gaps.shape[-1])
    shape = gaps.shape[:2]
    numbers = _numbers(d, test) | {"n": np.isfinite(d).sum(axis=1)}
    for name, target in (("p", "p_corrected"), ("smallest_p", "smallest_corrected")):
        families = numbers[name].reshape(shape)
        numbers[target] = np.array([corrected(family, correction) for family in families]).ravel()
    compared = np.isfinite(numbers["p"]).reshape(shape).sum(axis=1)
    shown = numbers["p_corrected"] <= LEVEL
    sign = np.sign(np.nan_to_num(numbers["difference"])) * (1 if higher else -1)
    names = np.array(cube.strategies, dtype=object)
    columns = numbers | {
        "scenario": np.full(len(d), cube.scenario, dtype=object),
        "n_annotated": np.repeat(budgets, len(one)),
        "first": np.tile(names[one], len(budgets)),
        "second": np.tile(names[other], len(budgets)),
        "n_comparisons": np.repeat(compared, len(one)),
        "outcome": np.where(shown, sign, 0.0),
    }
    return as_frame(columns, BLOCK_COLUMNS)


def _numbers(d: NDArray[np.float64], test: str) -> dict[str, NDArray[Any]]:
    """Mean, interval, p and its floor of each row of differences, (m, n) with NaN."""
    present = np.isfinite(d)
    n = present.sum(axis=1)
    mean = np.where(present, d, 0.0).sum(axis=1) / np.where(n > 0, n, np.nan)
    off = np.where(present, d - mean[:, None], 0.0)
    std = np.sqrt((off**2).sum(axis=1) / np.where(n > 1, n - 1, np.nan))
    width = half_width(np.nan_to_num(std), n)
    floors = {size: TESTS[test].smallest_p(size) for size in set(n.tolist()) if size}
    return {
        "difference": mean,
        "low": mean - width,
        "high": mean + width,
        "p": p_values(d, test),
        "smallest_p": np.array([floors.get(size, np.nan) for size in n.tolist()], dtype=float),
    }


def _areas(cube: Cube, first: str, second: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    areas = cube.areas
    return areas[cube.strategies.index(first)], areas[cube.strategies.index(second)]


def _area_row(
    scenario: str, one: NDArray[np.float64], other: NDArray[np.float64], test: str
) -> dict[str, Any]:
    gaps = (one - other)[None, :]
    numbers = {name: float(value[0]) for name, value in _numbers(gaps, test).items()}
    empty = {"p_corrected": np.nan, "smallest_corrected": np.nan}
    return (
        numbers
        | empty
        | {
            "scenario": scenario,
            "n": int(np.isfinite(gaps).sum()),
            "n_dropped": int((np.isfinite(one) ^ np.isfinite(other)).sum()),
        }
    )
