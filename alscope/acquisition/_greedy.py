"""What greedy selection shares: its result, and ties that rounding cannot hide."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.types import IntArray

__all__ = ["Greedy", "first_near", "leaders"]


class Greedy(NamedTuple):
    """What was taken, and what it gained."""

    positions: IntArray
    """Distinct positions in the order taken, (k,)."""
    gains: NDArray[np.float64]
    """By how much each of the first positions raised the objective; the others added nothing, or
    were not chosen because all were to be taken."""


def first_near(scores: NDArray[np.float64], tolerance: float, *, keys: NDArray[np.uint64]) -> int:
    """Position of the smallest key among the scores that equal the highest up to rounding.

    Equal samples differ by rounding where scores come from matrix products, and rounding goes by
    position.

    Args:
        scores: Scores, (n,), free of NaN; -inf is out of the race.
        tolerance: Differences up to this are rounding.
        keys: Keys that break ties, (n,).
    """
    tied = np.flatnonzero(scores >= scores.max() - tolerance)
    return int(tied[np.argmin(keys[tied])])


def leaders(scores: NDArray[np.float64], first: int, n: int) -> IntArray:
    """Positions of `first` and of the others that score highest, in no order.

    Args:
        scores: Scores, (n_scores,).
        first: A position; it comes first, whatever it scores.
        n: How many, at most n_scores.
    """
    found = np.argpartition(-scores, n - 1)[:n]
    return np.concatenate([[first], found[found != first]])[:n]
