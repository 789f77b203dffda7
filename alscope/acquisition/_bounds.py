"""Distances to the nearest of a growing number of centres: exact for those that may be farthest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.accelerator import Held, held, offers
from alscope.acquisition._distances import Centres, least, least_of_held
from alscope.acquisition._lazy import first_rows
from alscope.acquisition._rows import ENOUGH, blocks, prepared, squares
from alscope.acquisition.ranking import largest
from alscope.progress import report
from alscope.types import IntArray

__all__ = ["Bounds", "First"]

_FIRST = 256  # centres that every row is compared with
_STEP = 1024  # centres that a row is compared with at a time, at most
_WATCHED = 2  # times as many rows as are wanted are brought up to date at first
_GOLDEN = (np.sqrt(5) - 1) / 2


class First(NamedTuple):
    """Rows that come before all others."""

    rows: IntArray
    """Their positions."""
    bound: float
    """The most that another may be worth."""
    bound_key: int
    """The smallest key of the others that may be worth that."""

    def is_behind(self, worth: float, key: int) -> bool:
        """Whether another might come before one of these that is worth so much."""
        return (-worth, key) > (-self.bound, self.bound_key)


class Bounds:
    """Bounds of the squared distances of points to the nearest centre.

    The distance to the nearest of some centres is an upper bound of that to the nearest of all.
    Every row is compared with a few, and with twice as many whenever somebody asks for it: who is
    near one of the first centres is not among the farthest, and need not be compared with others.

    Args:
        points: (n, n_features).
        centres: (n_centres, n_features), finite.

    Attributes:
        rows: What stands for the points.
        squared: Squared lengths of the rows, (n,).
        nearest: At least the squared distance of every row to the nearest centre, (n,): infinite
            without centres. Entries may be set to -inf.

    Raises:
        ShapeError: If a point is not finite; the message names the first.
    """

    def __init__(self, points: NDArray[np.floating], centres: NDArray[np.floating]) -> None:
        self.rows, squared = prepared(points, centres)
        self.squared = np.empty(len(points), np.float32) if squared is None else squared
        self.nearest = np.full(len(points), np.inf, dtype=np.float32)
        # Spread over the given order, which may be that of classes.
        spread = np.argsort(_GOLDEN * np.arange(len(centres)) % 1)
        given = self.rows.like(centres[spread])
        self._centres, self._added = Centres(given, (-2 * given).T, squares(given)), list[int]()
        self._held = self._on_device() if offers() else None
        if self._held is not None:
            self._seen = np.zeros(len(points), dtype=np.int64)  # centres that bounds account for
            self.tighten(np.arange(len(points)))
            return
        first = self._centres.some(0, min(_FIRST, len(centres)))
        self._seen = np.full(len(points), min(_FIRST, len(centres)))
        if squared is not None and not first.squared.any():  # no centres, or only the origin
            self.nearest[:] = squared if len(first.points) else np.inf
        else:
            self._begin(first)

    @property
    def n_centres(self) -> int:
        """Centres given and added."""
        return len(self._centres.points) + len(self._added)

    def add(self, rows: list[int]) -> None:
        """Make some rows centres; bounds stay as they are."""
        self._added += rows

    def settle(self, rows: IntArray, nearest: NDArray[np.float32]) -> None:
        """Take over the distances of some rows, which account for all centres."""
        self.nearest[rows] = nearest
        self._seen[rows] = self.n_centres

    def worth(self) -> NDArray[np.floating]:
        """By what rows are ranked, by present bounds, (n,); -inf is out of the race.

        It does not rise where bounds fall.
        """
        return self.nearest

    def are_exact(self) -> NDArray[np.bool_]:
        """Of which rows the present worth is the true one, (n,)."""
        exact: NDArray[np.bool_] = self._seen == self.n_centres
        return exact

    def first(self, n: int, keys: NDArray[np.uint64]) -> First:
        """The rows of the highest worth, all exact.

        Args:
            n: How many; fewer if not so many are in the race.
            keys: Keys that break ties, (n_rows,).
        """
        n = min(n, int(np.count_nonzero(self.worth() > -np.inf)))
        while True:
            self.tighten(self.leading(_WATCHED * n), fully=True)
            worth, exact = self.worth(), self.are_exact()
            # The first n are worth as much, at least, as the n-th of those that are known.
            known = worth[exact]
            least_worth = known[largest(known, n)].min()
            open_ = np.flatnonzero(~exact & (worth >= least_worth))
            if not open_.size:
                return First(*first_rows(worth, n, keys))
            if not self.renew(open_):
                self.tighten(open_)

    def leading(self, n: int) -> IntArray:
        """The n rows of the highest worth, in no order, when all is known that is cheap to know."""
        return largest(self.worth(), n)

    def renew(self, some: IntArray) -> bool:
        """Bring up to date what of their worth is cheap; returns whether anything was not."""
        return False

    def tighten(self, some: IntArray, *, fully: bool = False) -> None:
        """Compare rows with centres that they were not compared with yet.

        Args:
            some: Positions of the rows.
            fully: With all centres, or with about as many as they were compared with.
        """
        levels = self._seen[some]
        for level in np.unique(levels[levels < self.n_centres]).tolist():
            rows, upto = some[levels == level], self.n_centres if fully else self._next(level)
            for first in range(level, upto, _STEP):
                self._compare(rows, self._some(first, min(first + _STEP, upto)))
            self._seen[rows] = upto

    def _next(self, level: int) -> int:
        if self._held is not None:
            return self.n_centres
        return min(self.n_centres, max(2 * level, _FIRST))

    def _begin(self, first: Centres) -> None:
        room = first.room()
        for part in blocks(len(self.rows)):
            block = self.rows.block(part)
            self.squared[part] = squared = squares(block)
            if len(first.points):
                self.nearest[part] = least(block, squared, first, room=room)
            report(part.stop, 2 * len(self.rows))  # the other half is what follows

    def _on_device(self) -> Held | None:
        rows = self.rows.all()
        self.squared = squares(rows)
        return held((rows,), self.squared)

    def _compare(self, some: IntArray, centres: Centres) -> None:
        if self._held is not None:
            whole = len(some) == len(self.rows)  # then they are in order
            found = least_of_held(self._held, self.squared[some], centres, None if whole else some)
            self.nearest[some] = np.minimum(self.nearest[some], found)
            return
        room, some = centres.room(), some if len(some) >= ENOUGH else np.resize(some, ENOUGH)
        for part in blocks(len(some)):
            rows = some[part]
            report(0, 1)  # nothing new, but a chance to stop
            found = least(self.rows.block(rows), self.squared[rows], centres, room=room)
            self.nearest[rows] = np.minimum(self.nearest[rows], found)

    def _some(self, first: int, upto: int) -> Centres:
        if self._added:
            more = self.rows.some(np.array(self._added, dtype=np.int64))
            self._centres, self._added = self._centres.and_more(more), []
        return self._centres.some(first, upto)
