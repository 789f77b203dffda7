"""Gradients of the last layer in factored form, and their distances, without forming them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.types import IntArray

__all__ = ["Chosen", "Gradients", "gradients_of"]

_CACHED_CELLS = 1 << 16  # float64 temporaries of so many values stay in the cache
_NOISE_EPS = 32  # distances below this many machine epsilons of the squared norms count as 0


class Chosen(NamedTuple):
    """Some gradients in factored form."""

    doubled: NDArray[np.floating]
    """-2 times their features, (n_chosen, n_features)."""
    residual: NDArray[np.floating]
    """(n_chosen, n_classes)."""
    squared: NDArray[np.floating]
    """(n_chosen,)."""

    def first(self, n: int) -> Chosen:
        """The first n."""
        return Chosen(self.doubled[:n], self.residual[:n], self.squared[:n])

    def put(self, place: int, one: Chosen) -> None:
        """Replace one."""
        for here, there in zip(self, one, strict=True):
            here[place] = there[0]


class Gradients(NamedTuple):
    """Gradient embeddings g_i = residual_i (outer) feature_i in factored form, up to one scale."""

    residual: NDArray[np.floating]
    """Probabilities minus one-hot prediction, rows of length 1 or 0, (n, n_classes)."""
    feature: NDArray[np.floating]
    """Embeddings, rows of the length of the gradient, (n, n_features)."""
    squared: NDArray[np.floating]
    """Squared length of the gradient, (n,), at most 1."""

    def chosen(self, picks: IntArray) -> Chosen:
        """Some of these, as products need them."""
        doubled = -2 * self.feature[picks]
        return Chosen(doubled, self.residual[picks], self.squared[picks])

    def nearest(self, chosen: Chosen, rows: slice = slice(None)) -> NDArray[np.floating]:
        """Squared distances of some rows to the nearest of those chosen, (n_rows,)."""
        # <a (x) h, b (x) g> = <a, b> <h, g>, hence |x - y|^2 = |x|^2 + |y|^2 - 2 <a, b> <h, g>.
        products = self.feature[rows] @ chosen.doubled.T
        products *= self.residual[rows] @ chosen.residual.T
        products += chosen.squared
        nearest: NDArray[np.floating] = products.min(axis=1) + self.squared[rows]
        return nearest

    def noise(self, rows: slice = slice(None)) -> NDArray[np.floating]:
        """Squared distances below this are rounding, (n_rows,)."""
        noise: NDArray[np.floating] = (
            _NOISE_EPS * np.finfo(self.squared.dtype).eps * self.squared[rows]
        )
        return noise


def gradients_of(
    logits: NDArray[np.floating],
    embeddings: NDArray[np.floating],
    dtype: type[np.float32] | type[np.float64],
) -> Gradients:
    """The gradients of the cross-entropy at the predicted label, in units of the longest.

    Args:
        logits: (n, n_classes), finite.
        embeddings: (n, n_features), finite.
        dtype: Of the result; everything is computed in float64.
    """
    residual = _residuals(logits)
    a = np.sqrt(np.einsum("nc,nc->n", residual, residual))
    h = _lengths(embeddings)
    # One scale for all: the longest gradient gets length 1, and float32 squares stay in range.
    length = a * h
    length /= max(float(length.max(initial=0.0)), 1e-300)
    return Gradients(
        residual=_rows_times(residual, 1 / np.where(a > 0, a, 1.0), dtype),
        feature=_rows_times(embeddings, length / np.where(h > 0, h, 1.0), dtype),
        squared=(length**2).astype(dtype),
    )


def _lengths(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    found = np.empty(len(rows))
    step = max(1, _CACHED_CELLS // max(1, rows.shape[1]))
    for start in range(0, len(rows), step):
        wide = rows[start : start + step].astype(np.float64)
        found[start : start + step] = np.vecdot(wide, wide)
    return np.sqrt(found, out=found)


def _rows_times(
    rows: NDArray[np.floating], factors: NDArray[np.float64], dtype: type[np.floating[Any]]
) -> NDArray[np.floating]:
    # In float64, one block at a time: a factor may lie outside the range of float32.
    scaled = np.empty(rows.shape, dtype=dtype)
    step = max(1, _CACHED_CELLS // max(1, rows.shape[1]))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        scaled[part] = rows[part] * factors[part, None]
    return scaled


def _residuals(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    # p - onehot(argmax p); the entry of the prediction is minus the sum of the others, which keeps
    # its digits where the largest probability rounds to 1.
    rows, top = np.arange(len(logits)), logits.argmax(axis=1)
    wide = logits.astype(np.float64)
    values: NDArray[np.float64] = np.exp(wide - wide[rows, top][:, None])
    values[rows, top] = 0.0
    rest = values.sum(axis=1)
    values /= (1 + rest)[:, None]
    values[rows, top] = -rest / (1 + rest)
    return values
