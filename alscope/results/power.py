"""How many seeds a comparison needs: power of the paired t-test at the spread that was seen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import chdtri, nctdtr, stdtrit

from alscope.errors import ShapeError
from alscope.results.columns import Column
from alscope.results.cube import cubes
from alscope.results.frames import typed_frame
from alscope.results.paired import LEVEL, needed_pairs
from alscope.results.tables import RANDOM

__all__ = ["MAX_SEEDS", "POWER", "Hint", "paired_power", "power_hint", "seeds_needed", "spreads"]

POWER = 0.8
"""Chance of seeing a gap that is there, by convention."""

MAX_SEEDS = 100_000
"""Where the search for a number of seeds ends."""

SPREAD_COLUMNS = {
    "scenario": Column("str", "", "Title of the scenario."),
    "strategy": Column("str", "", "Title of the strategy."),
    "baseline": Column("str", "", "What it is compared with."),
    "n": Column("int64", "seeds", "Seeds that both completed."),
    "std": Column("float64", "", "Standard deviation of the paired differences in area (n - 1)."),
    "std_low": Column("float64", "", "Lower end of its 95% interval (chi-square)."),
    "std_high": Column("float64", "", "Upper end of its 95% interval."),
}


class Hint(NamedTuple):
    """Seeds for one gap, at the typical spread of the comparisons."""

    std: float
    """Root mean square of the spreads, weighted by their degrees of freedom."""
    n: int
    """Seeds for a single comparison."""
    n_low: int
    """The same at the lower end of the interval of the spread."""
    n_high: int
    """The same at its upper end."""
    n_corrected: int
    """Seeds where `n_comparisons` are corrected for: at the strictest step of Holm's method."""
    n_comparisons: int
    """Strategies compared with the baseline in one scenario, the most there are."""
    n_sign_flip: int
    """Fewest seeds with which the sign-flip test can reach 0.05 at all."""


def paired_power(n: int, gap: float, std: float, *, level: float = LEVEL) -> float:
    """Power of the two-sided paired t-test.

    Args:
        n: Pairs, at least 2.
        gap: True mean difference.
        std: Standard deviation of the differences, positive.
        level: Of significance.

    References:
        Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, chapter 2.
    """
    critical = float(stdtrit(n - 1, 1 - level / 2))
    shift = abs(gap) / std * float(np.sqrt(n))
    # Far from zero the chance of an error of sign is below 1e-15, and scipy gives NaN.
    wrong_sign = float(np.nan_to_num(nctdtr(n - 1, shift, -critical)))
    return float(1.0 - nctdtr(n - 1, shift, critical)) + wrong_sign


def seeds_needed(gap: float, std: float, *, level: float = LEVEL, power: float = POWER) -> int:
    """The fewest pairs that give a paired t-test its power.

    Args:
        gap: True mean difference, positive.
        std: Standard deviation of the differences; 0 needs 2 pairs.
        level: Of significance.
        power: Wanted chance of a significant result.

    Returns:
        At least 2, at most `MAX_SEEDS`, which stands for "that many or more".

    Raises:
        ShapeError: If the gap is not positive or the spread is negative or not finite.
    """
    if not gap > 0 or not 0 <= std < np.inf:
        raise ShapeError(f"a gap must be positive and a spread finite; got {gap} and {std}")
    if std <= 1e-9 * gap:
        return 2
    low, high = 1, 2
    while paired_power(high, gap, std, level=level) < power:
        low, high = high, 2 * high
        if low >= MAX_SEEDS:
            return MAX_SEEDS
    while high - low > 1:
        middle = (low + high) // 2
        if paired_power(middle, gap, std, level=level) < power:
            low = middle
        else:
            high = middle
    return min(high, MAX_SEEDS)


def spreads(
    rounds: pd.DataFrame, metric: str = "accuracy", *, baseline: str = RANDOM
) -> pd.DataFrame:
    """The spread of the paired differences in area of every strategy to a baseline.

    Args:
        rounds: From `rounds_frame`.
        metric: One of `METRICS`.
        baseline: Title of the strategy to compare with.

    Returns:
        Columns as in `SPREAD_COLUMNS`; comparisons with fewer than 2 common seeds have no row.

    Raises:
        UnknownNameError: If there is no such metric.
        IncomparableError: If results of different data or runs would be mixed.
    """
    rows = []
    for cube in cubes(rounds, metric):
        if baseline not in cube.strategies:
            continue
        areas = cube.areas
        reference = areas[cube.strategies.index(baseline)]
        for name, own in zip(cube.strategies, areas, strict=True):
            d = own - reference
            d = d[np.isfinite(d)]
            if name == baseline or d.size < 2:
                continue
            std = float(d.std(ddof=1))
            low, high = _interval(std, d.size - 1)
            rows.append(
                {
                    "scenario": cube.scenario,
                    "strategy": name,
                    "baseline": baseline,
                    "n": d.size,
                    "std": std,
                    "std_low": low,
                    "std_high": high,
                }
            )
    return typed_frame(rows, SPREAD_COLUMNS)


def power_hint(table: pd.DataFrame, gap: float) -> Hint:
    """Seeds for a gap, with what the uncertainty of the spread makes of it.

    The interval treats the pooled spread as known from the degrees of freedom of its *smallest*
    comparison: comparisons share their baseline, so adding their degrees of freedom would promise
    too much.

    Args:
        table: From `spreads`, with at least one row.
        gap: Difference in area that should be seen, positive.
    """
    freedom = table["n"] - 1
    std = float(np.sqrt((table["std"] ** 2 * freedom).sum() / freedom.sum()))
    low, high = _interval(std, int(freedom.min()))
    family = int(table.groupby("scenario").size().max())
    return Hint(
        std=std,
        n=seeds_needed(gap, std),
        n_low=seeds_needed(gap, low),
        n_high=seeds_needed(gap, high),
        n_corrected=seeds_needed(gap, std, level=LEVEL / family),
        n_comparisons=family,
        n_sign_flip=needed_pairs("sign_flip"),
    )


def _interval(std: float, freedom: int) -> tuple[float, float]:
    """95% interval of a standard deviation of normal values."""
    low, high = chdtri(freedom, 0.025), chdtri(freedom, 0.975)
    return std * float(np.sqrt(freedom / low)), std * float(np.sqrt(freedom / high))
