"""Class balance of a batch: how many samples each class still needs, and what exceeds that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["QUOTAS", "imbalance", "marginal_overshoot", "paper_quotas", "waterfill_quotas"]

_DECIMALS = 12
_BLOCK_CELLS = 50_000  # so that a block stays in the cache
_FEW_CLASSES = 16  # up to here rows are added up faster class by class than row by row

_Vector = NDArray[np.float64]


def paper_quotas(counts: NDArray[np.integer], k: int) -> _Vector:
    """What each class lacks of an equal share of all labels after k more.

    max(0, (n_labeled + k) / n_classes - counts). The sum exceeds k as soon as one class has more
    than its share already.

    Args:
        counts: Labeled samples of each class, (n_classes,); classes without labels count 0.
        k: How many samples will be labeled.

    Returns:
        Samples to add to each class, (n_classes,), not rounded.

    References:
        Bengar et al. 2022, arXiv:2110.04543, eq. 4.
    """
    lacking: _Vector = np.maximum((counts.sum() + k) / counts.size - counts, 0.0)
    return lacking


def waterfill_quotas(counts: NDArray[np.integer], k: int) -> _Vector:
    """The quotas that k samples can meet: the poorest classes are raised to one common level.

    max(0, level - counts) with the level at which the sum is k.

    Args:
        counts: Labeled samples of each class, (n_classes,); classes without labels count 0.
        k: How many samples will be labeled, at least 0.

    Returns:
        Samples to add to each class, (n_classes,), not rounded; the sum is k.
    """
    ordered = np.sort(counts).astype(np.float64)
    levels = (k + np.cumsum(ordered)) / np.arange(1, ordered.size + 1)
    # Raising the m poorest is right for the smallest m whose level stays below the next class.
    enough = np.append(levels[:-1] <= ordered[1:], True)
    lacking: _Vector = np.maximum(levels[int(enough.argmax())] - counts, 0.0)
    return lacking


QUOTAS: Mapping[str, Callable[[NDArray[np.integer], int], _Vector]] = {
    "paper": paper_quotas,
    "waterfill": waterfill_quotas,
}
"""Rules by name: labeled counts and query size to quotas."""


def marginal_overshoot(probs: _Vector, room: _Vector) -> _Vector:
    """By how much each row, if added alone, exceeds what still fits.

    With soft counts s of what was taken and quotas q, the room is q - s and the result is
    sum_c (s_c + p_c - q_c)^+ - (s_c - q_c)^+. It never falls while samples are taken. For rows that
    sum to 1 it is half of |q - s - p|_1, up to a constant: penalising the distance to the quotas
    is penalising overshoot.

    Args:
        probs: (n, n_classes); rows sum to 1.
        room: Quota minus soft count of each class, (n_classes,).

    Returns:
        (n,), within [0, 1].
    """
    limits, over = np.maximum(room, 0.0), np.empty(len(probs))
    step = max(1, _BLOCK_CELLS // room.size)
    order: Literal["F", "C"] = "F" if room.size <= _FEW_CLASSES else "C"
    buffer = np.empty((min(step, len(probs)), room.size), order=order)
    for start in range(0, len(probs), step):
        block = probs[start : start + step]
        excess = np.subtract(block, limits, out=buffer[: len(block)])
        np.maximum(excess, 0.0, out=excess).sum(axis=1, out=over[start : start + step])
    # Many rows overshoot alike, as all do where every class is full; keys decide, not rounding.
    return np.round(over, _DECIMALS, out=over)


def imbalance(soft_counts: _Vector, quotas: _Vector) -> float:
    """Distance between soft counts and quotas, sum_c |quota_c - count_c|."""
    return float(np.abs(quotas - soft_counts).sum())
