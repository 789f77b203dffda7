"""Newton's method for the smoothed dual of choosing k rows near quotas; see `dual`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsyrk

__all__ = ["Point", "SmoothedDual", "maximised"]

_NEWTON_STEPS, _THRESHOLD_STEPS, _HALVINGS = 12, 60, 12
_ARMIJO = 1e-4
_ROW_CHUNK = 1024
_ACTIVE = 1e-12  # rows whose share is this near 0 or 1 do not bend the dual

_Vector = NDArray[np.float64]


class Point(NamedTuple):
    """The smoothed dual at some prices."""

    prices: _Vector
    value: float
    gradient: _Vector
    """(n_classes,)."""
    shares: _Vector
    """How much of each row is taken, (n,), within [0, 1]; the sum is k."""


@dataclass(frozen=True, eq=False)
class SmoothedDual:
    """The dual with "take the k best" softened: share_i = sigmoid((worth_i - threshold) / t).

    Attributes:
        values: (n,).
        probs: (n, n_classes).
        k: Within 1..n-1.
        quotas: (n_classes,).
        weight: Prices are within [-weight, weight].
        temperature: t; the smoothed dual tends to the dual with it.
    """

    values: _Vector
    probs: _Vector
    k: int
    quotas: _Vector
    weight: float
    temperature: float

    def at(self, prices: _Vector) -> Point:
        """Value and gradient."""
        worth = self.values + self.probs @ prices
        threshold = self._threshold(worth)
        scaled = (worth - threshold) / self.temperature
        shares, softplus = _logistic(scaled), _softplus(scaled)
        taken = self.k * threshold + self.temperature * float(softplus.sum())
        value = float(prices @ self.quotas) - taken
        return Point(prices, value, self.quotas - shares @ self.probs, shares)

    def curvature(self, shares: _Vector) -> NDArray[np.float64]:
        """Negative Hessian, (n_classes, n_classes): positive semidefinite."""
        spread = shares * (1 - shares)
        active = np.flatnonzero(spread > _ACTIVE)
        matrix = np.zeros((self.quotas.size, self.quotas.size), order="F")
        for start in range(0, active.size, _ROW_CHUNK):
            rows = active[start : start + _ROW_CHUNK]
            block = self.probs[rows]  # (n_rows, n_classes), a copy
            block *= np.sqrt(spread[rows, None])
            matrix = dsyrk(1.0, block.T, beta=1.0, c=matrix, overwrite_c=True)
        matrix = np.triu(matrix) + np.triu(matrix, 1).T  # only one half was made
        mean = spread[active] @ self.probs[active]
        matrix -= np.outer(mean, mean) / max(float(spread.sum()), _ACTIVE)
        return matrix / self.temperature

    def _threshold(self, worth: _Vector) -> float:
        # The sum of the shares falls from n to 0 while the threshold rises: Newton's method, kept
        # inside a shrinking bracket. At both ends every share is at least, or at most, k / n.
        offset = self.temperature * np.log(self.k / (worth.size - self.k))
        low, high = float(worth.min() - offset), float(worth.max() - offset)
        threshold = float(np.partition(worth, worth.size - self.k)[worth.size - self.k])
        threshold = min(max(threshold, low), high)
        for _ in range(_THRESHOLD_STEPS):
            shares = _logistic((worth - threshold) / self.temperature)
            excess = float(shares.sum()) - self.k
            if abs(excess) <= 1e-10 * self.k:
                break
            low, high = (threshold, high) if excess > 0 else (low, threshold)
            slope = float((shares * (1 - shares)).sum()) / self.temperature
            step = threshold + excess / slope if slope > 0 else high
            threshold = step if low < step < high else (low + high) / 2
        return threshold


def maximised(dual: SmoothedDual, prices: _Vector) -> _Vector:
    """Prices at which the smoothed dual is (nearly) highest, from given ones.

    Projected Newton steps: prices at a limit whose gradient points outwards stay there, the others
    take a Newton step, shortened until the dual rises enough.
    """
    point = dual.at(prices)
    for _ in range(_NEWTON_STEPS):
        outwards = (np.abs(point.prices) >= dual.weight) & (point.prices * point.gradient > 0)
        free = np.flatnonzero(~outwards)
        if not free.size or np.abs(point.gradient[free]).max() <= 1e-7 * dual.k:
            break
        after = _line_search(dual, point, _direction(dual, point, free))
        if after is None:
            break
        point = after
    return point.prices


def _direction(dual: SmoothedDual, point: Point, free: NDArray[np.intp]) -> _Vector:
    curvature = dual.curvature(point.shares)[np.ix_(free, free)]
    # A common shift of all prices bends nothing; the ridge keeps such directions finite.
    ridge = max(1e-8 * float(curvature.diagonal().max()), _ACTIVE)
    curvature[np.diag_indices_from(curvature)] += ridge
    direction = np.zeros_like(point.prices)
    direction[free] = np.linalg.solve(curvature, point.gradient[free])
    return direction


def _line_search(dual: SmoothedDual, point: Point, direction: _Vector) -> Point | None:
    length = 1.0
    for _ in range(_HALVINGS):
        prices = np.clip(point.prices + length * direction, -dual.weight, dual.weight)
        rise = float(point.gradient @ (prices - point.prices))
        after = dual.at(prices)
        if rise > 0 and after.value >= point.value + _ARMIJO * rise:
            return after
        length /= 2
    return None


def _logistic(x: _Vector) -> _Vector:
    # 1 / (1 + exp(-x)), without overflow.
    small = np.exp(-np.abs(x))
    shares: _Vector = np.where(x > 0, 1.0, small)
    shares /= 1 + small
    return shares


def _softplus(x: _Vector) -> _Vector:
    # log(1 + exp(x)), without overflow.
    result: _Vector = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
    return result
