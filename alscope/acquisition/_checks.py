"""Checks shared by the formulas: what is wrong, and in which row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alscope.errors import ShapeError

__all__ = ["require_finite", "require_matrix", "require_probs", "require_shape"]

_SUM_TOLERANCE = 1e-4


def require_matrix(name: str, array: NDArray[Any]) -> None:
    """Refuse what is not two-dimensional and finite.

    Raises:
        ShapeError: Naming the shape, or the first row with a value that is NaN or infinite.
    """
    require_shape(name, array)
    require_finite(name, array)


def require_shape(name: str, array: NDArray[Any]) -> None:
    """Refuse what is not two-dimensional.

    Raises:
        ShapeError: Naming the shape.
    """
    if array.ndim != 2:
        raise ShapeError(f"{name} have the shape {array.shape}, but one row per sample is needed")


def require_finite(name: str, array: NDArray[Any], *, first: int = 0) -> None:
    """Refuse NaN and infinities.

    Args:
        name: What the array holds, in the plural, for the message.
        array: One entry or row per sample.
        first: Position of the first row, when the array is a block of a larger one.

    Raises:
        ShapeError: Naming the first offending row.
    """
    # One reduction decides the common case; a sum of finite values may overflow, hence the recount.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(array.sum()):
            return
    wrong = np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(axis=1))
    if wrong.size:
        raise ShapeError(
            f"{name} of row {first + wrong[0]} hold NaN or infinity ({wrong.size} of {len(array)} "
            "rows do); the model that made them has probably diverged: lower the learning rate"
        )


def require_probs(name: str, probs: NDArray[np.float64], *, first: int = 0) -> None:
    """Refuse rows that are not finite, negative, or do not sum to 1.

    Args:
        name: What the array holds, in the plural, for the message.
        probs: Probabilities, (n, n_classes).
        first: Position of the first row, when the array is a block of a larger one.

    Raises:
        ShapeError: Naming the first offending row.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        sums = np.einsum("nc->n", probs)  # several times as fast as `sum` with few classes
        off = ~(np.abs(sums - 1) <= _SUM_TOLERANCE)  # of what is not finite as well
    if off.any() or probs.min(initial=0.0) < 0:
        require_finite(name, probs, first=first)
        wrong = np.flatnonzero((probs < 0).any(axis=1) | off)
        row = int(wrong[0])
        raise ShapeError(
            f"{name} of row {first + row} sum to {sums[row]:.6g} with a smallest value of "
            f"{probs[row].min():.6g}; rows must be non-negative and sum to 1"
        )
