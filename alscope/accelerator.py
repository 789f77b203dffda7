"""Nearest centres on a device, for selections whose time is products with all of the pool.

Formulas are NumPy and know no device. Whoever runs a selection and has one offers it here; the
formulas that are mostly matrix products ask for it, and keep what little is left on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from alscope.types import IntArray

__all__ = ["Held", "Holder", "held", "offering", "offers"]


class Held(Protocol):
    """Rows that lie on a device while a selection lasts.

    A row is the outer product of its parts, one per factor: with one factor it is a plain point.
    """

    def nearest(
        self,
        factors: Sequence[NDArray[np.floating]],
        squared: NDArray[np.floating],
        some: IntArray | None = None,
    ) -> tuple[IntArray, NDArray[np.float32]]:
        """The nearest of some centres to each row.

        Args:
            factors: Parts of the centres, (n_centres, n_features of the factor) each; at least one
                centre.
            squared: Squared lengths of the centres, (n_centres,).
            some: Positions of the rows in question; all of them by default.

        Returns:
            Position of the nearest centre, and the squared distance to it, (n_rows,) each: |x|^2 +
            |c|^2 - 2 x.c in float32, as it comes, which may be negative by rounding.
        """
        ...


Holder = Callable[[Sequence[NDArray[np.float32]], NDArray[np.float32]], Held | None]
"""Takes the factors of all rows, (n, n_features of the factor) each, and their squared lengths,
(n,), to the device; None if they do not fit there, or are too few to be worth the way."""

_holder: ContextVar[Holder | None] = ContextVar("holder", default=None)


@contextmanager
def offering(holder: Holder | None) -> Iterator[None]:
    """Let everything that is computed inside the block, in this thread, use a device.

    Args:
        holder: Takes rows to the device; None offers none.
    """
    token = _holder.set(holder)
    try:
        yield
    finally:
        _holder.reset(token)


def offers() -> bool:
    """Whether a device is offered, which may be worth making the rows for."""
    return _holder.get() is not None


def held(factors: Sequence[NDArray[np.float32]], squared: NDArray[np.float32]) -> Held | None:
    """The rows on the device that is offered, or None if they stay where they are."""
    holder = _holder.get()
    return holder(factors, squared) if holder is not None else None
