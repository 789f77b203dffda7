"""Covering a set of points: farthest-first traversal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._bounds import Bounds, First
from alscope.acquisition._checks import require_finite
from alscope.acquisition._distances import require_same_width
from alscope.acquisition._near import Near
from alscope.acquisition.ranking import by_key, first_of
from alscope.progress import report
from alscope.types import IntArray

__all__ = ["k_center_greedy"]

_PLAIN_WORK = 2e7  # below this many multiplications the definition is fast enough to be used as is
_FEWEST, _CANDIDATES = 256, 1024  # rows among which the farthest are sought at a time

_Points = NDArray[np.floating]


def k_center_greedy(
    points: _Points, centres: _Points, k: int, *, keys: NDArray[np.uint64]
) -> IntArray:
    """Take, k times, the point farthest from all centres and from all points taken before.

    Distances are Euclidean. The radius of the resulting cover is at most twice the smallest that
    any k points could give. Ties are broken by key; points that coincide with a centre are taken
    last, in order of their keys, and never twice.

    Args:
        points: (n, n_features), finite.
        centres: (n_centres, n_features), finite; with none, the first point is chosen by key.
        k: How many points; 0 or less gives none, n or more gives all.
        keys: Keys that break ties, (n,).

    Returns:
        Distinct positions, (min(k, n),), int64, in the order taken.

    Raises:
        ShapeError: If an array is no finite matrix (the message names the first row) or the widths
            differ.

    References:
        Gonzalez 1985, Theor. Comput. Sci. 38; Sener and Savarese 2018, arXiv:1708.00489, alg. 1.

    Deviations:
        Above 2e7 multiplications distances are computed in float32 by matrix products, on the
        device if one is offered (`alscope.accelerator`). Squared distances below 4e-6 of that to
        the middle of the pool count as 0: a group 500 times as far away as it is wide is one point.
        Choices are the same up to that rounding.
    """
    require_same_width(points, centres, keys)
    k = max(0, min(k, len(points)))
    if not k:
        require_finite("embeddings", points)
        return np.empty(0, dtype=np.int64)
    if (len(centres) + k) * points.size <= _PLAIN_WORK:
        require_finite("embeddings", points)
        return _plain(points, centres, k, keys)
    return _lazy(points, centres, k, keys, n_candidates=_CANDIDATES)


def _plain(points: _Points, centres: _Points, k: int, keys: NDArray[np.uint64]) -> IntArray:
    # The definition, in float64 and without products: coinciding points are exactly 0 apart.
    rows = points.astype(np.float64)
    nearest = np.full(len(rows), np.inf)  # squared distance to the nearest centre, (n,)
    for centre in centres.astype(np.float64):
        np.minimum(nearest, ((rows - centre) ** 2).sum(axis=1), out=nearest)
    picks = np.empty(k, dtype=np.int64)
    for step in range(k):
        picks[step] = pick = first_of(nearest, keys=keys)
        np.minimum(nearest, ((rows - rows[pick]) ** 2).sum(axis=1), out=nearest)
        nearest[pick] = -np.inf
    return picks


def _lazy(
    points: _Points,
    centres: _Points,
    k: int,
    keys: NDArray[np.uint64],
    *,
    n_candidates: int,
) -> IntArray:
    # Distances only shrink while points are taken, so a distance computed earlier bounds today's
    # from above. While the farthest of a few candidates is farther than the bound of everybody
    # else, it is the farthest of all, and only the candidates need to be kept up to date. The
    # others catch up by matrix products, and only those whose bounds are large enough to matter.
    bounds = Bounds(points, centres)
    picks: list[int] = []
    while len(picks) < k and bounds.nearest.max() > 0:
        n = min(n_candidates, max(_FEWEST, 2 * (k - len(picks))))
        first = bounds.first(n, keys)
        picks += _among(bounds, first, k - len(picks), keys)
        report(k + len(picks), 2 * k)  # the first half was to look at everybody
    return _completed(picks, k, keys)


def _among(bounds: Bounds, first: First, k: int, keys: NDArray[np.uint64]) -> list[int]:
    # At most k picks; stops when somebody outside might be farther.
    near, found = Near(bounds, first, keys), list[int]()
    while len(found) < k:
        some = _farthest(near, near.lead(near.nearest), k - len(found))
        if not some.size:
            break
        near.take(some)
        near.nearest[some] = -np.inf
        found += some.tolist()
    picks: list[int] = near.rows[found].tolist()
    bounds.add(picks)
    bounds.settle(near.rows, near.nearest)
    return picks


def _farthest(near: Near, lead: First, k: int) -> IntArray:
    # The same among those that lead.
    nearest, keys = near.nearest[lead.rows], near.keys[lead.rows].tolist()
    apart, found = near.between(lead.rows), list[int]()
    while len(found) < min(k, nearest.size):
        best = int(nearest.argmax())  # the first of equals, which has the smallest key
        distance = float(nearest[best])
        if distance <= 0 or lead.is_behind(distance, keys[best]):
            break
        found.append(best)
        np.minimum(nearest, apart[best], out=nearest)
        nearest[best] = -np.inf
    return lead.rows[found]


def _completed(picks: list[int], k: int, keys: NDArray[np.uint64]) -> IntArray:
    # What coincides with a centre or a pick is worth nothing more: the rest by key.
    if len(picks) < k:
        free = np.setdiff1d(np.arange(len(keys)), picks)
        picks = picks + free[by_key(keys[free], k - len(picks))].tolist()
    return np.array(picks, dtype=np.int64)
