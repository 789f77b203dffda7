"""The nearest of some centres to every row, kept while a few of the centres move."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.accelerator import Held
from alscope.types import IntArray

__all__ = ["NOISE", "Assigned"]

# Squared distances that differ by less than this, relative to squared lengths, are equal.
NOISE = 32 * float(np.finfo(np.float32).eps)

_PRODUCT_CELLS = 1 << 19  # products of rows with centres made at once: 2 MB, near the cache
_FEWEST_ROWS = 256
_FEWEST_CENTRES = 8
# Smaller products (rows x centres x features) go through other routines, which round differently.
# Products are made at least as large, so that what was compared before can be compared with now.
_FEWEST_TERMS = 1 << 21
# What is saved per row has to be worth more than finding out: so many terms, and so many features
# for looking at the second nearest as well.
_WORTH_TERMS = 1 << 12
_WORTH_FEATURES = 128

_Points = NDArray[np.float32]


class Near(NamedTuple):
    """The nearest of some centres to each of some rows."""

    centre: IntArray
    """Position of the nearest (the first, if tied), (n_rows,)."""
    value: _Points
    """|c|^2 - 2 x.c of it, (n_rows,); of rows on a device the squared distance."""
    next: _Points
    """No other has a value below this, (n_rows,)."""

    @classmethod
    def room(cls, n: int) -> Near:
        """For so many rows, not filled."""
        return cls(np.empty(n, np.int64), np.empty(n, np.float32), np.empty(n, np.float32))

    def some(self, part: slice) -> Near:
        """Of some rows, not copied."""
        return Near(self.centre[part], self.value[part], self.next[part])


class Assigned:
    """Which centre is nearest to every row (the first, if tied), and how near.

    When centres move, each row is compared with those that moved. Those that stood still are as far
    as before: the own one as known, the others no nearer than the second nearest was. A row whose
    own centre moved away so far that one of them may be nearer now is compared with these as well.

    Args:
        rows: Points and a last column of ones, (n, n_features + 1).
        squared: Squared lengths of the points, (n,).
        centres: (k, n_features).
        on_device: The points on a device; there all are compared every time.
    """

    def __init__(
        self, rows: _Points, squared: _Points, centres: _Points, on_device: Held | None
    ) -> None:
        self._rows, self._squared, self._centres = rows, squared, centres
        self._on_device = on_device
        self._near = nearest(rows, None, centres, on_device)

    @property
    def assignment(self) -> IntArray:
        """Position of the nearest centre, (n,); not to be changed."""
        return self._near.centre

    def distances(self) -> _Points:
        """Squared distance of each row to the nearest centre, (n,); 0 where it is rounding."""
        found = self._near.value.copy()
        if self._on_device is None:
            found += self._squared
        found[found < NOISE * self._squared] = 0
        return found

    def move(self, centres: _Points) -> None:
        """Account for new places of the centres, (k, n_features)."""
        moved = (centres != self._centres).any(axis=1)
        self._centres = centres
        moved[np.flatnonzero(~moved)[: max(0, _FEWEST_CENTRES - np.count_nonzero(moved))]] = True
        n_moved = int(np.count_nonzero(moved))
        n_still = len(centres) - n_moved
        small = self._rows.size * n_moved < _FEWEST_TERMS or n_still < _FEWEST_CENTRES
        dear = n_still * centres.shape[1] < _WORTH_TERMS
        if small or dear or self._on_device is not None:
            self._near = nearest(self._rows, None, centres, self._on_device)
        else:
            self._near = self._moved(moved)

    def _moved(self, moved: NDArray[np.bool_]) -> Near:
        which, others = np.flatnonzero(moved), np.flatnonzero(~moved)
        first = nearest(self._rows, None, self._centres[which])
        first = first._replace(centre=which[first.centre])
        # What those that stood still offer: the own centre, or else nobody below a limit.
        lost = moved[self._near.centre]
        offer = Near(
            self._near.centre.copy(), np.where(lost, np.inf, self._near.value), self._near.next
        )
        open_ = np.flatnonzero(lost & (first.value >= offer.next))
        if open_.size:
            again = nearest(self._rows, open_, self._centres[others])
            offer.centre[open_], offer.value[open_] = others[again.centre], again.value
            offer.next[open_] = again.next
        return _joined(first, offer)


def _joined(one: Near, other: Near) -> Near:
    # The nearest of two sets of centres, each with its nearest.
    closer = (one.value < other.value) | ((one.value == other.value) & (one.centre < other.centre))
    behind = np.minimum(one.next, other.next)
    return Near(
        np.where(closer, one.centre, other.centre),
        np.minimum(one.value, other.value),
        np.minimum(behind, np.maximum(one.value, other.value), out=behind),
    )


def nearest(
    rows: _Points, some: IntArray | None, centres: _Points, on_device: Held | None = None
) -> Near:
    """The nearest of some centres to some rows.

    Args:
        rows: Points and a last column of ones, (n, n_features + 1).
        some: Positions of the rows in question; all by default.
        centres: (k, n_features).
        on_device: The points on a device.
    """
    n, k = len(rows) if some is None else some.size, len(centres)
    lengths = np.einsum("kd,kd->k", centres, centres)
    if on_device is not None:
        return Near(*on_device.nearest((centres,), lengths, some), np.full(n, -np.inf, np.float32))
    # Contiguous factors and one buffer for all blocks: with few features that halves the time.
    factors = np.concatenate([(-2 * centres).T, lengths[None]])  # (n_features + 1, k)
    enough = max(_FEWEST_ROWS, _FEWEST_TERMS // factors.size)
    if some is not None:
        some = np.resize(some, max(n, enough))
    found = Near.room(n if some is None else some.size)
    step, wide = max(enough, _PRODUCT_CELLS // k), centres.shape[1] >= _WORTH_FEATURES
    buffer = np.empty((min(step, len(found.value)), k), dtype=np.float32)
    places = np.arange(len(buffer)) * k
    for start in range(0, len(found.value), step):
        part = slice(max(0, min(start, len(found.value) - enough)), start + step)
        block = rows[part if some is None else some[part]]
        products = np.matmul(block, factors, out=buffer[: len(block)])  # (rows, k)
        _two_least(products, places[: len(block)], found.some(part), wide=wide)
    return found.some(slice(n))


def _two_least(products: _Points, places: IntArray, found: Near, *, wide: bool) -> None:
    # Of each row the least and the one after it, unless finding that is not worth it.
    # Overwrites the products.
    flat = products.ravel()
    at = places + products.argmin(axis=1, out=found.centre)
    found.value[:] = flat.take(at)
    if wide:
        flat[at] = np.inf
        products.min(axis=1, out=found.next)
    else:
        found.next[:] = found.value
