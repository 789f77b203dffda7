"""Two-component mixtures of activations: which samples speak loudly for their class."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._checks import require_matrix
from alscope.errors import ShapeError
from alscope.types import IntArray

__all__ = [
    "Activations",
    "Mixture",
    "activation_log_odds",
    "fit_mixture",
    "log_odds",
    "two_means_cut",
]

_MAX_ITERATIONS = 10
_TOLERANCE = 1e-2  # of the mean log-likelihood
_VARIANCE_FLOOR = 5e-4  # added to every variance
_SMALLEST_SPREAD = 1e-9  # below it values count as equal
_NO_MEMBERS = 10 * float(np.finfo(np.float64).eps)  # keeps an empty component defined

_Vector = NDArray[np.float64]


class Mixture(NamedTuple):
    """Two normal components of one variable, in no fixed order."""

    weights: _Vector
    """(2,), sum 1."""
    means: _Vector
    """(2,)."""
    variances: _Vector
    """(2,), positive."""


class Activations(NamedTuple):
    """What the largest output of a detector says about a sample."""

    predicted: IntArray
    """Which output is largest, (n,); the last one stands for unknown classes."""
    values: _Vector
    """How large it is, (n,)."""
    log_odds: _Vector
    """Of belonging to the louder half of its class, (n,); -inf where the last output is largest."""


def two_means_cut(ordered: _Vector) -> int:
    """How many values form the lower cluster of the best split in two.

    Every split of sorted values into a lower and an upper part is tried by prefix sums, so that the
    result is the global optimum of 2-means. O(n) time.

    Args:
        ordered: Ascending, (n,) with n >= 2.
    """
    values = ordered - ordered.mean()  # far from 0, squared sums would cancel
    sums = np.cumsum(values)
    below = np.arange(1, values.size)
    rest = sums[-1] - sums[:-1]
    # What the clusters' means explain; the rest of the squares is to be as small as possible.
    explained = sums[:-1] ** 2 / below + rest**2 / (values.size - below)
    return int(explained.argmax()) + 1


def fit_mixture(values: _Vector) -> Mixture:
    """Fit two normal components by expectation and maximization.

    Starts from the best split in two; at most 10 iterations, fewer when the mean log-likelihood
    moves by less than 0.01; 0.0005 is added to every variance. Nothing is random, and the order of
    the values does not matter, to the last bit. O(n log n) time.

    Args:
        values: (n,) with n >= 2, finite.
    """
    ordered = np.sort(values)
    upper = (np.arange(ordered.size) >= two_means_cut(ordered)).astype(np.float64)
    mixture = _maximized(ordered, np.stack([1 - upper, upper]))
    before = -np.inf
    for _ in range(_MAX_ITERATIONS):
        shares, now = _expected(ordered, mixture)
        mixture = _maximized(ordered, shares)
        if abs(now - before) < _TOLERANCE:
            break
        before = now
    return mixture


def log_odds(values: _Vector, mixture: Mixture, *, monotone: bool = False) -> _Vector:
    """Log-odds that values come from the component with the larger mean, (n,).

    The order is that of the posterior probability, which saturates at 1 where these still differ.
    The wider component wins far out on both sides: with a wide upper component, very low values
    have high odds.

    Args:
        values: (n,).
        mixture: The components.
        monotone: Below the lower mean, allow at most the log-odds at that mean. Our extension.
    """
    upper = int(mixture.means[1] >= mixture.means[0])
    lower = 1 - upper
    densities = _log_densities(values, mixture)
    odds: _Vector = densities[upper] - densities[lower]
    if not monotone:
        return odds
    turn = mixture.means[lower]
    limit = _log_densities(np.array([turn]), mixture)
    return np.where(values < turn, np.minimum(odds, limit[upper] - limit[lower]), odds)


def activation_log_odds(
    logits: NDArray[np.floating], *, n_classes: int, monotone: bool = False
) -> Activations:
    """Per predicted class, how likely a sample belongs to those with the larger activations.

    The activation is the largest logit. A mixture is fitted to the activations of each known class
    that is predicted. A class with fewer than two samples, or with equal activations, is undecided:
    log-odds 0. O(n log n + n * n_classes) time and O(n) memory.

    Args:
        logits: (n, n_classes + 1); the last output stands for unknown classes.
        n_classes: Known classes.
        monotone: See `log_odds`.

    Raises:
        ShapeError: If logits have another shape or are not finite; the message names the row.

    References:
        Ning, Zhao, Li and Huang 2022, arXiv:2201.06758.
    """
    require_matrix("detector logits", logits)
    if logits.shape[1] != n_classes + 1:
        raise ShapeError(
            f"detector logits have {logits.shape[1]} columns, but {n_classes} known classes need "
            f"{n_classes + 1}: one each, and one for unknown classes"
        )
    predicted = logits.argmax(axis=1)
    values = logits[np.arange(len(logits)), predicted].astype(np.float64)
    odds = np.full(len(logits), -np.inf)
    order = np.argsort(predicted.astype(np.min_scalar_type(n_classes)), kind="stable")
    bounds = np.searchsorted(predicted[order], np.arange(n_classes + 1))
    for first, last in pairwise(bounds):
        members = order[first:last]
        odds[members] = _class_log_odds(values[members], monotone=monotone)
    return Activations(predicted, values, odds)


def _class_log_odds(values: _Vector, *, monotone: bool) -> _Vector:
    if values.size < 2 or np.ptp(values) < _SMALLEST_SPREAD:
        return np.zeros(values.size)
    return log_odds(values, fit_mixture(values), monotone=monotone)


def _expected(values: _Vector, mixture: Mixture) -> tuple[_Vector, float]:
    # What each value belongs to, (2, n), and the mean log-likelihood.
    joint = _log_densities(values, mixture)
    top = joint.max(axis=0)
    shares = np.exp(joint - top)  # one of the two is 1
    sums = shares.sum(axis=0)
    shares /= sums
    return shares, float((top.sum() + np.log(sums, out=sums).sum()) / values.size)


def _maximized(values: _Vector, shares: _Vector) -> Mixture:
    # shares: what each value belongs to, (2, n).
    sizes = shares.sum(axis=1) + _NO_MEMBERS
    means = np.einsum("kn,n->k", shares, values) / sizes
    gaps = values - means[:, None]
    spreads = np.einsum("kn,kn,kn->k", shares, gaps, gaps) / sizes
    return Mixture(sizes / sizes.sum(), means, spreads + _VARIANCE_FLOOR)


def _log_densities(values: _Vector, mixture: Mixture) -> _Vector:
    # (2, n); the constant log(2 pi) / 2 is left out, as it changes neither odds nor progress.
    heights = np.log(mixture.weights) - np.log(mixture.variances) / 2
    result: _Vector = values - mixture.means[:, None]
    np.square(result, out=result)
    result /= -2 * mixture.variances[:, None]
    result += heights[:, None]
    return result
