"""Covering a set of points: farthest-first traversal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._checks import require_matrix
from alscope.acquisition.ranking import by_key, first_of
from alscope.errors import ShapeError
from alscope.types import IntArray

__all__ = ["k_center_greedy"]

_PLAIN_WORK = 2e7  # below this many multiplications the definition is fast enough to be used as is
_CANDIDATES = 1024  # rows among which the farthest are sought between two passes over the pool
_CENTRE_CHUNK = 256
_ROW_CHUNK = 4096
# A squared distance is a difference of squared lengths; in float32 a distance below this share of
# them is rounding. It counts as 0, so that duplicates are told apart by key and not by noise.
_NOISE = 32 * float(np.finfo(np.float32).eps)

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
        Above 2e7 multiplications distances are computed in float32 by matrix products, and those
        below 4e-6 of the squared length count as 0. Choices are the same up to that rounding.
    """
    _require_same_width(points, centres, keys)
    k = max(0, min(k, len(points)))
    if not k:
        return np.empty(0, dtype=np.int64)
    if (len(centres) + k) * points.size <= _PLAIN_WORK:
        return _plain(points, centres, k, keys)
    return _lazy(points, centres, k, keys, n_candidates=_CANDIDATES)


def _require_same_width(points: _Points, centres: _Points, keys: NDArray[np.uint64]) -> None:
    require_matrix("embeddings", points)
    require_matrix("centre embeddings", centres)
    if keys.shape != points.shape[:1]:
        raise ShapeError(f"there are {len(points)} embeddings but {keys.size} keys; give as many")
    if centres.shape[1] != points.shape[1]:
        raise ShapeError(
            f"embeddings have {points.shape[1]} features but the centres have {centres.shape[1]}; "
            "take both from one model"
        )


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
    # others catch up by one matrix product per batch of picks, many times faster than pick by pick.
    rows, others = _scaled(points, centres)
    squared = np.einsum("nd,nd->n", rows, rows)
    nearest = np.full(len(rows), np.inf, dtype=np.float32)
    _lower(nearest, rows, squared, others)
    picks: list[int] = []
    while len(picks) < k and nearest.max() > 0:
        found = _among_candidates(rows, squared, nearest, k - len(picks), keys, n_candidates)
        picks += found
        if len(picks) < k:
            _lower(nearest, rows, squared, rows[found])
            nearest[found] = -np.inf
    return _completed(picks, k, keys)


def _scaled(points: _Points, centres: _Points) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    # Centring avoids cancellation when all points lie far from the origin; the common scale keeps
    # squares within float32. Neither changes which point is farthest.
    shift = points.mean(axis=0, dtype=np.float64).astype(points.dtype)
    rows = (points - shift).astype(np.float32)
    others = (centres - shift).astype(np.float32)
    scale = max(np.abs(rows).max(initial=0.0), np.abs(others).max(initial=0.0))
    if scale > 0:
        rows /= scale
        others /= scale
    return rows, others


def _lower(
    nearest: NDArray[np.float32],
    rows: NDArray[np.float32],
    squared: NDArray[np.float32],
    centres: NDArray[np.float32],
) -> None:
    # nearest <- min(nearest, squared distance to each centre), in place, in bounded memory.
    for first in range(0, len(centres), _CENTRE_CHUNK):
        chunk = centres[first : first + _CENTRE_CHUNK]
        for start in range(0, len(rows), _ROW_CHUNK):
            part = slice(start, start + _ROW_CHUNK)
            np.minimum(nearest[part], _least(rows[part], squared[part], chunk), out=nearest[part])


def _least(
    rows: NDArray[np.float32], squared: NDArray[np.float32], centres: NDArray[np.float32]
) -> NDArray[np.float32]:
    # min over c of |x - c|^2 = |x|^2 + |c|^2 - 2 x.c, with what is below rounding set to 0; (n,).
    products = rows @ (-2 * centres).T  # (n, n_centres)
    products += np.einsum("cd,cd->c", centres, centres)
    least: NDArray[np.float32] = products.min(axis=1) + squared
    least[least < _NOISE * squared] = 0
    return least


def _among_candidates(
    rows: NDArray[np.float32],
    squared: NDArray[np.float32],
    nearest: NDArray[np.float32],
    k: int,
    keys: NDArray[np.uint64],
    n_candidates: int,
) -> list[int]:
    # At least one pick, at most k; stops when somebody outside might be farther.
    candidates, bound = _farthest(nearest, n_candidates)
    local = nearest[candidates]
    if local.max() <= bound:
        # Ties reach beyond the candidates: one step over everybody, by key.
        return [first_of(nearest, keys=keys)]
    block, block_squared, block_keys = rows[candidates], squared[candidates], keys[candidates]
    found: list[int] = []
    while len(found) < k and local.max() > bound:
        best = first_of(local, keys=block_keys)
        found.append(int(candidates[best]))
        np.minimum(local, _least(block, block_squared, block[best, None]), out=local)
        local[best] = -np.inf
    return found


def _farthest(nearest: NDArray[np.float32], n: int) -> tuple[IntArray, float]:
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
