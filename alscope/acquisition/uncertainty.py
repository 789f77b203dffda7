"""Uncertainty of one prediction per sample; higher = less certain.

Scores from logits keep full resolution where the softmax saturates: they are computed from
differences to the largest logit, in float64, block by block. Adding a constant to the logits of a
row changes nothing. Scores from probabilities serve averaged predictions, which have no logits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._checks import require_finite, require_probs
from alscope.errors import ShapeError
from alscope.types import IntArray

__all__ = [
    "entropy",
    "entropy_of_probs",
    "least_confidence",
    "least_confidence_of_probs",
    "margin",
    "margin_of_probs",
]

_BLOCK_CELLS = 1 << 16  # temporaries of a block stay within the processor's cache

_FEW_DIGITS = 1e-290  # sums of exponentials below this begin to lose digits, or are 0

_SMALLEST = 5e-324  # positive float64: its logarithm is finite

_Matrix = NDArray[np.float64]


class _Row(NamedTuple):
    """Logits of a block relative to the largest of their row."""

    shifted: _Matrix
    """Logit minus the largest, (n, n_classes), all <= 0."""
    top: IntArray
    """The class of the largest, (n,)."""
    rest: _Matrix
    """exp(shifted) with 0 in place of the largest, (n, n_classes)."""
    rest_sum: NDArray[np.float64]
    """Sum of `rest`, (n,): the partition function is 1 + rest_sum."""

    def of(self, rows: IntArray) -> _Row:
        """Some of the rows."""
        return _Row(self.shifted[rows], self.top[rows], self.rest[rows], self.rest_sum[rows])

    def second(self) -> NDArray[np.float64]:
        """The second largest shifted logit, (n,); -inf with one class."""
        others = self.shifted.copy()
        others[np.arange(len(others)), self.top] = -np.inf
        largest: NDArray[np.float64] = others.max(axis=1)
        return largest


def entropy(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Entropy of the predicted distribution, -sum p log p.

    Args:
        logits: (n, n_classes), finite.

    Returns:
        Scores in nats, (n,), within [0, log(n_classes)] up to rounding.

    Raises:
        ShapeError: If logits are not a finite matrix; the message names the first row.

    References:
        Shannon 1948; Settles and Craven 2008 (EMNLP).
    """

    def score(row: _Row) -> NDArray[np.float64]:
        # -sum p log p = log Z - sum p * shifted; both terms are >= 0, so nothing cancels.
        expected: NDArray[np.float64] = np.einsum("nc,nc->n", row.rest, row.shifted)
        return np.log1p(row.rest_sum) - expected / (1 + row.rest_sum)

    return _blockwise(logits, score)


