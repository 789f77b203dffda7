"""Variances in a Gaussian process while samples are taken one after the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alscope.types import IntArray

__all__ = ["Few", "Given"]

_Floats = NDArray[np.floating]


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
    """The same for few samples, whose covariances are all there.

    Args:
        given: Of all samples.
        some: Positions of the few, (n_some,).
        before: Their covariances without what the columns of `given` stand for, (n_some, n_some).
        n: Most picks.
    """

    def __init__(self, given: Given, some: IntArray, before: _Floats, n: int) -> None:
        columns = given.some(some)
        self.variances = given.variances[some]
        self.covariances = before - columns @ columns.T
        self.rows = np.empty((n, some.size), dtype=before.dtype)
        self.n_rows = 0

    def take(self, pick: int) -> None:
        """Account for one of the few."""
        filled, row = self.rows[: self.n_rows], self.rows[self.n_rows]
        np.subtract(self.covariances[pick], filled[:, pick] @ filled, out=row)
        row /= np.sqrt(self.variances[pick])
        self.variances -= np.square(row, dtype=np.float64)
        self.n_rows += 1
