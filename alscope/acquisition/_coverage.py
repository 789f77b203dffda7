"""What samples add to a facility location function, from all pairs once and from few thereafter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from alscope.acquisition._similarity import Similarity
from alscope.progress import report
from alscope.types import IntArray

__all__ = ["Coverage"]

_TILE = 512  # rows, and columns, of the similarities made at once
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
        self._pairs: sparse.csc_array | None = None  # min(s, c) where above r, (n_rows, n)
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
        gains = np.zeros(self._active.size + self._others.size)
        found = _Found(_MOST_PAIRS)
        for start in range(0, self.n_rows, _TILE):
            here = slice(start, start + _TILE)
            report(start, self.n_rows)
            for first in range(start, self.n_rows, _TILE):
                there = slice(first, first + _TILE)
                block = self._similar.block(here, self._active[there])
                if first > start:  # these rows meet each other once, for both sides
                    self._add(there, self._active[here], block.T.copy(), gains, found)
                self._add(here, self._active[there], block, gains, found)
            for first in range(0, self._others.size, _TILE):
                part = self._others[first : first + _TILE]
                self._add(here, part, self._similar.block(here, part), gains, found)
        self._pairs, self._few_left = found.matrix((self.n_rows, gains.size)), False
        return gains

    def _add(
        self,
        rows: slice,
        columns: IntArray,
        block: _Floats,
        gains: NDArray[np.float64],
        found: _Found,
    ) -> None:
        np.minimum(block, self._ceilings[rows, None], out=block)
        found.add(rows.start, columns, block, self._reached[rows, None])
        gains[columns] += self._excess(rows, block)

    def gains(self, columns: IntArray) -> NDArray[np.float64]:
        """What some columns add, (n_columns,)."""
        if self._pairs is not None:
            return self._held_gains(self._pairs[:, columns])
        total = np.zeros(columns.size)
        for start in range(0, self.n_rows, _TILE):
            rows = slice(start, start + _TILE)
            block = self._similar.block(rows, columns)
            total += self._excess(rows, np.minimum(block, self._ceilings[rows, None], out=block))
        return total

    def take(self, column: int) -> None:
        """Account for a column."""
        if self._pairs is not None:
            held = slice(self._pairs.indptr[column], self._pairs.indptr[column + 1])
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
        added = np.maximum(pairs.data - self._reached[pairs.indices], 0)
        n_columns = pairs.indptr.size - 1
        owners = np.repeat(np.arange(n_columns), np.diff(pairs.indptr))
        return np.bincount(owners, added, minlength=n_columns).astype(np.float64)

    def _excess(self, rows: slice, block: _Floats) -> NDArray[np.float64]:
        # What lies above what was reached, summed over rows; in place, for capped similarities.
        np.maximum(block, self._reached[rows, None], out=block)
        block -= self._reached[rows, None]
        total: NDArray[np.float64] = block.sum(axis=0, dtype=np.float64)
        return total


class _Found:
    # The pairs above what their rows have reached; nothing at all if they are too many.
    def __init__(self, most: int) -> None:
        self.left = most
        self.parts: list[tuple[NDArray[np.int32], NDArray[np.int32], _Floats]] = []

    def add(self, first: int, columns: IntArray, block: _Floats, reached: _Floats) -> None:
        if self.left < 0:
            return
        places = np.flatnonzero(block > reached)
        self.left -= places.size
        if self.left < 0:
            self.parts.clear()
            return
        rows, within = np.divmod(places, block.shape[1])
        of = (first + rows).astype(np.int32), columns[within].astype(np.int32)
        self.parts.append((*of, block.ravel()[places]))

    def matrix(self, shape: tuple[int, int]) -> sparse.csc_array | None:
        if self.left < 0:
            return None
        # Parts go while the whole grows: together they would take twice as much.
        size = sum(values.size for *_, values in self.parts)
        dtype = self.parts[0][2].dtype if self.parts else np.float64
        rows, columns = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32)
        values, start = np.empty(size, dtype=dtype), 0
        while self.parts:
            part = self.parts.pop()
            place = slice(start, start := start + part[0].size)
            rows[place], columns[place], values[place] = part
        return sparse.csc_array((values, (rows, columns)), shape=shape)
