"""Ranking by score, exact about ties.

The order is (-score, key, position). Keys depend on the sample and not on where it stands, so equal
scores never favour the head of a pool that is sorted by class.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alscope.errors import ShapeError
from alscope.types import IntArray

__all__ = ["by_key", "first_of", "top_k"]


def top_k(scores: NDArray[np.floating], k: int, *, keys: NDArray[np.uint64]) -> IntArray:
    """Positions of the k highest scores, best first.

    Equal scores are ordered by key, then by position, at the boundary of the k as well: the result
    is the head of the full sort, found without sorting everything.

    Args:
        scores: Acquisition scores, (n,), finite; higher = more worth labelling.
        k: How many; 0 or less gives none, n or more gives all.
        keys: Keys that break ties, (n,).

    Returns:
        Distinct positions, (min(k, n),), int64.

    Raises:
        ShapeError: If scores and keys are not two vectors of one length, or a score is NaN or
            infinite.
    """
    values = _vector(scores, keys)
    if k <= 0:
        return np.empty(0, dtype=np.int64)
    chosen = np.arange(values.size, dtype=np.int64)
    if k < values.size:
        chosen = _head(values, k, keys)
    return chosen[np.lexsort((chosen, keys[chosen], -values[chosen]))]


def by_key(keys: NDArray[np.uint64], k: int) -> IntArray:
    """Positions of the k smallest keys, smallest first: a ranking in which all scores are equal.

    Args:
        keys: Keys, (n,).
        k: How many; 0 or less gives none, n or more gives all.
    """
    return top_k(np.zeros(keys.shape), k, keys=keys)


def first_of(scores: NDArray[np.floating], *, keys: NDArray[np.uint64]) -> int:
    """Position of the highest score of a non-empty vector; ties by key, then by position.

    The inner step of greedy methods: nothing is validated, -inf marks what is out of the race.

    Args:
        scores: Scores, (n,), free of NaN.
        keys: Keys that break ties, (n,).
    """
    tied = np.flatnonzero(scores == scores.max())
    return int(tied[0] if tied.size == 1 else tied[np.argmin(keys[tied])])


def _vector(scores: NDArray[np.floating], keys: NDArray[np.uint64]) -> NDArray[np.float64]:
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or values.shape != keys.shape:
        raise ShapeError(
            f"scores have the shape {values.shape} and keys {keys.shape}; "
            "give one score and one key per sample"
        )
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        raise ShapeError(
            f"the score at position {wrong[0]} is {values[wrong[0]]} ({wrong.size} of "
            f"{values.size} scores are not finite); a strategy must score every sample"
        )
    return values


def _head(values: NDArray[np.float64], k: int, keys: NDArray[np.uint64]) -> IntArray:
    # Everything above the k-th value is in; the ties at that value fill up in order of their keys.
    limit = np.partition(values, values.size - k)[values.size - k]
    above = np.flatnonzero(values > limit)
    tied = np.flatnonzero(values == limit)
    filling = tied[_smallest(keys[tied], k - above.size)]
    return np.concatenate([above, filling])


def _smallest(keys: NDArray[np.uint64], k: int) -> IntArray:
    # Positions of the k smallest of at least k keys, in no order; equal keys by position.
    limit = np.partition(keys, k - 1)[k - 1]
    below = np.flatnonzero(keys < limit)
    return np.concatenate([below, np.flatnonzero(keys == limit)[: k - below.size]])
