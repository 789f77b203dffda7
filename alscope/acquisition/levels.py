"""Choosing scores of different levels: k-means++ seeding of numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._checks import require_finite
from alscope.acquisition.ranking import first_of, top_k
from alscope.types import IntArray

__all__ = ["level_seeding"]

_WIDTH = 256  # of a block of scores, about the square root of a pool


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
    blocks = np.zeros((-(-scores.size // _WIDTH), _WIDTH))  # the last one filled up with 0
    nearest = blocks.ravel()[: scores.size]
    if k:
        nearest[:] = np.square(scores - scores[picks[0]])
    buffer = np.empty_like(nearest)
    while len(picks) < k and (sums := blocks.sum(axis=1)).any():
        picks.append(_drawn(blocks, sums, rng.random()))
        np.square(np.subtract(scores, scores[picks[-1]], out=buffer), out=buffer)
        np.minimum(nearest, buffer, out=nearest)
    chosen = np.array(picks, dtype=np.int64)
    if len(picks) == k:
        return chosen
    free = np.setdiff1d(np.arange(scores.size), chosen)
    rest = top_k(scores[free], k - len(picks), keys=keys[free])
    return np.concatenate([chosen, free[rest]])


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
