"""Tests of paired differences, thousands at a time, and what each can show with n pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from alscope.results.compare import holm
from alscope.rng import generator

__all__ = [
    "CORRECTIONS",
    "LEVEL",
    "TESTS",
    "PairedTest",
    "corrected",
    "needed_pairs",
    "p_values",
    "verdict",
]

LEVEL = 0.05
"""Every verdict is at this level, two-sided."""

CORRECTIONS = {"holm": "Holm", "none": "None"}
"""Corrections for the number of comparisons, with their names for people."""

_EXACT = 15
_DECIMALS = 12
_CELLS = 2**17  # of an intermediate array: what the processor's cache holds

_Rows = NDArray[np.float64]


class PairedTest(NamedTuple):
    """A two-sided test of whether paired differences favour one side."""

    title: str
    """For people."""
    assumes: str
    """What has to hold for its p-values to be right, in words."""
    p_values: Callable[[_Rows], _Rows]
    """Finite differences (m, n) -> p, (m,)."""
    smallest_p: Callable[[int], float]
    """The smallest p that n pairs can give, whatever the results."""


def p_values(differences: NDArray[np.float64], test: str) -> NDArray[np.float64]:
    """Two-sided p of each row, over the pairs that exist in that row.

    Args:
        differences: (m, n), NaN where a pair is missing.
        test: One of `TESTS`.

    Returns:
        (m,), in [0, 1]; NaN for rows without a pair.
    """
    d: _Rows = np.round(differences, _DECIMALS)
    p = np.full(len(d), np.nan)
    for rows, present in _patterns_of(np.isfinite(d)):
        if present.any():
            p[rows] = TESTS[test].p_values(d[np.ix_(rows, np.flatnonzero(present))])
    return p


def corrected(p: NDArray[np.float64], correction: str) -> NDArray[np.float64]:
    """p-values of one family after the correction; NaN are no member of the family.

    Args:
        p: (m,).
        correction: One of `CORRECTIONS`.
    """
    result = np.array(p, dtype=np.float64)
    if correction == "holm":
        known = np.isfinite(result)
        result[known] = holm(result[known])
    return result


def needed_pairs(test: str, n_comparisons: int = 1) -> int:
    """The fewest pairs with which a test can reach 0.05 in a family of comparisons.

    Args:
        test: One of `TESTS`.
        n_comparisons: Size of the family under Holm's correction; 1 without.
    """
    # The sampled sign-flip patterns end the search: beyond them p gets no smaller.
    for n in range(1, _EXACT + 1):
        if TESTS[test].smallest_p(n) * n_comparisons <= LEVEL:
            return n
    return 0


def verdict(
    row: Mapping[str, float], first: str, second: str, *, higher: bool, n_comparisons: int = 1
) -> str:
    """What may be said of a paired comparison, in words.

    Args:
        row: `n`, `difference` (first - second), `p`, `smallest_p`, and the last two as corrected:
            `p_corrected`, `smallest_corrected`.
        first: Title of one side.
        second: Title of the other.
        higher: Whether larger values are better.
        n_comparisons: Size of the family that was corrected over.
    """
    n = int(row["n"])
    seeds = f"{n} seed" if n == 1 else f"{n} seeds"
    if n == 0:
        return "no common seeds"
    if row["smallest_p"] > LEVEL:
        return f"cannot reach {LEVEL} with {seeds}"
    if row["smallest_corrected"] > LEVEL:
        return f"cannot reach {LEVEL} with {seeds} and {n_comparisons} comparisons"
    if row["p_corrected"] <= LEVEL:
        return f"{first if (row['difference'] > 0) == higher else second} is better"
    return f"no difference shown at {LEVEL}"


def _patterns_of(
    present: NDArray[np.bool_],
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.bool_]]]:
    """Rows with the same pairs, and which pairs these are."""
    if not present.size or present.all():
        yield np.arange(len(present)), np.ones(present.shape[1], dtype=bool)
        return
    patterns, place = np.unique(present, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        yield np.flatnonzero(place.reshape(-1) == number), pattern


def _t_test(d: _Rows) -> _Rows:
    """Student's paired t-test; where all differences are equal, the sign-flip test.

    Without spread the statistic is infinite, which with a coarse measure (a test set of 500 gives
    steps of 0.002) happens by chance; 2^(1 - n) is what such a sample shows without assumptions.
    """
    n = d.shape[1]
    if n < 2:
        return np.ones(len(d))
    std = d.std(axis=1, ddof=1)
    largest = np.abs(d).max(axis=1)
    spread = std > _TINY * largest
    safe = np.where(spread, std, 1.0)
    t = np.abs(d.mean(axis=1)) / (safe / np.sqrt(n))
    equal = np.where(largest > 0, _smallest_flip(n), 1.0)
    return np.where(spread, 2.0 * stdtr(n - 1, -t), equal)


_TINY = 1e-10  # differences are rounded to 12 decimals


def _sign_flip(d: _Rows) -> _Rows:
    """The sign-flip permutation test of `alscope.results.compare.sign_flip_p`, for many rows.

    Exact up to 15 pairs; beyond that over 16,383 fixed random patterns and the observed one.
    """
    n = d.shape[1]
    n_patterns = 2 ** (min(n, _EXACT) - 1)
    total = np.abs(d.sum(axis=1)) - 1e-12 * np.abs(d).sum(axis=1)
    reached = np.empty(len(d))
    step = max(_CELLS // n_patterns, 1)
    for start in range(0, len(d), step):
        rows = slice(start, start + step)
        sums = _every_sum(d[rows]) if n <= _EXACT else d[rows] @ _drawn_signs(n)
        reached[rows] = (np.abs(sums) >= total[rows, None]).sum(axis=1)
    return np.where(total > 0, reached / n_patterns, 1.0)


def _every_sum(d: _Rows) -> _Rows:
    """Sums under all sign patterns with a leading +, (m, 2^(n - 1)); the others mirror them."""
    sums = d[:, :1]
    # Doubling instead of a matrix product: no second thread of the linear algebra has to wake up.
    for column in d[:, 1:].T[:, :, None]:
        sums = np.concatenate([sums + column, sums - column], axis=1)
    return sums


@lru_cache(maxsize=32)
def _drawn_signs(n: int) -> _Rows:
    """Random sign patterns, (n, n_patterns); the first is the observed one, so p is never 0."""
    drawn = generator(0, "sign_flip_rows", n).integers(0, 2, size=(n, 2 ** (_EXACT - 1)))
    drawn[:, 0] = 0
    return 1.0 - 2.0 * drawn.astype(np.float64)


def _wilcoxon(d: _Rows) -> _Rows:
    """Wilcoxon's signed-rank test, exact given the ties: sign flips of the ranks of |d|.

    Differences of 0 are dropped (Wilcoxon 1945), ties share their mean rank.
    """
    ranks = np.empty_like(d)
    step = max(_CELLS // d.shape[1] ** 2, 1)
    for start in range(0, len(d), step):
        size = np.abs(d[start : start + step])
        other = size[:, None, :]
        below = ((other < size[:, :, None]) & (other > 0)).sum(axis=2)
        equal = (other == size[:, :, None]).sum(axis=2)
        ranks[start : start + step] = below + (equal + 1) / 2
    return _sign_flip(np.sign(d) * ranks)


def _smallest_flip(n: int) -> float:
    return 2.0 ** (1 - min(n, _EXACT)) if n else 1.0


def _smallest_t(n: int) -> float:
    return 0.0 if n > 1 else 1.0


TESTS: Mapping[str, PairedTest] = {
    "t": PairedTest(
        "Paired t",
        "that the differences between seeds are about normally distributed",
        _t_test,
        _smallest_t,
    ),
    "sign_flip": PairedTest(
        "Sign flip (permutation)",
        "nothing but that a difference is as likely as its negative",
        _sign_flip,
        _smallest_flip,
    ),
    "wilcoxon": PairedTest(
        "Wilcoxon signed rank",
        "that the differences are symmetric; it looks at their ranks only",
        _wilcoxon,
        _smallest_flip,
    ),
}
"""Tests by the word for them in addresses."""
