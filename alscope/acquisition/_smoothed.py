"""Newton's method for the smoothed dual of choosing k rows near quotas; see `dual`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsyrk

from alscope.acquisition.ranking import k_largest
from alscope.types import IntArray

__all__ = ["Point", "SmoothedDual", "maximised"]

_NEWTON_STEPS, _THRESHOLD_STEPS, _HALVINGS = 12, 60, 12
_ARMIJO = 1e-4
_BLOCK_CELLS = 50_000  # a block and its scaled copy stay within the processor's cache
_ACTIVE = 1e-12  # rows whose share is this near 0 or 1 do not bend the dual
_LARGEST = 700.0  # whose exponential is finite

_Vector = NDArray[np.float64]


class Point(NamedTuple):
    """The smoothed dual at some prices."""

    prices: _Vector
    threshold: float
    value: float
    gradient: _Vector
    """(n_classes,)."""
    shares: _Vector
    """How much of each row is taken, (n,), within [0, 1]; the sum is k, up to rounding."""


class Curvature(NamedTuple):
    """How the smoothed dual bends at some prices."""

    matrix: NDArray[np.float64]
    """Negative Hessian, (n_classes, n_classes): positive semidefinite."""
    slope: _Vector
    """By how much the threshold rises with each price, (n_classes,)."""


@dataclass(frozen=True, eq=False)
class SmoothedDual:
    """The dual with "take the k best" softened: share_i = sigmoid((worth_i - threshold) / t).

    Attributes:
        values: (n,).
        probs: (n, n_classes).
        k: Above 0 and below n.
        quotas: (n_classes,).
        weight: Prices are within [-weight, weight].
        temperature: t; the smoothed dual tends to the dual with it.
    """

    values: _Vector
    probs: _Vector
    k: float
    quotas: _Vector
    weight: float
    temperature: float = 1.0

    def at(self, prices: _Vector, guess: float | None = None) -> Point:
        """Value and gradient; the threshold is looked for from a guess."""
        worth = self.values + self.probs @ prices
        threshold, shares = self._threshold(worth, guess)
        return self._point(prices, worth, threshold, shares)

    def among(self, rows: IntArray) -> SmoothedDual:
        """The same of some rows only, as if the others had no share."""
        return replace(self, values=self.values[rows], probs=self.probs[rows])

    def curvature(self, shares: _Vector) -> Curvature:
        """How the dual bends where rows have these shares."""
        spread = shares * (1 - shares)
        active = np.flatnonzero(spread > _ACTIVE)
        matrix = np.zeros((self.quotas.size, self.quotas.size), order="F")
        step = max(1, _BLOCK_CELLS // self.quotas.size)
        buffer = np.empty((step, self.quotas.size))
        for start in range(0, active.size, step):
            rows: Any = active[start : start + step]
            if active.size == shares.size:
                rows = slice(start, start + step)  # a view, not a copy
            roots = np.sqrt(spread[rows])
            block = np.multiply(self.probs[rows], roots[:, None], out=buffer[: roots.size])
            matrix = dsyrk(1.0, block.T, beta=1.0, c=matrix, overwrite_c=True)
        matrix = np.triu(matrix) + np.triu(matrix, 1).T  # only one half was made
        total = matrix.sum(axis=1)  # weighted by spread, because rows of probabilities sum to 1
        mean = total / max(float(spread.sum()), _ACTIVE)
        matrix -= np.outer(total, mean)
        return Curvature(matrix / self.temperature, mean)

    def _point(self, prices: _Vector, worth: _Vector, threshold: float, shares: _Vector) -> Point:
        # t * log(1 + exp(x / t)) is max(x, 0) - t * log(max(share, 1 - share)).
        above = float(np.maximum(worth - threshold, 0).sum())
        logs = float(np.log(np.maximum(shares, 1 - shares)).sum())
        taken = self.k * threshold + above - self.temperature * logs
        value = float(prices @ self.quotas) - taken
        return Point(prices, threshold, value, self.quotas - shares @ self.probs, shares)

    def _threshold(self, worth: _Vector, guess: float | None) -> tuple[float, _Vector]:
        # The sum of the shares falls from n to 0 while the threshold rises: Newton's method, kept
        # inside a shrinking bracket. At both ends every share is at least, or at most, k / n.
        # Everything is in units of the temperature.
        scaled = worth / self.temperature
        offset = np.log(self.k / (worth.size - self.k))
        low, high = float(scaled.min() - offset), float(scaled.max() - offset)
        if guess is None:
            guess = float(k_largest(worth, math.ceil(self.k)).min())
        level = min(max(guess / self.temperature, low), high)
        for _ in range(_THRESHOLD_STEPS):
            shares = _logistic(level - scaled)
            total = float(shares.sum())
            excess = total - self.k
            if abs(excess) <= 1e-10 * self.k:
                break
            low, high = (level, high) if excess > 0 else (low, level)
            slope = total - float(np.einsum("n,n->", shares, shares))
            step = level + excess / slope if slope > 0 else high
            level = step if low < step < high else (low + high) / 2
        return level * self.temperature, shares


def maximised(dual: SmoothedDual, start: Point, tolerance: float) -> Point:
    """Where the smoothed dual is (nearly) highest, from a point of it.

    Projected Newton steps: prices at a limit whose gradient points outwards stay there, the others
    take a Newton step, shortened until the dual rises enough. It ends where no free price has a
    gradient above `tolerance` * k.
    """
    point = start
    for _ in range(_NEWTON_STEPS):
        outwards = (np.abs(point.prices) >= dual.weight) & (point.prices * point.gradient > 0)
        free = np.flatnonzero(~outwards)
        if not free.size or np.abs(point.gradient[free]).max() <= tolerance * dual.k:
            break
        after = _line_search(dual, point, free)
        if after is None:
            break
        point = after
    return point


def _direction(matrix: NDArray[np.float64], point: Point, free: NDArray[np.intp]) -> _Vector:
    curvature = matrix[np.ix_(free, free)]
    # A common shift of all prices bends nothing; the ridge keeps such directions finite.
    ridge = max(1e-8 * float(curvature.diagonal().max()), _ACTIVE)
    curvature[np.diag_indices_from(curvature)] += ridge
    direction = np.zeros_like(point.prices)
    direction[free] = np.linalg.solve(curvature, point.gradient[free])
    return direction


def _line_search(dual: SmoothedDual, point: Point, free: NDArray[np.intp]) -> Point | None:
    curvature = dual.curvature(point.shares)
    direction = _direction(curvature.matrix, point, free)
    length = 1.0
    for _ in range(_HALVINGS):
        prices = np.clip(point.prices + length * direction, -dual.weight, dual.weight)
        rise = float(point.gradient @ (prices - point.prices))
        guess = point.threshold + float(curvature.slope @ (prices - point.prices))
        after = dual.at(prices, guess)
        if rise > 0 and after.value >= point.value + _ARMIJO * rise:
            return after
        length /= 2
    return None


def _logistic(x: _Vector) -> _Vector:
    # 1 / (1 + exp(x)) in place, without overflow.
    np.exp(np.minimum(x, _LARGEST, out=x), out=x)
    x += 1
    return np.reciprocal(x, out=x)
