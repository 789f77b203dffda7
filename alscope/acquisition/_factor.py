"""Variances in a Gaussian process while samples are taken one after the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alscope.types import IntArray

__all__ = ["COLUMN_CHUNK", "Few", "Given"]

COLUMN_CHUNK = 1 << 14  # samples whose rows are made at once

_Floats = NDArray[np.floating]


class Given:
    """Variances of all samples given some set, and the Cholesky rows that picks append.

    Args:
        variances: Given what the first rows stand for, (n,); changed.
        rows: (capacity, n), filled up to `n_rows`; changed.
        n_rows: Rows that are there.
    """

    def __init__(self, variances: NDArray[np.float64], rows: _Floats, n_rows: int) -> None:
        self.variances = variances  # (n,)
        self.rows = rows  # (capacity, n), filled up to n_rows
        self.n_rows = n_rows

    def covariances(self, some: IntArray, before: _Floats) -> _Floats:
        """Of some samples with each other, from those without what the rows stand for."""
        rows = self.rows[: self.n_rows, some]
        found: _Floats = before - rows.T @ rows
        return found

    def prepare(self, picks: IntArray, before: _Floats) -> None:
        """Make the rows that the next picks append.

        Args:
            picks: In this order, (n_picks,).
            before: Their covariances with all, without what the rows stand for, (n_picks, n).
        """
        rows = self.rows[: self.n_rows, picks]
        within = (before[:, picks] - rows.T @ rows).astype(np.float64)
        within[np.diag_indices_from(within)] = self.variances[picks]
        # Rows of the new ones are solve @ (before - rows' filled): the solution goes into factors.
        solve = np.linalg.inv(np.linalg.cholesky(within))
        solve, weights = solve.astype(rows.dtype), (solve @ rows.T).astype(rows.dtype)
        following = self.rows[self.n_rows : self.n_rows + picks.size]
        for start in range(0, before.shape[1], COLUMN_CHUNK):
            part = slice(start, start + COLUMN_CHUNK)
            filled = weights @ self.rows[: self.n_rows, part]
            np.subtract(solve @ before[:, part], filled, out=following[:, part])

    def take(self) -> None:
        """Account for the next of the picks whose rows were prepared."""
        self.variances -= np.square(self.rows[self.n_rows], dtype=np.float64)
        self.n_rows += 1


class Few:
    """The same for few samples, whose covariances are all there.

    Args:
        given: Of all samples.
        some: Positions of the few, (n_some,).
        before: Their covariances without what the rows of `given` stand for, (n_some, n_some).
        n: Most picks.
    """

    def __init__(self, given: Given, some: IntArray, before: _Floats, n: int) -> None:
        self.variances = given.variances[some]
        self.covariances = given.covariances(some, before)
        self.rows = np.empty((n, some.size), dtype=before.dtype)
        self.n_rows = 0

    def take(self, pick: int) -> None:
        """Account for one of the few."""
        filled, row = self.rows[: self.n_rows], self.rows[self.n_rows]
        np.subtract(self.covariances[pick], filled[:, pick] @ filled, out=row)
        row /= np.sqrt(self.variances[pick])
        self.variances -= np.square(row, dtype=np.float64)
        self.n_rows += 1
