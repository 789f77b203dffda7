"""Improving a batch by exchanging one row at a time; see `dual`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition.ranking import top_k
from alscope.types import IntArray

__all__ = ["swapped"]

_CELLS = 1 << 20  # of the array of all pairs and classes: bounds memory, and seconds per swap
_WIDEST = 200
_MAX_SWAPS = 200
_ROUNDING = 1e-12

_Vector = NDArray[np.float64]


def swapped(
    values: _Vector,
    probs: _Vector,
    positions: IntArray,
    *,
    quotas: _Vector,
    weight: float,
    order: _Vector,
    keys: NDArray[np.uint64],
) -> IntArray:
    """Exchange the best pair of a pick and another row while that lowers the cost.

    Only the picks of lowest and the others of highest order are considered, about 100 of each.

    Args:
        values: (n,).
        probs: (n, n_classes).
        positions: The batch, (k,).
        quotas: (n_classes,).
        weight: Of the distance to the quotas.
        order: By which rows are considered, (n,).
        keys: Keys that break ties of `order`, (n,).

    Returns:
        A batch that costs no more, (k,).
    """
    width = min(_WIDEST, max(2, int((_CELLS / quotas.size) ** 0.5)))
    inside = np.zeros(len(values), dtype=np.bool_)
    inside[positions] = True
    leaving = positions[top_k(-order[positions], width, keys=keys[positions])]
    first = top_k(order, positions.size + width, keys=keys)
    entering = first[~inside[first]][:width]
    if not entering.size:
        return positions
    kept = np.setdiff1d(positions, leaving)
    short = quotas - probs[positions].sum(axis=0)
    for _ in range(_MAX_SWAPS):
        # Cost after exchanging each pair, without what all pairs have in common.
        without = short + probs[leaving]
        after = weight * _distances(without, probs[entering])
        after += values[leaving][:, None]
        after -= values[entering]
        out, into = np.unravel_index(int(after.argmin()), after.shape)
        before = weight * float(np.abs(short).sum())
        if after[out, into] >= before - _ROUNDING * (1 + before):
            break
        short = without[out] - probs[entering[into]]
        leaving[out], entering[into] = entering[into], leaving[out]
    return np.concatenate([kept, leaving])


def _distances(rows: _Vector, others: _Vector) -> _Vector:
    # |row - other|_1 of all pairs.
    from scipy.spatial.distance import cdist  # takes 0.15 s to import: only who swaps needs it

    found: _Vector = cdist(rows, others, "cityblock")
    return found
