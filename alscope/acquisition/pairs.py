"""A ranking loss over all pairs of samples, without forming the pairs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["PairLoss", "count_pairs", "pair_loss"]

_Vector = NDArray[np.float64]


class PairLoss(NamedTuple):
    """The ranking loss of some scores."""

    value: float
    """Mean over the pairs; 0 without pairs."""
    slopes: _Vector
    """Its derivative by each score, (n,)."""


def count_pairs(targets: _Vector) -> int:
    """How many pairs have different targets, and so an order."""
    counts = np.unique(targets, return_counts=True)[1]
    return int(targets.size**2 - (counts**2).sum()) // 2


def pair_loss(scores: _Vector, targets: _Vector, *, margin: float) -> PairLoss:
    """Mean over all pairs with target_i > target_j of max(0, margin - (score_i - score_j)).

    Samples with equal targets have no order and form no pair: the unknown ones among themselves
    teach nothing. O(n log(n)^2) time and O(n) memory.

    Args:
        scores: (n,).
        targets: (n,), what the order of the scores should follow.
        margin: How far apart the scores of a pair should be, above 0.

    References:
        Park et al. 2022, arXiv:2210.07805.
    """
    ranks = np.unique(targets, return_inverse=True)[1].reshape(-1)
    n_pairs = max(1, count_pairs(targets))
    value, slopes = 0.0, np.zeros(ranks.size)
    # Two ranks differ, for the first time from the top, in exactly one binary digit: every pair is
    # met once, at that digit, within the group of ranks that share the digits above.
    for digit in range(int(ranks.max(initial=0)).bit_length()):
        higher = (ranks >> digit) & 1 == 1
        reach = np.where(higher, scores, scores + margin)
        signs = _pair_counts(ranks >> (digit + 1), higher, reach)
        value += float(signs @ reach)
        slopes += signs
    return PairLoss(value / n_pairs, slopes / n_pairs)


def _pair_counts(groups: NDArray[np.integer], higher: NDArray[np.bool_], reach: _Vector) -> _Vector:
    # For those who should be lower: how many of the higher ones of their group they outreach; for
    # the higher ones: minus how many outreach them. Who reaches equally far does not count.
    order = np.lexsort((higher, reach, groups))
    sorted_groups, is_higher = groups[order], higher[order]
    first = np.searchsorted(sorted_groups, sorted_groups)
    last = np.searchsorted(sorted_groups, sorted_groups, side="right")
    n_higher = np.concatenate([[0], np.cumsum(is_higher)])
    n_lower = np.arange(n_higher.size) - n_higher
    counts = np.empty(order.size)
    counts[order] = np.where(
        is_higher, n_lower[:-1] - n_lower[last], n_higher[:-1] - n_higher[first]
    )
    return counts
