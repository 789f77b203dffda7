"""Two-component mixtures of activations: which samples speak loudly for their class."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._checks import require_finite, require_shape
from alscope.acquisition._mixtures import Mixture, blocks, fitted, log_densities, two_means_cut
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

_BLOCK_CELLS = 1 << 16  # of logits that stay in the cache
_SMALLEST_SPREAD = 1e-9  # below it values count as equal
# What ten updates of two means may be off by, as a share of them.
_ROUNDING = 16 * float(np.finfo(np.float64).eps)

_Vector = NDArray[np.float64]


class Activations(NamedTuple):
    """What the largest output of a detector says about a sample."""

    predicted: IntArray
    """Which output is largest, (n,); the last one stands for unknown classes."""
    values: _Vector
    """How large it is, (n,)."""
    log_odds: _Vector
    """Of belonging to the louder half of its class, (n,); -inf where the last output is largest."""


def fit_mixture(values: _Vector) -> Mixture:
    """Fit two normal components by expectation and maximization.

    Starts from the best split in two; at most 10 iterations, fewer when the mean log-likelihood
    moves by less than 0.01; 0.0005 is added to every variance. Nothing is random, and the order of
    the values does not matter, to the last bit. O(n log n) time.

    Args:
        values: (n,) with n >= 2, finite.
    """
    found = fitted(np.sort(values), np.array([values.size]))
    return Mixture(*(part[:, 0] for part in found))


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
    one = Mixture(*(part[:, None] for part in mixture))
    return _log_odds(values, one, np.array([values.size]), monotone=monotone)


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
    require_shape("detector logits", logits)
    if logits.shape[1] != n_classes + 1:
        raise ShapeError(
            f"detector logits have {logits.shape[1]} columns, but {n_classes} known classes need "
            f"{n_classes + 1}: one each, and one for unknown classes"
        )
    predicted, loudest = _loudest(logits)
    odds = np.full(len(logits), -np.inf)
    order = np.argsort(predicted.astype(np.min_scalar_type(n_classes)), kind="stable")
    sizes = np.bincount(predicted, minlength=n_classes + 1)[:n_classes]
    known = order[: sizes.sum()]
    odds[known] = _group_log_odds(loudest[known], sizes, monotone=monotone)
    return Activations(predicted, loudest.astype(np.float64), odds)


def _loudest(logits: NDArray[np.floating]) -> tuple[IntArray, NDArray[np.floating]]:
    # Which output is largest, and how large it is; block by block, while a block is in the cache.
    predicted, values = np.empty(len(logits), dtype=np.int64), np.empty(len(logits), logits.dtype)
    step = max(1, _BLOCK_CELLS // logits.shape[1])
    places = np.arange(step)
    for start in range(0, len(logits), step):
        block, rows = logits[start : start + step], slice(start, start + step)
        require_finite("detector logits", block, first=start)
        block.argmax(axis=1, out=predicted[rows])
        values[rows] = block[places[: len(block)], predicted[rows]]
    return predicted, values


def _group_log_odds(values: NDArray[np.floating], sizes: IntArray, *, monotone: bool) -> _Vector:
    # Values of one group after the other. They are sorted as they are: that is faster in float32.
    odds = np.zeros(values.size)
    groups = [np.sort(part) for part in np.split(values, np.cumsum(sizes)[:-1])]
    decided = np.array([part.size > 1 and _spread(part) >= _SMALLEST_SPREAD for part in groups])
    if not decided.any():
        return odds
    rows, counts = np.repeat(decided, sizes), sizes[decided]
    mixture = fitted(np.concatenate(groups)[rows].astype(np.float64), counts)
    told, found = values[rows].astype(np.float64), np.empty(counts.sum())
    for block, which, inside in blocks(counts):
        found[block] = _log_odds(told[block], mixture.of(which), inside, monotone=monotone)
    odds[rows] = found
    return odds


def _spread(ordered: NDArray[np.floating]) -> float:
    return float(ordered[-1]) - float(ordered[0])


def _log_odds(values: _Vector, mixture: Mixture, counts: IntArray, *, monotone: bool) -> _Vector:
    # Means of values that hardly differ approach each other until only rounding tells them apart;
    # they have not changed places then, and the second began as the larger one.
    rounding = _ROUNDING * np.abs(mixture.means).max(axis=0)
    signs = np.where(mixture.means[1] >= mixture.means[0] - rounding, 1.0, -1.0)
    densities = log_densities(values, mixture, counts)
    odds: _Vector = np.repeat(signs, counts) * (densities[1] - densities[0])
    if not monotone:
        return odds
    turns = mixture.means.min(axis=0)
    at_turn = log_densities(turns, mixture, np.ones_like(counts))
    limits = np.repeat(signs * (at_turn[1] - at_turn[0]), counts)
    return np.where(values < np.repeat(turns, counts), np.minimum(odds, limits), odds)
