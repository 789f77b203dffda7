"""Squared distances by matrix products, in float32."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.accelerator import Held
from alscope.acquisition._checks import require_matrix, require_shape
from alscope.acquisition._rows import ENOUGH, ROW_CHUNK, squares
from alscope.errors import ShapeError
from alscope.types import IntArray

__all__ = ["Centres", "least", "least_of_held", "require_same_width", "to_each"]

# A squared distance is a difference of squared lengths; in float32 a distance below this share of
# them is rounding. It counts as 0, so that duplicates are told apart by key and not by noise.
_NOISE = 32 * float(np.finfo(np.float32).eps)

_Points = NDArray[np.floating]


class Centres(NamedTuple):
    """Centres as products need them."""

    points: NDArray[np.float32]
    """(n_centres, n_features); the first ones once more if there are few."""
    doubled: NDArray[np.float32]
    """-2 times these, transposed, (n_features, n_centres)."""
    squared: NDArray[np.float32]
    """Squared lengths, (n_centres,)."""

    @classmethod
    def of(cls, points: NDArray[np.float32]) -> Centres:
        """Prepare some centres, (n_centres, n_features)."""
        if 0 < len(points) < ENOUGH:
            points = points[np.resize(np.arange(len(points)), ENOUGH)]
        return cls(points, (-2 * points).T, squares(points))

    def and_more(self, points: NDArray[np.float32]) -> Centres:
        """These and others, (n_others, n_features)."""
        return Centres(
            np.concatenate([self.points, points]),
            np.concatenate([self.doubled.T, -2 * points]).T,
            np.concatenate([self.squared, squares(points)]),
        )

    def some(self, first: int, upto: int) -> Centres:
        """Those from one place to before another, without a copy unless they are few."""
        if upto - first < ENOUGH:
            return Centres.of(self.points[first:upto])
        part = slice(first, upto)
        return Centres(self.points[part], self.doubled[:, part], self.squared[part])

    def room(self) -> NDArray[np.float32]:
        """For products of one block of rows with all centres."""
        return np.empty(ROW_CHUNK * len(self.points), dtype=np.float32)


def require_same_width(points: _Points, centres: _Points, keys: NDArray[np.uint64]) -> None:
    """Refuse embeddings, centres and keys that do not fit together, and centres not finite.

    Whether the embeddings are finite is for their first reader to find out.

    Raises:
        ShapeError: Naming what does not fit, or the first centre that is not finite.
    """
    require_shape("embeddings", points)
    require_matrix("centre embeddings", centres)
    if keys.shape != points.shape[:1]:
        raise ShapeError(f"there are {len(points)} embeddings but {keys.size} keys; give as many")
    if centres.shape[1] != points.shape[1]:
        raise ShapeError(
            f"embeddings have {points.shape[1]} features but the centres have {centres.shape[1]}; "
            "take both from one model"
        )


def least(
    rows: NDArray[np.float32],
    squared: NDArray[np.float32],
    centres: Centres,
    *,
    room: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Squared distance of each row to the nearest centre, with what is below rounding set to 0.

    Args:
        rows: (n, n_features).
        squared: Squared lengths of the rows, (n,).
        centres: At least one.
        room: For the products, at least n * n_centres values, overwritten.

    Returns:
        min over c of |x|^2 + |c|^2 - 2 x.c, (n,).
    """
    shape = len(rows), len(centres.squared)
    out = None if room is None else room[: shape[0] * shape[1]].reshape(shape)
    products = np.matmul(rows, centres.doubled, out=out)  # (n, n_centres)
    products += centres.squared
    shortest: NDArray[np.float32] = products.min(axis=1) + squared
    shortest[shortest < _NOISE * squared] = 0
    return shortest


def to_each(
    rows: NDArray[np.float32],
    squared: NDArray[np.float32],
    centres: Centres,
    *,
    out: NDArray[np.float32],
) -> None:
    """Squared distance of each row to every centre, with what is below rounding set to 0.

    Args:
        rows: (n, n_features).
        squared: Squared lengths of the rows, (n,).
        centres: At least one.
        out: For the distances, (n, n_centres), overwritten.
    """
    np.matmul(rows, centres.doubled, out=out)
    out += centres.squared
    out += squared[:, None]
    np.copyto(out, 0, where=out < _NOISE * squared[:, None])


def least_of_held(
    held: Held,
    squared: NDArray[np.float32],
    centres: Centres,
    some: IntArray | None = None,
) -> NDArray[np.float32]:
    """The same as `least`, of rows on a device.

    Args:
        held: The rows.
        squared: Squared lengths of those in question, (n_rows,).
        centres: At least one.
        some: Positions of the rows in question; all by default.
    """
    _, shortest = held.nearest((centres.points,), centres.squared, some)
    shortest[shortest < _NOISE * squared] = 0
    return shortest
