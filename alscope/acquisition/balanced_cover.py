"""Covering a set of points without filling some classes beyond their quota."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._bounds import Bounds, First
from alscope.acquisition._checks import require_finite, require_probs
from alscope.acquisition._distances import require_same_width
from alscope.acquisition._lazy import lazy_greedy
from alscope.acquisition._near import Near
from alscope.acquisition.balance import marginal_overshoot
from alscope.acquisition.cover import k_center_greedy
from alscope.acquisition.ranking import first_of, largest
from alscope.errors import ShapeError
from alscope.progress import report
from alscope.types import IntArray

__all__ = ["balanced_k_center"]

_PLAIN_WORK = 2e7  # below this many multiplications the definition is fast enough to be used as is
_FEWEST, _CANDIDATES = 256, 1024  # rows among which the next are sought at a time

_ROW_CHUNK = 4096

_Points = NDArray[np.floating]
_Vectors = NDArray[np.float64]


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
    # |q - s - p|_1 is twice the marginal overshoot, up to what all rows have in common.
    price = 2 * weight
    if (len(centres) + k) * points.size > _PLAIN_WORK:
        return _lazy(points, centres, probs, k, quotas=quotas, price=price, keys=keys)
    require_finite("embeddings", points)
    cover = _Plain.of(points, centres, probs, quotas, price)
    return lazy_greedy(cover, k, keys=keys, n_candidates=len(points))


def _require_rows(probs: NDArray[np.float64], n: int, quotas: NDArray[np.float64]) -> None:
    if probs.shape != (n, quotas.size):
        raise ShapeError(
            f"probs have the shape {probs.shape}, but {n} points and {quotas.size} quotas need "
            f"{(n, quotas.size)}"
        )
    require_probs("probs", probs)


@dataclass(eq=False)
class _Plain:
    # Gains of rows: distance to the nearest centre minus the price of exceeding quotas. Distances
    # only shrink and overshoot only grows, so that gains never rise.
    rows: _Vectors
    nearest: NDArray[np.float64]  # squared distance to the nearest centre, (n,); inf without
    probs: NDArray[np.float64]
    room: NDArray[np.float64]  # quota minus soft count, (n_classes,)
    price: float  # of one sample above quota

    @classmethod
    def of(
        cls,
        points: _Points,
        centres: _Points,
        probs: NDArray[np.float64],
        quotas: NDArray[np.float64],
        price: float,
    ) -> _Plain:
        cover = cls(points.astype(np.float64), np.full(len(points), np.inf), probs, quotas, price)
        cover._approach(centres.astype(np.float64))
        return cover

    def scores(self) -> NDArray[np.float64]:
        return _distances(self.nearest) - self.price * marginal_overshoot(self.probs, self.room)

    def take(self, rows: IntArray) -> None:
        self._approach(self.rows[rows])
        self.room = self.room - self.probs[rows].sum(axis=0)

    def among(self, rows: IntArray) -> _Plain:
        return replace(
            self, rows=self.rows[rows], nearest=self.nearest[rows], probs=self.probs[rows]
        )

    def _approach(self, centres: _Vectors) -> None:
        # Without products: coinciding points are exactly 0 apart.
        for centre in centres:
            np.minimum(self.nearest, ((self.rows - centre) ** 2).sum(axis=1), out=self.nearest)


def _distances(squared: NDArray[np.floating]) -> NDArray[np.float64]:
    # Without any centre classes alone decide.
    distances: _Vectors = np.sqrt(squared, dtype=np.float64)
    distances[np.isinf(distances)] = 0
    return distances


def _lazy(
    points: _Points,
    centres: _Points,
    probs: NDArray[np.float64],
    k: int,
    *,
    quotas: NDArray[np.float64],
    price: float,
    keys: NDArray[np.uint64],
) -> IntArray:
    # As in `cover`, with costs beside distances: gains only fall, so that a gain computed earlier
    # bounds today's.
    gains = _Gains(points, centres, probs, quotas, price)
    picks: list[int] = []
    if not len(centres):
        picks = [first_of(gains.worth(), keys=keys)]
        gains.take(picks)
        gains.tighten(np.arange(len(points)))  # until now classes alone decided
    while len(picks) < k:
        n = min(_CANDIDATES, max(_FEWEST, 2 * (k - len(picks))))
        picks += _among(gains, gains.first(n, keys), k - len(picks), keys)
        report(k + len(picks), 2 * k)  # the first half was to look at everybody
    return np.array(picks, dtype=np.int64)


class _Gains(Bounds):
    # What rows gain, as in `_Plain`, from bounds of their distances and of their costs: those of
    # exceeding quotas, which only rise.
    def __init__(
        self,
        points: _Points,
        centres: _Points,
        probs: NDArray[np.float64],
        quotas: NDArray[np.float64],
        price: float,
    ) -> None:
        self.probs, self.room = probs, quotas
        self.costs = np.zeros(len(points))  # infinite for who was taken
        self._are_new = np.zeros(len(points), dtype=bool)
        super().__init__(points, centres)
        self._price = price * self.rows.factor
        self.renew(np.arange(len(points)))

    def worth(self) -> NDArray[np.float64]:
        return _distances(self.nearest) - self.costs

    def are_exact(self) -> NDArray[np.bool_]:
        exact: NDArray[np.bool_] = super().are_exact() & self._are_new
        return exact

    def leading(self, n: int) -> IntArray:
        # Costs only rise: stale ones show who may lead. Those of the best are renewed, of four
        # times as many whenever others may still be better, because each time costs a pass.
        values, open_ = self.worth(), np.arange(len(self.costs))
        lead, worth, size = open_[:0], values[:0], n
        while open_.size:
            some = largest(values, size)
            self.renew(open_[some])
            lead = np.append(lead, open_[some])
            worth = _distances(self.nearest[lead]) - self.costs[lead]
            best = largest(worth, n)
            lead, worth = lead[best], worth[best]
            values[some] = -np.inf
            is_left = values > worth.min()
            open_, values, size = open_[is_left], values[is_left], 4 * size
        return lead

    def renew(self, some: IntArray) -> bool:
        stale = some[~self._are_new[some]]
        for start in range(0, len(stale), _ROW_CHUNK):
            part = stale[start : start + _ROW_CHUNK]
            self.costs[part] = self.cost(self.probs[part], self.room)
        self._are_new[stale] = True
        return stale.size > 0

    def cost(self, probs: _Vectors, room: _Vectors) -> _Vectors:
        return self._price * marginal_overshoot(probs, room)

    def take(self, picks: list[int]) -> None:
        self.add(picks)
        self.room = self.room - self.probs[picks].sum(axis=0)
        self.costs[picks] = np.inf
        self._are_new = np.isinf(self.costs)


def _among(gains: _Gains, first: First, k: int, keys: NDArray[np.uint64]) -> list[int]:
    # At least one pick, at most k; stops when somebody outside might come first.
    near, found = Near(gains, first, keys), list[int]()
    race = _Race(near, gains.costs[first.rows], gains.probs[first.rows], gains.room, gains.cost)
    while len(found) < k:
        some = race.run(k - len(found))
        if not some.size:
            break
        found += some.tolist()
    picks: list[int] = near.rows[found].tolist()
    gains.costs[near.rows] = race.costs
    gains.take(picks)
    gains.settle(near.rows, near.nearest)
    return picks


@dataclass(eq=False)
class _Race:
    # A few rows with what they cost at present, infinite for who was taken.
    near: Near
    costs: _Vectors
    probs: _Vectors
    room: _Vectors
    price: Callable[[_Vectors, _Vectors], _Vectors]

    def run(self, k: int) -> IntArray:
        # The next picks, until somebody who does not lead might come first.
        lead = self.near.lead(_distances(self.near.nearest) - self.costs)
        keys, probs = self.near.keys[lead.rows].tolist(), self.probs[lead.rows]
        distances = _distances(self.near.nearest[lead.rows])
        apart, costs = _distances(self.near.between(lead.rows)), self.costs[lead.rows]
        found: list[int] = []
        while len(found) < min(k, costs.size):
            worth = distances - costs
            best = int(worth.argmax())  # the first of equals, which has the smallest key
            if lead.is_behind(float(worth[best]), keys[best]):
                break
            found.append(best)
            np.minimum(distances, apart[best], out=distances)
            self.room = self.room - probs[best]
            costs = self.price(probs, self.room)
            costs[found] = np.inf
        self._settle(lead.rows[found])
        return lead.rows[found]

    def _settle(self, some: IntArray) -> None:
        if some.size:
            self.near.take(some)
            gone = np.isinf(self.costs)
            self.costs = self.price(self.probs, self.room)
            self.costs[gone] = self.costs[some] = np.inf
