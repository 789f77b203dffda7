"""Squared distances by matrix products: float32, in blocks, safe for points far from the origin."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.accelerator import Held
from alscope.acquisition._checks import require_matrix
from alscope.errors import ShapeError
from alscope.types import IntArray

__all__ = [
    "Scaled",
    "least",
    "least_of_held",
    "lower",
    "require_same_width",
    "scaled",
    "to_each",
]

# A block of products stays near the cache.
_CENTRE_CHUNK = 1024
_ROW_CHUNK = 1024
# A squared distance is a difference of squared lengths; in float32 a distance below this share of
# them is rounding. It counts as 0, so that duplicates are told apart by key and not by noise.
_NOISE = 32 * float(np.finfo(np.float32).eps)

_Points = NDArray[np.floating]


class Scaled(NamedTuple):
    """Points and centres, moved and shrunk together."""

    rows: NDArray[np.float32]
    """(n, n_features), with mean 0."""
    centres: NDArray[np.float32]
    """(n_centres, n_features)."""
    scale: float
    """What one unit here is in the units of the points."""


def require_same_width(points: _Points, centres: _Points, keys: NDArray[np.uint64]) -> None:
    """Refuse embeddings, centres and keys that do not fit together or are not finite.

    Raises:
        ShapeError: Naming what does not fit, or the first row that is not finite.
    """
    require_matrix("embeddings", points)
    require_matrix("centre embeddings", centres)
    if keys.shape != points.shape[:1]:
        raise ShapeError(f"there are {len(points)} embeddings but {keys.size} keys; give as many")
    if centres.shape[1] != points.shape[1]:
        raise ShapeError(
            f"embeddings have {points.shape[1]} features but the centres have {centres.shape[1]}; "
            "take both from one model"
        )


def scaled(points: _Points, centres: _Points) -> Scaled:
    """Points and centres around the mean of the points, within [-1, 1].

    Centring avoids cancellation when all points lie far from the origin; the common scale keeps
    squares within float32. Neither changes which point is farthest.
    """
    shift = points.mean(axis=0, dtype=np.float64).astype(points.dtype)
    rows, largest = _shifted(points, shift)
    others, further = _shifted(centres, shift)
    scale = max(largest, further)
    if scale > 0:
        rows /= scale
        others /= scale
    return Scaled(rows, others, float(scale))


def _shifted(points: _Points, shift: _Points) -> tuple[NDArray[np.float32], np.float32]:
    # Points minus the shift, and the largest absolute value, found while a block is in the cache.
    rows, largest = np.empty(points.shape, dtype=np.float32), np.float32(0)
    for start in range(0, len(points), _ROW_CHUNK):
        part = slice(start, start + _ROW_CHUNK)
        block = np.subtract(points[part], shift, out=rows[part], casting="same_kind")
        largest = max(largest, block.max(initial=0.0), -block.min(initial=0.0))
    return rows, largest


def lower(
    nearest: NDArray[np.float32],
    rows: NDArray[np.float32],
    squared: NDArray[np.float32],
    centres: NDArray[np.float32],
    *,
    held: Held | None = None,
) -> None:
    """Set `nearest` to min(nearest, squared distance to each centre), in place.

    Memory is bounded: products are made block by block.

    Args:
        nearest: (n,), changed.
        rows: (n, n_features).
        squared: Squared lengths of the rows, (n,).
        centres: (n_centres, n_features).
        held: The same rows on a device, if they are on one.
    """
    if held is not None and len(centres):
        np.minimum(nearest, least_of_held(held, squared, centres), out=nearest)
        return
    # One buffer for all blocks: asking the system for new memory each time takes a fifth longer.
    buffer = np.empty(
        min(_ROW_CHUNK, len(rows)) * min(_CENTRE_CHUNK, len(centres)), dtype=np.float32
    )
    for first in range(0, len(centres), _CENTRE_CHUNK):
        chunk = centres[first : first + _CENTRE_CHUNK]
        for start in range(0, len(rows), _ROW_CHUNK):
            part = slice(start, start + _ROW_CHUNK)
            found = least(rows[part], squared[part], chunk, buffer=buffer)
            np.minimum(nearest[part], found, out=nearest[part])


def least(
    rows: NDArray[np.float32],
    squared: NDArray[np.float32],
    centres: NDArray[np.float32],
    *,
    buffer: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Squared distance of each row to the nearest centre, with what is below rounding set to 0.

    Args:
        rows: (n, n_features).
        squared: Squared lengths of the rows, (n,).
        centres: (n_centres, n_features), at least one.
        buffer: Room for the products, at least n * n_centres values, overwritten.

    Returns:
        min over c of |x|^2 + |c|^2 - 2 x.c, (n,).
    """
    shape = len(rows), len(centres)
    out = None if buffer is None else buffer[: shape[0] * shape[1]].reshape(shape)
    products = np.matmul(rows, (-2 * centres).T, out=out)  # (n, n_centres)
    products += np.einsum("cd,cd->c", centres, centres)
    shortest: NDArray[np.float32] = products.min(axis=1) + squared
    shortest[shortest < _NOISE * squared] = 0
    return shortest


def to_each(
    rows: NDArray[np.float32], squared: NDArray[np.float32], centres: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Squared distances of rows to centres, (n, n_centres), with what is below rounding set to 0.

    Args:
        rows: (n, n_features).
        squared: Squared lengths of the rows, (n,).
        centres: (n_centres, n_features).
    """
    distances = rows @ (-2 * centres).T
    distances += np.einsum("cd,cd->c", centres, centres)
    distances += squared[:, None]
    distances[distances < _NOISE * squared[:, None]] = 0
    return distances


def least_of_held(
    held: Held,
    squared: NDArray[np.float32],
    centres: NDArray[np.float32],
    some: IntArray | None = None,
) -> NDArray[np.float32]:
    """The same as `least`, of rows on a device.

    Args:
        held: The rows.
        squared: Squared lengths of those in question, (n_rows,).
        centres: (n_centres, n_features), at least one.
        some: Positions of the rows in question; all by default.
    """
    _, shortest = held.nearest((centres,), np.einsum("cd,cd->c", centres, centres), some)
    shortest[shortest < _NOISE * squared] = 0
    return shortest
