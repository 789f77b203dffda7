"""Covering a set of points: farthest-first traversal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alscope.accelerator import held
from alscope.acquisition._distances import (
    least_of_held,
    lower,
    require_same_width,
    scaled,
    to_each,
)
from alscope.acquisition.ranking import by_key, first_of
from alscope.progress import report
from alscope.types import IntArray

__all__ = ["k_center_greedy"]

_PLAIN_WORK = 2e7  # below this many multiplications the definition is fast enough to be used as is
_CANDIDATES = 1024  # rows among which the farthest are sought at a time
_AHEAD = 64  # candidates whose products with all candidates are made together
_WATCHED = 8  # times as many rows catch up with the picks together

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
        device if one is offered (`alscope.accelerator`), and those below 4e-6 of the squared length
        count as 0. Choices are the same up to that rounding.
    """
    require_same_width(points, centres, keys)
    k = max(0, min(k, len(points)))
    if not k:
        return np.empty(0, dtype=np.int64)
    if (len(centres) + k) * points.size <= _PLAIN_WORK:
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
    rows, others, _ = scaled(points, centres)
    pool = _Pool(rows)
    pool.approach(others)
    while len(pool.picks) < k and pool.nearest.max() > 0:
        candidates, bound = pool.farthest(n_candidates)
        if pool.nearest[candidates].max() > bound:
            found = _among_candidates(pool, candidates, bound, k - len(pool.picks), keys)
        elif pool.catch_up(np.arange(len(rows))):
            continue
        else:  # ties reach beyond the candidates: one step over everybody, by key
            found = [first_of(pool.nearest, keys=keys)]
        pool.take(found)
        report(len(pool.picks), k)
    return _completed(pool.picks, k, keys)


class _Pool:
    """Rows with bounds of their distances to the nearest centre or pick, and who is up to date.

    Args:
        rows: (n, n_features).

    Attributes:
        squared: Squared lengths of the rows, (n,).
        nearest: At least the squared distance of every row to the nearest centre or pick; -inf for
            the picks themselves.
        picks: Taken until now, in order.
    """

    def __init__(self, rows: NDArray[np.float32]) -> None:
        self.rows = rows
        self.squared = np.einsum("nd,nd->n", rows, rows)
        self.nearest = np.full(len(rows), np.inf, dtype=np.float32)
        self.picks: list[int] = []
        self._seen = np.zeros(len(rows), dtype=np.int64)  # picks that a row's bound accounts for
        self._held = held((rows,), self.squared)

    def approach(self, centres: NDArray[np.float32]) -> None:
        """Bring the bounds of all rows down to their distances to some centres."""
        lower(self.nearest, self.rows, self.squared, centres, held=self._held)

    def take(self, found: list[int]) -> None:
        """Add picks; the bounds of the others stay as they are."""
        self.picks += found
        self.nearest[found] = -np.inf

    def catch_up(self, some: IntArray) -> int:
        """Make the bounds of some rows exact; returns how many were not."""
        stale = some[self._seen[some] < len(self.picks)]
        if stale.size:
            since = self.picks[self._seen[stale].min() :]
            distances, centres = self.nearest[stale], self.rows[since]
            if self._held is not None:
                closer = least_of_held(self._held, self.squared[stale], centres, stale)
                np.minimum(distances, closer, out=distances)
            else:
                lower(distances, self.rows[stale], self.squared[stale], centres)
            self.nearest[stale] = distances
            self._seen[stale] = len(self.picks)
        return stale.size

    def farthest(self, n: int) -> tuple[IntArray, float]:
        """The n rows with the largest bounds, all of them exact; the largest bound of others."""
        while True:
            rows, bound = _largest(self.nearest, n)
            if np.all(self._seen[rows] == len(self.picks)):
                return rows, bound
            self.catch_up(_largest(self.nearest, _WATCHED * n)[0])


def _among_candidates(
    pool: _Pool, candidates: IntArray, bound: float, k: int, keys: NDArray[np.uint64]
) -> list[int]:
    # At least one pick, at most k; stops when somebody outside might be farther.
    local = pool.nearest[candidates]
    block, squared, block_keys = pool.rows[candidates], pool.squared[candidates], keys[candidates]
    found: list[int] = []
    known: dict[int, NDArray[np.float32]] = {}
    while len(found) < k and local.max() > bound:
        best = first_of(local, keys=block_keys)
        found.append(int(candidates[best]))
        if best not in known:
            known = _ahead(block, squared, local, best)
        np.minimum(local, known[best], out=local)
        local[best] = -np.inf
    return found


def _ahead(
    block: NDArray[np.float32],
    squared: NDArray[np.float32],
    local: NDArray[np.float32],
    best: int,
) -> dict[int, NDArray[np.float32]]:
    # Distances of all candidates to the next pick, and to those likely to follow: one product reads
    # the candidates once, where a vector at a time would read them for every pick.
    likely = np.append(_largest(local, _AHEAD)[0], best)
    distances = to_each(block, squared, block[likely])
    return dict(zip(likely.tolist(), distances.T, strict=True))


def _largest(nearest: NDArray[np.float32], n: int) -> tuple[IntArray, float]:
    # The n rows with the largest bounds, and the largest bound of the others.
    # Nobody outside, or only points that coincide with a centre: the bound is 0.
    if n >= len(nearest):
        return np.arange(len(nearest)), 0.0
    order = np.argpartition(nearest, len(nearest) - n - 1)
    outside = nearest[order[len(nearest) - n - 1]]
    return order[len(nearest) - n :], max(0.0, float(outside))


def _completed(picks: list[int], k: int, keys: NDArray[np.uint64]) -> IntArray:
    # What coincides with a centre or a pick is worth nothing more: the rest by key.
    if len(picks) < k:
        free = np.setdiff1d(np.arange(len(keys)), picks)
        picks = picks + free[by_key(keys[free], k - len(picks))].tolist()
    return np.array(picks, dtype=np.int64)
