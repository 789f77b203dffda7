"""Choosing scores of different levels: k-means++ seeding of numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._checks import require_finite
from alscope.acquisition.ranking import first_of, top_k
from alscope.types import IntArray

__all__ = ["level_seeding"]


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
    nearest = (scores - scores[picks[0]]) ** 2 if k else scores
    while len(picks) < k and (total := nearest.sum()) > 0:
        picks.append(int(rng.choice(scores.size, p=nearest / total)))
        np.minimum(nearest, (scores - scores[picks[-1]]) ** 2, out=nearest)
    free = np.setdiff1d(np.arange(scores.size), picks)
    rest = top_k(scores[free], k - len(picks), keys=keys[free])
    return np.concatenate([np.array(picks, dtype=np.int64), free[rest]])
