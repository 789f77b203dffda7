"""The most valuable batch whose soft class counts stay near quotas, with a certificate.

The batch minimises the cost -sum of values + weight * |quotas - sum of probs|_1. Choosing k rows
out of n is a binary program in n variables, but its Lagrangian dual has one price per class: for
prices y in [-weight, weight], y.quotas minus the k largest values + probs.y is never above the
cost of any batch. Prices are found by Newton's method on smoothed duals; the batch is rounded from
them and improved by swaps. What is returned comes with both bounds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._checks import require_finite, require_probs
from alscope.acquisition._lazy import lazy_greedy
from alscope.acquisition._price_path import USUAL, Step, price_path
from alscope.acquisition._smoothed import SmoothedDual
from alscope.acquisition._swaps import swapped
from alscope.acquisition.balance import imbalance, marginal_overshoot
from alscope.acquisition.ranking import k_largest, top_k
from alscope.errors import ShapeError
from alscope.types import IntArray

__all__ = ["BalancedBatch", "Balancing", "balanced_top_k"]

_WIDE_GAP, _NO_GAP = 5e-3, 1e-6
_CANDIDATES, _LEADERS = 4_096, (512, 32)

_Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Balancing:
    """What is minimised over batches of k rows.

    Attributes:
        values: What each row is worth by itself, (n,), finite.
        probs: Predicted distributions, (n, n_classes).
        k: Size of the batch, within 0..n.
        quotas: Samples wanted of each class, (n_classes,).
        weight: What one sample away from the quotas costs, in the unit of the values; >= 0.
        keys: Keys that break ties, (n,).
    """

    values: _Vector
    probs: _Vector
    k: int
    quotas: _Vector
    weight: float
    keys: NDArray[np.uint64]

    def cost(self, positions: IntArray) -> float:
        """Cost of a batch: -sum of values + weight * |quotas - sum of probs|_1."""
        distance = imbalance(self.probs[positions].sum(axis=0), self.quotas)
        return self.weight * distance - float(self.values[positions].sum())

    def bound(self, prices: _Vector) -> float:
        """What no batch can cost less than, for any prices in [-weight, weight]^n_classes."""
        worth = self.values + self.probs @ prices
        taken = k_largest(worth, self.k).sum() if self.k else 0.0
        return float(prices @ self.quotas) - float(taken)

    def worth(self, prices: _Vector) -> _Vector:
        """Value of each row at given prices, up to a constant, (n,).

        Row by row, so that equal rows are worth exactly the same; relative to the highest price,
        so that equal prices change nothing.
        """
        relative = prices - prices.max()
        result: _Vector = self.values + np.einsum("nc,c->n", self.probs, relative)
        return result

    def rounded(self, prices: _Vector) -> IntArray:
        """The k rows worth most at given prices, best first."""
        return top_k(self.worth(prices), self.k, keys=self.keys)


@dataclass(frozen=True, eq=False)
class BalancedBatch:
    """A batch and how good it is.

    Attributes:
        positions: Distinct positions, (k,), int64, most valuable at the final prices first.
        prices: Final price of each class, (n_classes,), within [-weight, weight]; higher = wanted.
        upper: Cost of the batch.
        lower: No batch costs less.
    """

    positions: IntArray
    prices: _Vector
    upper: float
    lower: float

    @property
    def gap(self) -> float:
        """(upper - lower) / |upper|, at least 0; the plain difference if upper is 0."""
        return max(0.0, self.upper - self.lower) / (abs(self.upper) or 1.0)


def balanced_top_k(
    values: _Vector,
    probs: _Vector,
    k: int,
    *,
    quotas: _Vector,
    weight: float,
    keys: NDArray[np.uint64],
) -> BalancedBatch:
    """Choose k rows of high value whose soft class counts are near the quotas.

    Deterministic; not always optimal, but the bounds say how far from it at most. If the k highest
    values already are the best batch, because nothing exceeds its quota, or everything does, or
    the weight is 0, they are returned in their own order.

    Args:
        values: What each row is worth by itself, (n,), finite.
        probs: Predicted distributions, (n, n_classes).
        k: How many; 0 or less gives none, n or more gives all.
        quotas: Samples wanted of each class, (n_classes,).
        weight: What one sample away from the quotas costs, in the unit of the values; >= 0.
        keys: Keys that break ties, (n,).

    Raises:
        ShapeError: If values are not finite, rows are no distributions, or sizes differ.

    References:
        Bengar et al. 2022, arXiv:2110.04543 (the binary program); Bertsekas 1982, Projected Newton
        methods for optimization problems with simple constraints.
    """
    _require_sizes(values, probs, quotas, keys)
    problem = Balancing(values, probs, max(0, min(k, len(values))), quotas, weight, keys)
    ranking = top_k(values, problem.k, keys=keys)
    prices = _obvious_prices(problem, ranking)
    start = _batch(problem, ranking, prices)
    if problem.k in (0, len(values)):  # there is one batch; beside a cost of 0 rounding is a gap
        return _ordered(problem, replace(start, lower=start.upper))
    if start.gap <= _NO_GAP:
        return _ordered(problem, start)
    return _ordered(problem, _solved(problem, start))


def _require_sizes(
    values: _Vector, probs: _Vector, quotas: _Vector, keys: NDArray[np.uint64]
) -> None:
    if probs.shape != (values.size, quotas.size) or keys.shape != values.shape:
        raise ShapeError(
            f"{values.shape} values, {probs.shape} probs, {quotas.shape} quotas and {keys.shape} "
            "keys do not fit; give a value, a distribution and a key per sample"
        )
    require_finite("values", values)
    require_probs("probs", probs)


def _obvious_prices(problem: Balancing, positions: IntArray) -> _Vector:
    # Where every class is short, or every class is full, all have the same price; else each has
    # the extreme one of its own. Optimal if the batch is everything or the penalty is constant.
    short = problem.quotas - problem.probs[positions].sum(axis=0)
    if (short >= 0).all():
        return np.full(short.size, problem.weight)
    if (short <= 0).all():
        return np.full(short.size, -problem.weight)
    extreme: _Vector = problem.weight * np.sign(short)
    return extreme


def _batch(problem: Balancing, positions: IntArray, prices: _Vector) -> BalancedBatch:
    return BalancedBatch(positions, prices, problem.cost(positions), problem.bound(prices))


def _ordered(problem: Balancing, batch: BalancedBatch) -> BalancedBatch:
    order = _rows(problem, batch.positions).rounded(batch.prices)
    # Bounds are sums in different orders: rounding must not make the lower the higher one.
    lower = min(batch.lower, batch.upper)
    return BalancedBatch(batch.positions[order], batch.prices, batch.upper, lower)


def _rows(problem: Balancing, rows: IntArray) -> Balancing:
    return replace(
        problem, values=problem.values[rows], probs=problem.probs[rows], keys=problem.keys[rows]
    )


def _solved(problem: Balancing, best: BalancedBatch) -> BalancedBatch:
    dual = SmoothedDual(problem.values, problem.probs, problem.k, problem.quotas, problem.weight)
    # Known without a search, and the best there is where balance costs no value, as that of sure
    # predictions: there many prices are nearly as good, and those found may prove less.
    floor = problem.bound(np.zeros_like(problem.quotas))
    for step in price_path(dual, problem.keys):
        best = _better(best, _rounded(problem, step))
        if _at_least(best, floor).gap <= _NO_GAP:
            break
        if step.dual.temperature <= USUAL:
            best = _improved(problem, best)
            if _at_least(best, floor).gap <= _WIDE_GAP:
                break
    return _at_least(best, floor)


def _at_least(best: BalancedBatch, floor: float) -> BalancedBatch:
    return replace(best, lower=max(best.lower, floor))


def _rounded(problem: Balancing, step: Step) -> BalancedBatch:
    # No row out of reach is among the k worth most, and the bound is made of these.
    few = replace(
        problem, values=step.dual.values, probs=step.dual.probs, keys=problem.keys[step.rows]
    )
    batch = _batch(few, few.rounded(step.prices), step.prices)
    return replace(batch, positions=step.rows[batch.positions])


def _better(best: BalancedBatch, new: BalancedBatch) -> BalancedBatch:
    # The cheaper batch and the higher bound need not come from the same prices.
    positions, upper = best.positions, best.upper
    if new.upper < upper:
        positions, upper = new.positions, new.upper
    if new.lower > best.lower:
        return BalancedBatch(positions, new.prices, upper, new.lower)
    return BalancedBatch(positions, best.prices, upper, best.lower)


def _improved(problem: Balancing, best: BalancedBatch) -> BalancedBatch:
    # Swaps around the threshold, from the best rounding and from batches that are filled up, or
    # made, greedily: prices alone cannot tell apart many rows that are worth the same, as those
    # next to the threshold are, or all of saturated predictions.
    # The greedy ones are made only while the gap is wide: each takes as long as the prices did.
    n_unsure = min(problem.k, 2 * problem.quotas.size)
    order = problem.worth(best.prices)
    for n_anew in (0, n_unsure, problem.k):
        if n_anew > n_unsure and best.gap <= _WIDE_GAP:
            break
        positions = swapped(
            problem.values,
            problem.probs,
            _greedy(problem, order, n_anew) if n_anew else best.positions,
            quotas=problem.quotas,
            weight=problem.weight,
            order=order,
            keys=problem.keys,
        )
        upper = problem.cost(positions)
        if upper < best.upper:
            best = replace(best, positions=positions, upper=upper)
    return best


def _greedy(problem: Balancing, order: _Vector, n: int) -> IntArray:
    # The last n picks anew, each the one that lowers the cost most.
    kept = top_k(order, problem.k - n, keys=problem.keys)
    gains = _Gains(problem.values, problem.probs, problem.quotas, 2 * problem.weight)
    gains.take(kept)
    return lazy_greedy(
        gains,
        problem.k,
        keys=problem.keys,
        n_candidates=_CANDIDATES,
        leaders=_LEADERS,
        taken=tuple(kept.tolist()),
    )


@dataclass(eq=False)
class _Gains:
    # Value of each row minus the price of exceeding quotas, which only grows.
    values: _Vector
    probs: _Vector
    room: _Vector
    price: float

    def scores(self) -> _Vector:
        return self.values - self.price * marginal_overshoot(self.probs, self.room)

    def take(self, rows: IntArray) -> None:
        self.room = self.room - self.probs[rows].sum(axis=0)

    def among(self, rows: IntArray) -> _Gains:
        return _Gains(self.values[rows], self.probs[rows], self.room, self.price)
