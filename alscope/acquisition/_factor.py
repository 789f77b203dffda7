"""Variances in a Gaussian process while samples are taken one after the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alscope.types import IntArray

__all__ = ["Few", "Given"]

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
        self.prepared_from = n_rows

    def covariances(self, some: IntArray, before: _Floats) -> _Floats:
        """Of some samples with each other, from those without what the rows stand for."""
        rows = self.rows[: self.n_rows, some]
        found: _Floats = before - rows.T @ rows
        return found

    def prepare(self, picks: IntArray, before: _Floats) -> None:
        """Put covariances of the next picks with all, (n_picks, n), in the place of their rows."""
        filled = self.rows[: self.n_rows]
        following = self.rows[self.n_rows : self.n_rows + picks.size]
        np.subtract(before, filled[:, picks].T @ filled, out=following)
        self.prepared_from = self.n_rows

    def take(self, pick: int) -> None:
        """Account for the pick whose row was prepared next."""
        row, latest = self.rows[self.n_rows], self.rows[self.prepared_from : self.n_rows]
        row -= latest[:, pick] @ latest
        row /= np.sqrt(self.variances[pick])
        self.variances -= np.square(row, dtype=np.float64)
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
