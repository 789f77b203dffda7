"""The leading rows of a cover: which of them become centres, a few at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._bounds import Bounds, First
from alscope.acquisition._distances import Centres, to_each
from alscope.acquisition._lazy import first_rows
from alscope.acquisition._rows import ENOUGH
from alscope.types import IntArray

__all__ = ["Near"]

_AHEAD = 64  # rows whose distances to all others are computed together


class Near:
    """Some rows, with exact distances while some of them become centres.

    Of the few that lead, the distances to all of these are known. While the best of them is worth
    more than everybody else was when they were found, only they need to be looked at.

    Args:
        bounds: Of all rows.
        first: The rows, with exact bounds.
        keys: Keys that break ties, of all rows.

    Attributes:
        rows: Positions of these among all.
        keys: Their keys, (n_rows,).
        nearest: Squared distances to the nearest centre, (n_rows,); -inf for who became one.
    """

    def __init__(self, bounds: Bounds, first: First, keys: NDArray[np.uint64]) -> None:
        self.rows, self.keys = first.rows, keys[first.rows]
        self.nearest = bounds.nearest[self.rows]
        self._outside = first
        self._block, self._squared = bounds.rows.some(self.rows), bounds.squared[self.rows]
        # Distances to those that lead or have led, in the order in which they came to do so.
        self._apart = np.empty((len(self.rows), len(self.rows) + ENOUGH), dtype=np.float32)
        self._place = np.full(len(self.rows), -1)
        self._n_known = 0

    def lead(self, worth: NDArray[np.floating]) -> First:
        """Rows that come before all others, in the order of their keys.

        Args:
            worth: By what they are ranked, (n_rows,); -inf is out of the race.
        """
        is_known = self._place >= 0
        others = np.where(is_known, -np.inf, worth)
        known = np.flatnonzero(is_known & (worth > -np.inf))
        _, bound, bound_key = first_rows(others, 0, self.keys)
        best = worth[known].max(initial=-np.inf)
        if best <= bound:
            some, bound, bound_key = first_rows(others, _AHEAD, self.keys)
            some = some[others[some] > -np.inf]
            self._look(some)
            known = np.append(known, some)
        lead = First(known[np.lexsort((known, self.keys[known]))], bound, bound_key)
        if self._outside.is_behind(bound, bound_key):
            return lead._replace(bound=self._outside.bound, bound_key=self._outside.bound_key)
        return lead

    def between(self, some: IntArray) -> NDArray[np.float32]:
        """Squared distances between rows that lead, from each in turn, (n_some, n_some)."""
        apart: NDArray[np.float32] = self._apart[np.ix_(some, self._place[some])].T
        return apart

    def take(self, some: IntArray) -> None:
        """Make rows that lead centres."""
        distances = self._apart[:, self._place[some]].min(axis=1)
        np.minimum(self.nearest, distances, out=self.nearest)

    def _look(self, some: IntArray) -> None:
        # One product for those likely to follow reads the rows once, not for every pick.
        centres, n = Centres.of(self._block[some]), self._n_known
        out = self._apart[:, n : n + len(centres.squared)]
        to_each(self._block, self._squared, centres, out=out)
        self._place[some] = np.arange(n, n + len(some))
        self._n_known += len(some)
