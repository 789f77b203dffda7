"""The leading rows of a cover: which of them become centres, a few at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._bounds import Bounds, First
from alscope.acquisition._distances import Centres, to_each
from alscope.acquisition._lazy import first_rows
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
        self._apart = np.empty((len(self.rows), len(self.rows)), dtype=np.float32)
        self._is_known = np.zeros(len(self.rows), dtype=bool)

    def lead(self, worth: NDArray[np.floating]) -> First:
        """Rows that come before all others, in the order of their keys.

        Args:
            worth: By what they are ranked, (n_rows,); -inf is out of the race.
        """
        others = np.where(self._is_known, -np.inf, worth)
        known = np.flatnonzero(self._is_known & (worth > -np.inf))
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
        """Squared distances between rows that lead, (n_some, n_some)."""
        return self._apart[np.ix_(some, some)]

    def take(self, some: IntArray) -> None:
        """Make rows that lead centres."""
        np.minimum(self.nearest, self._apart[some].min(axis=0), out=self.nearest)

    def _look(self, some: IntArray) -> None:
        # One product for those likely to follow reads the rows once, not for every pick.
        distances = to_each(self._block, self._squared, Centres.of(self._block[some]))
        self._apart[some] = distances[: len(some)]
        self._is_known[some] = True
