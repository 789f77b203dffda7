"""Covering a set of points without filling some classes beyond their quota."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from alscope.accelerator import Held, held
from alscope.acquisition._checks import require_probs
from alscope.acquisition._distances import least, lower, require_same_width, scaled
from alscope.acquisition._lazy import lazy_greedy
from alscope.acquisition.balance import marginal_overshoot
from alscope.acquisition.cover import k_center_greedy
from alscope.acquisition.ranking import first_of
from alscope.errors import ShapeError
from alscope.types import IntArray

__all__ = ["balanced_k_center"]

_PLAIN_WORK = 2e7  # below this many multiplications the definition is fast enough to be used as is
_CANDIDATES = 2048
_ROW_CHUNK = 4096

_Points = NDArray[np.floating]


def balanced_k_center(
    points: _Points,
    centres: _Points,
    probs: NDArray[np.float64],
    k: int,
    *,
    quotas: NDArray[np.float64],
    weight: float,
    keys: NDArray[np.uint64],
) -> IntArray:
    """Take, k times, the point that is far from all centres and of a class that lacks samples.

    What is maximised is d_i - weight * |quotas - s - p_i|_1, with d_i the Euclidean distance to the
    nearest centre or earlier pick and s the sum of the rows of `probs` taken so far. Without any
    centre the first pick goes by class only. With weight 0 it is `k_center_greedy`.

    Args:
        points: (n, n_features), finite.
        centres: (n_centres, n_features), finite.
        probs: Predicted distributions, (n, n_classes).
        k: How many points; 0 or less gives none, n or more gives all.
        quotas: Samples that each class lacks, (n_classes,).
        weight: Distance that one sample away from the quotas is worth, at least 0.
        keys: Keys that break ties, (n,).

    Returns:
        Distinct positions, (min(k, n),), int64, in the order taken.

    Raises:
        ShapeError: If an array is no finite matrix or holds no distributions (the message names
            the first row), or sizes differ.

    References:
        Bengar et al. 2022, arXiv:2110.04543.

    Deviations:
        Above 2e7 multiplications distances are computed in float32 by matrix products, on the
        device if one is offered (`alscope.accelerator`).
    """
    require_same_width(points, centres, keys)
    _require_rows(probs, len(points), quotas)
    k = max(0, min(k, len(points)))
    if not k or not weight:
        return k_center_greedy(points, centres, k, keys=keys)
    plain = (len(centres) + k) * points.size <= _PLAIN_WORK
    # |q - s - p|_1 is twice the marginal overshoot, up to what all rows have in common.
    cover = (_plain if plain else _products)(points, centres, probs, quotas, 2 * weight)
    taken: tuple[int, ...] = ()
    if not len(centres):
        taken = (first_of(cover.scores(), keys=keys),)
        cover.take(np.array(taken, dtype=np.int64))
    n_candidates = len(points) if plain else _CANDIDATES
    return lazy_greedy(cover, k, keys=keys, n_candidates=n_candidates, taken=taken)


def _require_rows(probs: NDArray[np.float64], n: int, quotas: NDArray[np.float64]) -> None:
    if probs.shape != (n, quotas.size):
        raise ShapeError(
            f"probs have the shape {probs.shape}, but {n} points and {quotas.size} quotas need "
            f"{(n, quotas.size)}"
        )
    require_probs("probs", probs)


@dataclass(eq=False)
class _Cover:
    # Gains of rows: distance to the nearest centre minus the price of exceeding quotas. Distances
    # only shrink and overshoot only grows, so that gains never rise.
    rows: _Points
    squared: _Points  # squared lengths, (n,); unused by the plain form
    nearest: _Points  # squared distance to the nearest centre, (n,); inf without centres
    probs: NDArray[np.float64]
    room: NDArray[np.float64]  # quota minus soft count, (n_classes,)
    price: float  # of one sample above quota, in the unit of `rows`
    plain: bool
    held: Held | None = None  # the same rows on a device

    def scores(self) -> NDArray[np.float64]:
        distances = np.sqrt(self.nearest.astype(np.float64))
        distances[np.isinf(distances)] = 0.0
        for start in range(0, len(distances), _ROW_CHUNK):
            part = slice(start, start + _ROW_CHUNK)
            distances[part] -= self.price * marginal_overshoot(self.probs[part], self.room)
        return distances

    def take(self, rows: IntArray) -> None:
        self.add_centres(self.rows[rows])
        self.room = self.room - self.probs[rows].sum(axis=0)

    def add_centres(self, centres: _Points) -> None:
        if self.plain:
            for centre in centres:
                np.minimum(self.nearest, _exact(self.rows, centre), out=self.nearest)
        elif len(centres) == 1 and self.held is None:
            np.minimum(self.nearest, least(self.rows, self.squared, centres), out=self.nearest)
        else:
            lower(self.nearest, self.rows, self.squared, centres, held=self.held)

    def among(self, rows: IntArray) -> _Cover:
        return replace(
            self,
            rows=self.rows[rows],
            squared=self.squared[rows],
            nearest=self.nearest[rows],
            probs=self.probs[rows],
            held=None,  # so few are compared faster where they are
        )


def _exact(rows: _Points, centre: _Points) -> _Points:
    # Without products: coinciding points are exactly 0 apart.
    squares: _Points = ((rows - centre) ** 2).sum(axis=1)
    return squares


def _plain(
    points: _Points,
    centres: _Points,
    probs: NDArray[np.float64],
    quotas: NDArray[np.float64],
    price: float,
) -> _Cover:
    rows, nearest = points.astype(np.float64), np.full(len(points), np.inf)
    cover = _Cover(rows, nearest, nearest.copy(), probs, quotas, price, plain=True)
    cover.add_centres(centres.astype(np.float64))
    return cover


def _products(
    points: _Points,
    centres: _Points,
    probs: NDArray[np.float64],
    quotas: NDArray[np.float64],
    price: float,
) -> _Cover:
    rows, others, scale = scaled(points, centres)
    squared, nearest = np.einsum("nd,nd->n", rows, rows), np.full(len(rows), np.inf, np.float32)
    price = price / scale if scale > 0 else price
    cover = _Cover(
        rows, squared, nearest, probs, quotas, price, plain=False, held=held((rows,), squared)
    )
    lower(cover.nearest, rows, squared, others, held=cover.held)
    return cover
