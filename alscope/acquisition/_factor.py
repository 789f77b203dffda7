"""Variances in a Gaussian process while samples are taken one after the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from alscope.types import IntArray

__all__ = ["CHUNK", "Few", "Given", "condition"]

CHUNK = 1024  # samples for which columns are made at once
_COLUMN_BLOCK = 140  # columns made by one product while conditioning

_Floats = NDArray[np.floating]


def condition(
    factor: _Floats, given: Sequence[_Floats], within: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Start a Cholesky factor with columns for what is given.

    Args:
        factor: (n, capacity); the first size columns are filled.
        given: Covariances of all samples with one set after the other, (n, size_i); size in all.
        within: Covariances of all that is given, with noise on the diagonal, (size, size): well
            conditioned.

    Returns:
        How much variance each set takes beyond those before it, (n_sets, n).
    """
    explained = np.zeros((len(given), len(factor)))
    stops = np.cumsum([0, *(part.shape[1] for part in given)])
    # The noise allows products with the inverse, which are faster than solving.
    solve = np.linalg.inv(np.linalg.cholesky(within)).T.astype(factor.dtype)
    for start in range(0, len(factor) if len(within) else 0, CHUNK):
        rows = slice(start, start + CHUNK)
        covariances = np.concatenate([part[rows] for part in given], axis=1)
        columns = _above_diagonal(covariances, solve, factor[rows, : len(within)])
        squares = np.square(columns, dtype=np.float64)
        for taken, first, last in zip(explained, stops, stops[1:], strict=False):
            taken[rows] = squares[:, first:last].sum(axis=1)
    return explained


def _above_diagonal(rows: _Floats, upper: _Floats, out: _Floats) -> _Floats:
    # rows @ upper, leaving out most of what lies below the diagonal of upper.
    for start in range(0, len(upper), _COLUMN_BLOCK):
        stop = start + _COLUMN_BLOCK
        out[:, start:stop] = rows[:, :stop] @ upper[:stop, start:stop]
    return out


class Given:
    """Variances of all samples given some set, and the Cholesky factor that picks extend.

    Args:
        variances: Given what the first columns stand for, (n,); changed.
        factor: (n, capacity), filled up to column `n_filled`; changed.
        n_filled: Columns that are there.
        n_ahead: Most picks prepared at once.
    """

    def __init__(
        self, variances: NDArray[np.float64], factor: _Floats, n_filled: int, n_ahead: int
    ) -> None:
        self.variances = variances
        self.factor = factor
        self.n_filled = n_filled
        # The columns prepared and not taken yet, each in one piece, (n_ahead, n).
        self._next = np.empty((n_ahead, variances.size), dtype=factor.dtype)
        self._n_taken = 0

    def prepare(self, picks: IntArray, within: _Floats) -> None:
        """Start on the columns that the next picks append; `fill` makes them.

        Args:
            picks: In this order, (n_picks,).
            within: Their covariances with each other, without what the columns stand for,
                (n_picks, n_picks).
        """
        self.n_filled += self._n_taken
        self._n_taken = 0
        before = self.factor[picks, : self.n_filled]
        left = (within - before @ before.T).astype(np.float64)
        left[np.diag_indices_from(left)] = self.variances[picks]
        # New columns are (covariances - filled @ before') @ solve: that goes into both factors.
        solve = np.linalg.inv(np.linalg.cholesky(left)).T
        self._solve = solve.astype(before.dtype)
        self._weights = (before.T @ solve).astype(before.dtype)

    def fill(self, part: slice, covariances: _Floats) -> None:
        """Make the columns that were prepared, for some samples.

        Args:
            part: Which samples.
            covariances: Between them and the picks, without what the columns stand for,
                (n_part, n_picks).
        """
        columns = covariances @ self._solve
        columns -= self.factor[part, : self.n_filled] @ self._weights
        self.factor[part, self.n_filled : self.n_filled + len(self._solve)] = columns
        self._next[: len(self._solve), part] = columns.T

    def take(self) -> None:
        """Account for the next of the picks whose columns were made."""
        self.variances -= np.square(self._next[self._n_taken], dtype=np.float64)
        self._n_taken += 1

    def some(self, samples: IntArray) -> _Floats:
        """What the columns say of some samples, (n_some, n_columns); a copy."""
        found: _Floats = self.factor[samples, : self.n_filled + self._n_taken]
        return found


class Few:
    """The same for few samples, whose covariances are made as they are needed.

    Args:
        given: Of all samples.
        some: Positions of the few, (n_some,).
        n: Most picks.
    """

    def __init__(self, given: Given, some: IntArray, n: int) -> None:
        self.variances = given.variances[some]
        self._columns = given.some(some)
        self._covariances = np.empty((some.size, some.size), dtype=self._columns.dtype)
        self._rows = np.empty((n, some.size), dtype=self._columns.dtype)
        self._n_rows = 0

    def learn(self, which: IntArray, before: _Floats) -> None:
        """Make the covariances of some of the few with all of them, before any was taken.

        Args:
            which: Positions among the few, (n_which,).
            before: What they are without what the columns of `given` stand for, (n_which, n_some).
        """
        self._covariances[which] = before - self._columns[which] @ self._columns.T

    def take(self, pick: int) -> None:
        """Account for one of the few, whose covariances are known."""
        filled, row = self._rows[: self._n_rows], self._rows[self._n_rows]
        np.subtract(self._covariances[pick], filled[:, pick] @ filled, out=row)
        row /= np.sqrt(self.variances[pick])
        self.variances -= np.square(row, dtype=np.float64)
        self._n_rows += 1
