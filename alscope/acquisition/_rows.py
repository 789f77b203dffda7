"""Points in the form in which products of them lose least, made a block at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._checks import require_finite
from alscope.types import IntArray

__all__ = ["ENOUGH", "ROW_CHUNK", "Rows", "blocks", "prepared", "squares"]

ROW_CHUNK = 512  # rows that stay in the cache while they are moved and compared
# Products of fewer rows or centres than this go through other routines, which round differently.
# They are made of as many, so that duplicates are equally far away whoever they are compared with.
ENOUGH = 64
# Where the largest squared length lies. Float32 ends 2^47 above the higher one, which is room for
# sums, and 2^86 below the lower one, which is room for shorter rows.
_SHORTEST, _LONGEST = 2.0**-40, 2.0**80
_WIDEST = 126  # the exponent of a factor that is a float32 itself
_DIGITS, _ROUNDS = 5, 4  # binary ones of the middle that are found at a time; and how often
_MATTERS = 1 / 16  # the share of the median squared length from which the middle is subtracted
_ASKED = 256  # rows, or up to twice as many, that show where the middle is

_Points = NDArray[np.floating]


class Rows:
    """Points around their middle and within the range of float32, without a copy of all of them.

    A squared distance is a difference of squared lengths: of points close together but far from
    the origin nothing would be left. A middle that is close to the origin does no such harm and
    stays. The factor is a power of two, which rounds nothing. Neither changes who is farthest.

    Args:
        points: (n, n_features), finite.
        shift: What is subtracted, (n_features,); None for nothing.
        factor: What the difference is multiplied by: one unit here is 1 / factor of the points.
    """

    def __init__(self, points: _Points, shift: _Points | None, factor: float) -> None:
        self._points, self._shift, self.factor = points, shift, factor
        # Asking the system for new memory for every block takes longer than all the arithmetic.
        n_rows = max(ENOUGH, min(ROW_CHUNK, len(points)))
        self._room = np.empty((n_rows, points.shape[1]), dtype=np.float32)

    def __len__(self) -> int:
        return len(self._points)

    @property
    def width(self) -> int:
        """Features."""
        return int(self._points.shape[1])

    def block(self, which: slice | IntArray) -> NDArray[np.float32]:
        """Up to as many rows as `blocks` joins, (n_rows, n_features): until the next call.

        They may be the points themselves and are not to be changed.
        """
        if isinstance(which, slice):
            points = self._points[which]
            if self._shift is None and self.factor == 1:
                return points.astype(np.float32, copy=False)
            return self._moved(points, self._room[: len(points)])
        return self._gathered(which, self._room[: len(which)])

    def some(self, which: IntArray) -> NDArray[np.float32]:
        """Any number of rows, (n_rows, n_features); a copy."""
        room = np.empty((len(which), self._points.shape[1]), dtype=np.float32)
        return self._gathered(which, room)

    def all(self) -> NDArray[np.float32]:
        """All rows, (n, n_features); a copy."""
        return self.like(self._points)

    def like(self, points: _Points) -> NDArray[np.float32]:
        """Other points, (n_others, n_features), moved and shrunk as these are; a copy."""
        return self._moved(points, np.empty(points.shape, dtype=np.float32))

    def _gathered(self, which: IntArray, out: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._points.dtype != np.float32:
            return self._moved(self._points[which], out)
        np.take(self._points, which, axis=0, out=out, mode="clip")  # "raise" would copy once more
        return self._moved(out, out)

    def _moved(self, points: _Points, out: NDArray[np.float32]) -> NDArray[np.float32]:
        shift = np.zeros(1, dtype=out.dtype) if self._shift is None else self._shift
        if self.factor != 1:
            np.multiply(points - shift, self.factor, out=out, casting="same_kind")
        elif self._shift is not None or points is not out:
            np.subtract(points, shift, out=out, casting="same_kind")
        return out


def prepared(points: _Points, centres: _Points) -> tuple[Rows, NDArray[np.float32] | None]:
    """The rows that stand for some points, and their squared lengths, (n,), if those are known.

    Args:
        points: (n, n_features).
        centres: (n_centres, n_features), finite, to fit into the same range.

    Raises:
        ShapeError: If a point is not finite; the message names the first.
    """
    rows = Rows(points, None, 1.0)
    with np.errstate(over="ignore", invalid="ignore"):
        squared = _squares_of(rows)
        longest = max(squared.max(initial=0), squares(rows.like(centres)).max(initial=0))
    if not _SHORTEST <= longest <= _LONGEST:  # too long, too short, or not finite
        require_finite("embeddings", points)
        rows = Rows(points, None, _factor(points, centres))
        squared = _squares_of(rows)
    middle = _middle(rows)
    if not middle.any():
        return rows, squared
    shift = (middle / rows.factor).astype(np.result_type(points, np.float32))
    return Rows(points, shift, rows.factor), None


def blocks(n: int) -> Iterator[slice]:
    """Slices of n rows; the last may overlap the one before, to be long enough."""
    for start in range(0, n, ROW_CHUNK):
        stop = min(start + ROW_CHUNK, n)
        yield slice(max(0, min(start, stop - ENOUGH)), stop)


def squares(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared lengths, (n,)."""
    found: NDArray[np.float32] = np.vecdot(rows, rows)
    return found


def _squares_of(rows: Rows) -> NDArray[np.float32]:
    # Points that are not finite have no finite squared length either.
    found = np.empty(len(rows), dtype=np.float32)
    for part in blocks(len(rows)):
        found[part] = squares(rows.block(part))
    return found


def _middle(rows: Rows) -> NDArray[np.float64]:
    # A point that most rows are not far from, (n_features,); 0 if that is. Any such will do: the
    # median, which a few rows far away do not move. With few digits, small whole numbers stay exact
    # when it is subtracted, and points that are equally far away are equally far away in float32;
    # more of them are found where rows are far closer to each other than to the origin.
    some = rows.some(np.arange(0, len(rows), max(1, len(rows) // _ASKED)))
    middle = np.zeros(rows.width)
    for _ in range(_ROUNDS):
        offset = np.median(some, axis=0).astype(np.float64)
        if np.square(offset).sum() <= _MATTERS * np.median(squares(some)):
            break
        coarse = _coarse(offset)
        some -= coarse.astype(np.float32)
        middle += coarse
    return middle


def _coarse(point: NDArray[np.float64]) -> NDArray[np.float64]:
    step = 2.0 ** (np.frexp(np.abs(point).max())[1] - _DIGITS)
    rounded: NDArray[np.float64] = np.round(point / step) * step
    return rounded


def _factor(points: _Points, centres: _Points) -> float:
    # Brings the largest absolute value to between 1/2 and 1.
    parts = [centres, *(points[part] for part in blocks(len(points)))]
    largest = max(float(np.abs(part).max(initial=0)) for part in parts)
    _, exponent = np.frexp(largest)
    return float(2.0 ** -np.clip(exponent, -_WIDEST, _WIDEST)) if largest > 0 else 1.0