def margin(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Negative gap between the two largest probabilities, -(p_1 - p_2).

    Args:
        logits: (n, n_classes), finite.

    Returns:
        Scores, (n,), within [-1, 0]; 0 for a tie of the two top classes, -1 with one class.

    Raises:
        ShapeError: If logits are not a finite matrix; the message names the first row.

    References:
        Scheffer, Decomain and Wrobel 2001 (IDA); Roth and Small 2006 (ECML).
    """
    # p_1 - p_2 = p_1 (1 - exp(l_2 - l_1)) and p_1 = 1 / Z: exact near ties, where it matters.
    return _blockwise(logits, lambda row: np.expm1(row.second()) / (1 + row.rest_sum))


def least_confidence(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Logarithm of the probability that the prediction is wrong, log(1 - max p).

    The order is that of 1 - max p. The logarithm keeps samples apart whose top probability rounds
    to 1: log(1 - max p) = logsumexp(logits without the largest) - logsumexp(logits).

    Args:
        logits: (n, n_classes), finite.

    Returns:
        Scores, (n,), at most log(1 - 1 / n_classes); all 0 with one class.

    Raises:
        ShapeError: If logits are not a finite matrix; the message names the first row.

    References:
        Lewis and Gale 1994 (SIGIR), arXiv:cmp-lg/9407020; Culotta and McCallum 2005 (AAAI).
    """
    if np.ndim(logits) == 2 and np.shape(logits)[1] == 1:
        return _blockwise(logits, lambda row: np.zeros(len(row.top)))

    def score(row: _Row) -> NDArray[np.float64]:
        certain = np.flatnonzero(row.rest_sum < _FEW_DIGITS)
        if not certain.size:
            return np.log(row.rest_sum) - np.log1p(row.rest_sum)
        sums = np.maximum(row.rest_sum, _FEW_DIGITS)
        scores: NDArray[np.float64] = np.log(sums) - np.log1p(sums)
        scores[certain] = _log_of_rest(row.of(certain))
        return scores

    return _blockwise(logits, score)


def _log_of_rest(row: _Row) -> NDArray[np.float64]:
    # Relative to the second logit, the sum holds a 1 and its logarithm is finite. The partition
    # function of these rows rounds to 1.
    second = row.second()
    relative = row.shifted - second[:, None]
    relative[np.arange(len(relative)), row.top] = -np.inf
    sums: NDArray[np.float64] = np.exp(relative, out=relative).sum(axis=1)
    return second + np.log(sums)


def entropy_of_probs(probs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Entropy of given distributions, -sum p log p with 0 log 0 = 0.

    Args:
        probs: (n, n_classes); rows sum to 1.

    Returns:
        Scores in nats, (n,), within [0, log(n_classes)] up to rounding.

    Raises:
        ShapeError: If a row is no distribution; the message names the first one.
    """

    def score(values: _Matrix) -> NDArray[np.float64]:
        logs = np.log(np.maximum(values, _SMALLEST))  # times 0 where the probability is 0
        scores: NDArray[np.float64] = np.maximum(-np.einsum("nc,nc->n", values, logs), 0.0)
        return scores

    return _over_distributions(probs, score)


def margin_of_probs(probs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Negative gap between the two largest of given probabilities, -(p_1 - p_2).

    Args:
        probs: (n, n_classes); rows sum to 1.

    Returns:
        Scores, (n,), within [-1, 0]; -1 with one class.

    Raises:
        ShapeError: If a row is no distribution; the message names the first one.
    """

    def score(values: _Matrix) -> NDArray[np.float64]:
        if values.shape[1] == 1:
            return np.full(len(values), -1.0)
        rows, top = np.arange(len(values)), values.argmax(axis=1)
        others = values.copy()
        others[rows, top] = -np.inf
        gap: NDArray[np.float64] = others.max(axis=1) - values[rows, top]
        return gap

    return _over_distributions(probs, score)


def least_confidence_of_probs(probs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probability that the prediction is wrong, 1 - max p, of given probabilities.

    Args:
        probs: (n, n_classes); rows sum to 1.

    Returns:
        Scores, (n,), within [0, 1 - 1 / n_classes] up to rounding.

    Raises:
        ShapeError: If a row is no distribution; the message names the first one.
    """
    return _over_distributions(probs, lambda values: 1.0 - values.max(axis=1))


def _blockwise(
    logits: NDArray[np.floating], score: Callable[[_Row], NDArray[np.float64]]
) -> NDArray[np.float64]:
    logits = np.asarray(logits)
    if logits.ndim != 2 or logits.shape[1] == 0:
        raise ShapeError(f"logits have the shape {logits.shape}, but (n, n_classes) is needed")
    scores = np.empty(len(logits))
    step = max(1, _BLOCK_CELLS // logits.shape[1])
    for start in range(0, len(logits), step):
        # Rows one after the other, whatever the order in memory: it decides how sums round, and a
        # block of one row would round otherwise than equal rows of the blocks before.
        block = logits[start : start + step].astype(np.float64, order="C")  # (step, n_classes)
        require_finite("logits", block, first=start)
        scores[start : start + step] = score(_relative(block))
    return scores


def _relative(logits: _Matrix) -> _Row:
    rows = np.arange(len(logits))
    top = logits.argmax(axis=1)
    shifted = logits - logits[rows, top][:, None]
    rest = np.exp(shifted)
    rest[rows, top] = 0.0
    # einsum adds up short rows four times as fast as `sum` does.
    return _Row(shifted, top, rest, np.einsum("nc->n", rest))


def _over_distributions(
    probs: NDArray[np.floating], score: Callable[[_Matrix], NDArray[np.float64]]
) -> NDArray[np.float64]:
    probs = np.asarray(probs)
    if probs.ndim != 2 or probs.shape[1] == 0:
        raise ShapeError(f"probs have the shape {probs.shape}, but (n, n_classes) is needed")
    scores = np.empty(len(probs))
    step = max(1, _BLOCK_CELLS // probs.shape[1])
    for start in range(0, len(probs), step):
        block = np.asarray(probs[start : start + step], dtype=np.float64, order="C")
        require_probs("probs", block, first=start)
        scores[start : start + step] = score(block)
    return scores
