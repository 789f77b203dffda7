"""Cosine similarity of last-layer gradients, without forming gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._checks import require_matrix
from alscope.errors import ShapeError
from alscope.types import IntArray

__all__ = ["GradientKernel", "UnitGradients", "similarities", "unit_gradients"]

_ROW_CHUNK = 4096
_CELLS = 1 << 20  # similarities made at once: 4 MB; smaller products leave threads waiting
_CACHED = 1 << 16  # similarities that stay in a core's cache between two steps
_FEWEST_ROWS = 256  # products of fewer are slow

_Floats = NDArray[np.floating]


class UnitGradients(NamedTuple):
    """Directions of the gradients [delta; delta (outer) h], in factored form.

    The inner product of two gradients is <delta, delta'> (1 + <h, h'>), so that their cosine is the
    product of the cosines of the deltas and of the rows [h, 1].
    """

    residual: _Floats
    """Probabilities minus one-hot label, rows of length 1 or 0, (n, n_outputs)."""
    feature: _Floats
    """Embeddings and a 1, rows of length 1, (n, n_features + 1)."""

    def take(self, rows: IntArray) -> UnitGradients:
        """Some rows, copied."""
        return UnitGradients(self.residual[rows], self.feature[rows])


def unit_gradients(
    logits: _Floats,
    embeddings: _Floats,
    labels: IntArray | None = None,
    *,
    name: str,
    dtype: type[np.floating[Any]] = np.float64,
) -> UnitGradients:
    """Directions of the gradients of the cross-entropy in weights and bias of the last layer.

    Args:
        logits: (n, n_outputs), finite.
        embeddings: Input of the last layer, (n, n_features), finite.
        labels: Class of each row at which the gradient is taken, (n,); None: the predicted ones.
        name: Whose rows these are, for messages: "pool".
        dtype: Of the result; it is computed in float64.

    Raises:
        ShapeError: If an array is no finite matrix (the message names the first row), the numbers
            of rows differ, or a label is no output.

    References:
        Kothawade et al. 2021, arXiv:2107.00717; Ash et al. 2020, arXiv:1906.03671, sec. 3.

    Deviations:
        The direction of a delta is found without its length, so that a prediction whose
        probability rounds to 1 has one as well. Only with a single output every delta is 0; its
        cosine with anything is then 0.
    """
    require_matrix(f"{name} logits", logits)
    require_matrix(f"{name} embeddings", embeddings)
    targets = logits.argmax(axis=1) if labels is None else labels
    _require_rows(name, logits, embeddings, targets)
    residual = np.empty(logits.shape, dtype=dtype)
    feature = np.empty((len(embeddings), embeddings.shape[1] + 1), dtype=dtype)
    for start in range(0, len(logits), _ROW_CHUNK):
        part = slice(start, start + _ROW_CHUNK)
        residual[part] = _residuals(logits[part].astype(np.float64), targets[part])
        feature[part] = _features(embeddings[part].astype(np.float64))
    return UnitGradients(residual, feature)


def similarities(left: UnitGradients, right: UnitGradients) -> _Floats:
    """(1 + cosine) / 2 of every gradient with every other one, (n_left, n_right), within [0, 1]."""
    values = np.empty((len(left.feature), len(right.feature)), dtype=left.feature.dtype)
    half = 0.5 * right.residual  # exact, and saves a pass
    step = max(_FEWEST_ROWS, _CELLS // max(1, len(half)))
    fewer = max(1, _CACHED // max(1, len(half)))
    buffer = np.empty((min(step, len(values)), len(half)), dtype=values.dtype)
    for start in range(0, len(values), step):
        rows = slice(start, start + step)
        block = np.matmul(left.residual[rows], half.T, out=values[rows])
        cosines = np.matmul(left.feature[rows], right.feature.T, out=buffer[: len(block)])
        for first in range(0, len(block), fewer):
            part = block[first : first + fewer]
            part *= cosines[first : first + fewer]
            part += 0.5
    return values


@dataclass(frozen=True, eq=False)
class GradientKernel:
    """Similarities between rows and columns of one pool; blocks are made on demand.

    Attributes:
        rows: Gradients of the rows, (n_rows, ...).
        columns: Gradients of the columns, (n_columns, ...).
    """

    rows: UnitGradients
    columns: UnitGradients

    @classmethod
    def of(cls, pool: UnitGradients) -> GradientKernel:
        """Everybody with everybody."""
        return cls(pool, pool)

    def block(self, rows: slice, columns: IntArray) -> _Floats:
        """Similarities of a range of rows to some columns; a new array."""
        left = UnitGradients(self.rows.residual[rows], self.rows.feature[rows])
        return similarities(left, self.columns.take(columns))

    def among(self, rows: IntArray) -> GradientKernel:
        """The kernel with some rows only, and all columns."""
        return GradientKernel(self.rows.take(rows), self.columns)

    def diagonal(self) -> NDArray[np.float64]:
        """Similarity of each column to itself, (n_columns,): 1, or 0.5 where delta is 0."""
        values: NDArray[np.float64] = 0.5 + 0.5 * (self.columns.residual != 0).any(axis=1)
        return values


def _require_rows(name: str, logits: _Floats, embeddings: _Floats, labels: IntArray) -> None:
    if not len(logits) == len(embeddings) == labels.size:
        raise ShapeError(
            f"there are {len(logits)} rows of {name} logits, {len(embeddings)} of embeddings and "
            f"{labels.size} labels; give one each per sample"
        )
    wrong = np.flatnonzero((labels < 0) | (labels >= logits.shape[1]))
    if wrong.size:
        row = int(wrong[0])
        raise ShapeError(
            f"the {name} label of row {row} is {labels[row]}, but there are {logits.shape[1]} "
            "outputs; the network must have one output per label"
        )


def _residuals(logits: NDArray[np.float64], labels: IntArray) -> NDArray[np.float64]:
    # delta = (1 - p_y) * (softmax over the other outputs, and -1 at the label): its direction does
    # not depend on 1 - p_y, which rounds to 0 for predictions that are sure.
    if logits.shape[1] == 1:
        return np.zeros_like(logits)
    rows = np.arange(len(logits))
    logits[rows, labels] = -np.inf
    values: NDArray[np.float64] = np.exp(logits - logits.max(axis=1, keepdims=True))
    values /= values.sum(axis=1, keepdims=True)
    values[rows, labels] = -1.0
    values /= np.sqrt(np.einsum("nc,nc->n", values, values))[:, None]
    return values


def _features(embeddings: NDArray[np.float64]) -> NDArray[np.float64]:
    extended = np.concatenate([embeddings, np.ones((len(embeddings), 1))], axis=1)
    extended /= np.sqrt(np.einsum("nd,nd->n", extended, extended))[:, None]
    return extended
