"""Choosing scores of different levels: k-means++ seeding of numbers."""

from __future__ import annotations

import bisect

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._checks import require_finite
from alscope.acquisition.ranking import first_of, top_k
from alscope.types import IntArray

__all__ = ["level_seeding"]

_WIDTH = 256  # of a block of scores, about the square root of a pool
_FEW = 128  # up to so many levels it is faster to renew all distances than those between two levels


def level_seeding(
    scores: NDArray[np.float64], k: int, *, keys: NDArray[np.uint64], rng: np.random.Generator
) -> IntArray:
    """Draw k scores that differ: each with probability proportional to its squared distance.

    The first is the one largest in size; each further one is drawn in proportion to the squared
    distance to the nearest score chosen. When no score differs from those chosen, the rest are the
    highest. Ties are broken by key.

    Args:
        scores: (n,), finite.
        k: How many; 0 or less gives none, n or more gives all.
        keys: Keys that break ties, (n,).
        rng: For the draws.

    Returns:
        Distinct positions, (max(0, min(k, n)),), int64, in the order chosen.

    Raises:
        ShapeError: Naming the first row whose score is not finite.

    References:
        Arthur and Vassilvitskii 2007 (SODA).
    """
    require_finite("scores", scores)
    k = max(0, min(k, scores.size))
    picks = [first_of(np.abs(scores), keys=keys)] if k else []
    distances = _Distances(scores)
    for pick in picks:
        distances.approach(float(scores[pick]))
        if len(picks) < k and distances.sums.any():
            picks.append(_drawn(distances.blocks, distances.sums, rng.random()))
    chosen = np.array(picks, dtype=np.int64)
    if len(picks) == k:
        return chosen
    free = np.setdiff1d(np.arange(scores.size), chosen)
    rest = top_k(scores[free], k - len(picks), keys=keys[free])
    return np.concatenate([chosen, free[rest]])


class _Distances:
    """Squared distance of every score to the nearest level chosen, in blocks, and their sums.

    A new level is nearest at most to the scores between its neighbours among the levels: in the
    order of the scores that is one piece, and the shorter the more levels there are.
    """

    def __init__(self, scores: NDArray[np.float64]) -> None:
        self.blocks = np.zeros((-(-scores.size // _WIDTH), _WIDTH))  # the last one filled up with 0
        self.sums = np.zeros(len(self.blocks))
        self._nearest = self.blocks.ravel()
        self._nearest[: scores.size] = np.inf
        self._scores = scores
        self._order, self._ranked = np.empty(0, dtype=np.int64), scores[:0]
        self._levels = [-np.inf, np.inf]

    def approach(self, level: float) -> None:
        """Take one more level into account."""
        place = bisect.bisect(self._levels, level)
        below, above = self._levels[place - 1 : place + 1]
        self._levels.insert(place, level)
        if len(self._levels) < _FEW:
            self._approach_all(level)
        else:
            self._approach_between(below, above, level)

    def _approach_all(self, level: float) -> None:
        nearest = self._nearest[: self._scores.size]
        np.minimum(nearest, np.square(self._scores - level), out=nearest)
        self.sums = self.blocks.sum(axis=1)

    def _approach_between(self, below: float, above: float, level: float) -> None:
        if not self._order.size:
            self._order = np.argsort(self._scores)
            self._ranked = self._scores[self._order]
        first, last = self._ranked.searchsorted(below), self._ranked.searchsorted(above, "right")
        rows = self._order[first:last]
        squares = np.square(self._ranked[first:last] - level)
        nearer = squares < self._nearest[rows]
        rows = rows[nearer]
        self._nearest[rows] = squares[nearer]
        touched = np.zeros(len(self.sums), dtype=np.bool_)
        touched[rows // _WIDTH] = True
        self.sums[touched] = self.blocks[touched].sum(axis=1)


def _drawn(blocks: NDArray[np.float64], sums: NDArray[np.float64], uniform: float) -> int:
    # Inverse CDF in the order of positions: first the block, then the place in it, so that a draw
    # adds up one block and not everything.
    ends = np.cumsum(sums)
    block = _first_above(ends, uniform * ends[-1])
    before = ends[block - 1] if block else 0.0
    within = _first_above(np.cumsum(blocks[block]), max(0.0, uniform * ends[-1] - before))
    return block * _WIDTH + within


def _first_above(cumulated: NDArray[np.float64], threshold: float) -> int:
    # A threshold can round up to the total; then it is the last position that carries weight.
    last = int(np.searchsorted(cumulated, cumulated[-1], side="left"))
    return min(last, int(np.searchsorted(cumulated, threshold, side="right")))
