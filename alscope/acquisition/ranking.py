"""Ranking by score, exact about ties.

The order is (-score, key, position). Keys depend on the sample and not on where it stands, so equal
scores never favour the head of a pool that is sorted by class.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alscope.errors import ShapeError
from alscope.types import IntArray

__all__ = ["by_key", "coarse_order", "first_of", "k_largest", "largest", "narrowed", "top_k"]

_STRIDE = 32  # one of so many values is looked at to guess where the highest begin
_FEW = 4096  # values among which guessing takes longer than it saves


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
    chosen = np.arange(values.size) if k >= values.size else _head(values, k, keys)
    falling = -values[chosen]
    # Sorting by one key is twice as fast as by three, and does where no scores are equal.
    order = falling.argsort()
    ranked = falling[order]
    if (ranked[1:] == ranked[:-1]).any():
        order = np.lexsort((chosen, keys[chosen], falling))
    return chosen[order]


def by_key(keys: NDArray[np.uint64], k: int) -> IntArray:
    """Positions of the k smallest keys, smallest first: a ranking in which all scores are equal.

    Args:
        keys: Keys, (n,).
        k: How many; 0 or less gives none, n or more gives all.
    """
    chosen = np.arange(keys.size) if k >= keys.size else _smallest(keys, max(k, 0))
    return chosen[np.lexsort((chosen, keys[chosen]))]


def k_largest(values: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """The k largest values, (k,), in no order.

    Args:
        values: (n,), free of NaN.
        k: Within 1..n.
    """
    found = values[narrowed(values, k)]
    head: NDArray[np.float64] = np.partition(found, found.size - k)[found.size - k :]
    return head


def largest(values: NDArray[np.floating], k: int) -> IntArray:
    """Positions of the k largest values, (min(k, n),), in no order; ties as they come.

    Args:
        values: (n,), free of NaN.
        k: How many, at least 1.
    """
    if k >= values.size:
        return np.arange(values.size)
    rows = narrowed(values, k)
    found = values[rows]
    return rows[np.argpartition(found, found.size - k)[found.size - k :]]


def first_of(scores: NDArray[np.floating], *, keys: NDArray[np.uint64]) -> int:
    """Position of the highest score of a non-empty vector; ties by key, then by position.

    The inner step of greedy methods: nothing is validated, -inf marks what is out of the race.

    Args:
        scores: Scores, (n,), free of NaN.
        keys: Keys that break ties, (n,).
    """
    best = int(scores.argmax())
    tied = scores == scores[best]
    if np.count_nonzero(tied) == 1:
        return best
    rows = np.flatnonzero(tied)
    return int(rows[np.argmin(keys[rows])])


def coarse_order(rounded: NDArray[np.float32]) -> IntArray:
    """Positions by ascending value, equal ones by position.

    By the bits of the values, 16 at a time, which NumPy sorts by counting: several times as fast as
    by comparisons. Who needs more digits sorts what is equal here.

    Args:
        rounded: (n,), free of NaN.
    """
    bits = (rounded + np.float32(0)).view(np.uint32)  # -0 and 0 are equal
    # Of negative values all bits are turned, of others the sign, so that bits ascend with values.
    bits ^= (bits.view(np.int32) >> 31).view(np.uint32) | np.uint32(1 << 31)
    low = np.argsort(bits.astype(np.uint16), kind="stable")
    high = (bits >> 16).astype(np.uint16)
    return low[np.argsort(high[low], kind="stable")]


def _vector(scores: NDArray[np.floating], keys: NDArray[np.uint64]) -> NDArray[np.float64]:
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or values.shape != keys.shape:
        raise ShapeError(
            f"scores have the shape {values.shape} and keys {keys.shape}; "
            "give one score and one key per sample"
        )
    # A NaN is the smallest and the largest of everything.
    if not (np.isfinite(values.min(initial=0.0)) and np.isfinite(values.max(initial=0.0))):
        wrong = np.flatnonzero(~np.isfinite(values))
        raise ShapeError(
            f"the score at position {wrong[0]} is {values[wrong[0]]} ({wrong.size} of "
            f"{values.size} scores are not finite); a strategy must score every sample"
        )
    return values


def _head(values: NDArray[np.float64], k: int, keys: NDArray[np.uint64]) -> IntArray:
    # Everything above the k-th value is in; the ties at that value fill up in order of their keys.
    rows = narrowed(values, k)
    found = values[rows]
    limit = np.partition(found, found.size - k)[found.size - k]
    chosen: IntArray = rows[found >= limit]
    if chosen.size == k:
        return chosen
    above, tied = rows[found > limit], rows[found == limit]
    return np.concatenate([above, tied[_smallest(keys[tied], k - above.size)]])


def _smallest(keys: NDArray[np.uint64], k: int) -> IntArray:
    # Positions of the k smallest of at least k keys, in no order; equal keys by position.
    if k == 0:
        return np.empty(0, dtype=np.int64)
    rows = narrowed(keys, k, smallest=True)
    found = keys[rows]
    limit = np.partition(found, k - 1)[k - 1]
    chosen: IntArray = rows[found <= limit]
    if chosen.size == k:
        return chosen
    below = rows[found < limit]
    return np.concatenate([below, rows[found == limit][: k - below.size]])


def narrowed(values: NDArray[Any], k: int, *, smallest: bool = False) -> IntArray:
    """Ascending positions of the k largest values, of all that equal them, and of some others.

    A limit is guessed from a sample, a little too generously, so that one comparison of every value
    replaces most of a partition; where the guess is wrong, all positions are returned.

    Args:
        values: (n,), free of NaN.
        k: Within 1..n.
        smallest: Whether the smallest are meant.
    """
    sample = values[::_STRIDE]
    expected = k // _STRIDE
    rank = min(expected + 3 * math.isqrt(expected) + 3, sample.size)
    if values.size <= _FEW or rank == sample.size:
        return np.arange(values.size)
    if smallest:
        rows = np.flatnonzero(values <= np.partition(sample, rank - 1)[rank - 1])
    else:
        limit = np.partition(sample, sample.size - rank)[sample.size - rank]
        rows = np.flatnonzero(values >= limit)
    return rows if rows.size >= k else np.arange(values.size)
