"""What samples add to a facility location function, from all pairs once and from few thereafter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from alscope.acquisition._similarity import Similarity
from alscope.progress import report
from alscope.types import IntArray

__all__ = ["Coverage"]

_TILE = 1024  # rows, and columns, of the similarities made at once; columns fit into uint16
_MOST_PAIRS = 2**25  # pairs that gain are held, 8 bytes each, as soon as they are not more
_PROBE_EVERY = 8  # picks between two looks at how many are left
_PROBED = 64  # columns looked at
_MARGIN = 0.8  # what is seen there may be off by this factor

_Floats = NDArray[np.floating]


class Coverage:
    """How far each row is covered by what was taken, and what each column would add.

    A column adds sum_i max(min(s_ij, c_i) - r_i, 0), with r_i what row i has reached. A pair with
    s_ij <= r_i adds nothing, now and forever, because r_i only rises. Where floors are high, or
    after some picks, few pairs are left. They are found in one pass over all pairs and held; from
    then on nothing needs similarities any more.

    Args:
        similar: Similarities of all samples to all, n rows and columns.
        ceilings: c, (n,).
        floors: Where r starts, (n,); rows with c <= r never count.
    """

    def __init__(self, similar: Similarity, ceilings: _Floats, floors: _Floats) -> None:
        counts = ceilings > floors
        self._active, self._others = np.flatnonzero(counts), np.flatnonzero(~counts)
        self._similar = similar.among(self._active)
        self._ceilings, self._reached = ceilings[counts], floors[counts]
        # min(s, c) where above r, (n_rows, n), with columns in the order of their tiles.
        self._pairs: sparse.csc_array | None = None
        order = np.concatenate([self._active, self._others])
        self._places = np.empty_like(order)  # of columns in that order
        self._places[order] = np.arange(order.size)
        self._n_taken, self._few_left = 0, False

    @property
    def n_rows(self) -> int:
        """Rows that count."""
        return int(self._active.size)

    @property
    def dtype(self) -> np.dtype[np.floating]:
        """Of the similarities."""
        return self._ceilings.dtype

    @property
    def wants_survey(self) -> bool:
        """Whether so few pairs seem to be left that a pass over all is worth it."""
        return self._few_left and self._pairs is None

    def survey(self) -> NDArray[np.float64]:
        """What every column adds, (n,); holds the pairs that gain, unless they are too many."""
        found = _Found(_MOST_PAIRS, [*_tiles(self._active), *_tiles(self._others)])
        n_tiles = -(-self.n_rows // _TILE)
        for first in range(n_tiles):
            here = slice(first * _TILE, (first + 1) * _TILE)
            report(here.start, self.n_rows)
            for other in range(first, len(found.groups)):
                block = self._similar.block(here, found.groups[other].columns)
                if first < other < n_tiles:  # these rows meet each other once, for both sides
                    self._add(other * _TILE, block.T, found, first)
                self._add(here.start, block, found, other)
        gains = np.empty(self._active.size + self._others.size)
        for group in found.groups:
            gains[group.columns] = group.gains
        self._pairs, self._few_left = found.matrix(self.n_rows, self.dtype), False
        return gains

    def _add(self, start: int, block: _Floats, found: _Found, group: int) -> None:
        # What columns of a group add to rows from the first one on, given their similarities.
        rows = slice(start, start + len(block))
        reached, ceilings = self._reached[rows], self._ceilings[rows]
        limits = np.where(reached < ceilings, reached, np.inf).astype(self.dtype)
        above = None if found.is_full else block > limits[:, None]
        if above is None or not found.has_room_for(int(np.count_nonzero(above))):
            capped = np.minimum(block, ceilings[:, None], order="C")
            found.groups[group].gains += self._excess(rows, capped)
            return
        row, column, values = _pairs(block, above)
        # Most pairs do not gain: only those that do are looked at twice.
        np.minimum(values, ceilings[row], out=values)
        found.groups[group].add(row + np.int32(start), column, values, values - reached[row])

    def gains(self, columns: IntArray) -> NDArray[np.float64]:
        """What some columns add, (n_columns,)."""
        if self._pairs is not None:
            return self._held_gains(self._pairs[:, self._places[columns]])
        total = np.zeros(columns.size)
        for start in range(0, self.n_rows, _TILE):
            rows = slice(start, start + _TILE)
            block = self._similar.block(rows, columns)
            total += self._excess(rows, np.minimum(block, self._ceilings[rows, None], out=block))
        return total

    def take(self, column: int) -> None:
        """Account for a column."""
        if self._pairs is not None:
            place = int(self._places[column])
            held = slice(self._pairs.indptr[place], self._pairs.indptr[place + 1])
            rows = self._pairs.indices[held]
            self._reached[rows] = np.maximum(self._reached[rows], self._pairs.data[held])
            return
        one = self._similar.block(slice(None), np.array([column]))[:, 0]
        self._reached = np.maximum(self._reached, np.minimum(one, self._ceilings))
        self._n_taken += 1
        if self._n_taken % _PROBE_EVERY == 0:
            self._few_left = self._n_gaining() <= _MARGIN * _MOST_PAIRS

    def _n_gaining(self) -> float:
        # Pairs that gain, estimated from some columns.
        n = self._active.size + self._others.size
        columns = np.linspace(0, n - 1, min(n, _PROBED), dtype=np.int64)
        n_seen = 0
        for start in range(0, self.n_rows, _TILE):
            rows = slice(start, start + _TILE)
            limits = np.minimum(self._similar.block(rows, columns), self._ceilings[rows, None])
            n_seen += int(np.count_nonzero(limits > self._reached[rows, None]))
        return n_seen * n / columns.size

    def _held_gains(self, pairs: sparse.csc_array) -> NDArray[np.float64]:
        added = pairs.data - self._reached[pairs.indices]
        np.maximum(added, 0, out=added)
        total = np.zeros(pairs.indptr.size - 1)
        some = np.flatnonzero(np.diff(pairs.indptr))  # columns with pairs: reduceat needs them
        if some.size:
            total[some] = np.add.reduceat(added, pairs.indptr[some], dtype=np.float64)
        return total

    def _excess(self, rows: slice, block: _Floats) -> NDArray[np.float64]:
        # What lies above what was reached, summed over rows; in place, for capped similarities.
        np.maximum(block, self._reached[rows, None], out=block)
        block -= self._reached[rows, None]
        total: NDArray[np.float64] = block.sum(axis=0, dtype=np.float64)
        return total


def _tiles(columns: IntArray) -> list[IntArray]:
    return [columns[start : start + _TILE] for start in range(0, columns.size, _TILE)]


def _pairs(
    block: _Floats, chosen: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], IntArray, _Floats]:
    # Row, column and value of what is chosen, in the order in which it lies in memory.
    if not block.flags.c_contiguous:
        column, row, values = _pairs(block.T, chosen.T)
        return row.astype(np.int32), column.astype(np.int64), values
    places = np.flatnonzero(chosen)
    row = places // block.shape[1]
    return row.astype(np.int32), places - row * block.shape[1], block.ravel()[places]


class _Group:
    # Some columns, what they add, and the pairs that do: rows, columns among these, values.
    def __init__(self, columns: IntArray) -> None:
        self.columns, self.gains = columns, np.zeros(columns.size)
        self.parts: list[tuple[NDArray[np.int32], NDArray[np.uint16], _Floats]] = []

    def add(
        self, row: NDArray[np.int32], column: IntArray, values: _Floats, gained: _Floats
    ) -> None:
        self.gains += np.bincount(column, gained, minlength=self.gains.size)
        self.parts.append((row, column.astype(np.uint16), values))

    def move_into(self, row: NDArray[np.int32], values: _Floats) -> IntArray:
        # Fills in the pairs column by column, and returns how many each has; parts are gone
        # afterwards. Rows rise within a column if parts were added in their order.
        if not self.parts:
            return np.zeros(self.columns.size, dtype=np.int64)
        rows, columns, capped = (np.concatenate(each) for each in zip(*self.parts, strict=True))
        self.parts.clear()
        shape = (int(rows.max(initial=0)) + 1, self.columns.size)
        pairs = sparse.coo_array((capped, (rows, columns.astype(np.int32))), shape=shape).tocsc()
        row[:], values[:] = pairs.indices, pairs.data
        return np.diff(pairs.indptr).astype(np.int64)


class _Found:
    # The pairs above what their rows have reached; nothing at all if they are too many.
    def __init__(self, most: int, columns: list[IntArray]) -> None:
        self.groups = [_Group(each) for each in columns]
        self._left = most

    @property
    def is_full(self) -> bool:
        return self._left < 0

    def has_room_for(self, n: int) -> bool:
        self._left -= n
        if self.is_full:
            for group in self.groups:
                group.parts.clear()
        return not self.is_full

    def matrix(self, n_rows: int, dtype: np.dtype[np.floating]) -> sparse.csc_array | None:
        if self.is_full:
            return None
        sizes = [sum(part[0].size for part in group.parts) for group in self.groups]
        rows, values = np.empty(sum(sizes), np.int32), np.empty(sum(sizes), dtype)
        counts, start = [np.zeros(1, dtype=np.int64)], 0
        for group, size in zip(self.groups, sizes, strict=True):
            place = slice(start, start := start + size)
            counts.append(group.move_into(rows[place], values[place]))
        ends = np.cumsum(np.concatenate(counts), dtype=np.int32)  # as rows: or both are converted
        return sparse.csc_array((values, rows, ends), shape=(n_rows, ends.size - 1))
