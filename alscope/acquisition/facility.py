"""Facility location with an upper and a lower limit for every sample, by lazy greedy."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._coverage import Coverage
from alscope.acquisition._greedy import Greedy, first_near
from alscope.acquisition._similarity import Similarity
from alscope.acquisition.ranking import top_k
from alscope.errors import ShapeError
from alscope.progress import report
from alscope.types import IntArray

__all__ = ["facility_greedy", "largest_pool"]

_REFRESH = 64  # stale bounds renewed at once; doubled while nobody can be taken
_MOST_RENEWED = 512
_MOST_COMPARED = 10**11  # pairs: a quarter of an hour and more
_NOISE_EPS = 4  # similarities are trusted to this many machine epsilons
_TIE_EPS = 64  # gains closer than this many machine epsilons of themselves are equal

_Floats = NDArray[np.floating]


def largest_pool() -> int:
    """Samples up to which all pairs can be compared in tolerable time."""
    return math.isqrt(_MOST_COMPARED)


def facility_greedy(
    similar: Similarity,
    ceilings: _Floats,
    floors: _Floats,
    k: int,
    *,
    keys: NDArray[np.uint64],
) -> Greedy:
    """Take greedily the set A that raises sum_i max(min(max_{j in A} s_ij, c_i) - f_i, 0).

    With ceilings c_i = eta max_q s_iq over a query set and floors f_i = nu max_p s_ip over a
    private set, this is the facility location conditional mutual information: similarity to what
    was taken counts as far as the query set is similar, and only above what the private set
    explains. It is the facility location function of max(min(s_ij, c_i) - f_i, 0), so it is
    monotone and submodular, and greedy reaches 1 - 1/e of the best value. Rows with c_i <= f_i
    never count. When nothing gains, the rest is taken by c_i - f_i, largest first.

    Gains are computed once for all samples, tile by tile; after that they are upper bounds, and
    only those that could be the highest are renewed. Pairs that can still gain are held as soon as
    they are few, see `Coverage`. Picks are those of the plain method, up to rounding. Time
    O(n_rows * n * width) for similarities of that width, memory one copy of the rows that count,
    up to some 400 MiB of pairs and tiles of a few MiB; n x n values are never held.

    Args:
        similar: Similarities of all samples to all, n rows and columns; symmetric.
        ceilings: c, (n,), finite.
        floors: f, (n,), finite.
        k: How many; 0 or less gives none, n or more gives all, ordered by their gain alone.
        keys: Keys that break ties, (n,).

    Raises:
        ShapeError: If ceilings, floors and keys are not three vectors of one length.

    References:
        Kothawade et al. 2021, arXiv:2107.00717, table 1 (FLCMI); Minoux 1978, Accelerated greedy
        algorithms for maximizing submodular set functions.

    Deviations:
        Gains below 4 machine epsilons per row that counts are 0; those that differ by less than 64
        epsilons of themselves are equal, and the key decides.
    """
    if not ceilings.shape == floors.shape == keys.shape or ceilings.ndim != 1:
        raise ShapeError(
            f"ceilings have the shape {ceilings.shape}, floors {floors.shape} and keys "
            f"{keys.shape}; give one of each per sample"
        )
    n, k = keys.size, max(0, min(k, keys.size))
    if not k:
        return Greedy(np.empty(0, dtype=np.int64), np.empty(0))
    search = _Search(Coverage(similar, ceilings, floors), keys)
    if k == n:
        return Greedy(top_k(search.bounds, k, keys=keys), np.empty(0))
    while len(search.picks) < k and search.take_next():
        report(len(search.picks), k)
    rest = np.setdiff1d(np.arange(n), search.picks)
    # Multiples of a step far above rounding: equal samples tie, whatever their positions.
    step = np.finfo(ceilings.dtype).eps * 2**10
    margins = np.round((ceilings[rest] - floors[rest]) / step)
    filled = rest[top_k(margins, k - len(search.picks), keys=keys[rest])]
    positions = np.concatenate([np.array(search.picks, dtype=np.int64), filled])
    return Greedy(positions, np.array(search.gains))


class _Search:
    # Lazy greedy: `bounds` are gains at some earlier time, never below the present ones.
    def __init__(self, coverage: Coverage, keys: NDArray[np.uint64]) -> None:
        self.coverage, self.keys = coverage, keys
        self.picks: list[int] = []
        self.gains: list[float] = []
        self.bounds = coverage.survey()  # (n,)
        self.renewed = np.zeros(keys.size, dtype=np.int64)  # number of picks a bound accounts for
        self.eps = float(np.finfo(coverage.dtype).eps)

    def take_next(self) -> bool:
        # Takes the best one; False if nobody gains.
        noise = _NOISE_EPS * self.eps * self.coverage.n_rows
        n_renew = _REFRESH
        while (best := float(self.bounds.max(initial=0.0))) > noise:
            tolerance = self._tolerance(best)
            stale = self.renewed < len(self.picks)
            if not (stale & (self.bounds >= best - tolerance)).any():
                self._take(first_near(self.bounds, tolerance, keys=self.keys))
                return True
            self._renew(np.flatnonzero(stale), n_renew)
            n_renew = min(2 * n_renew, _MOST_RENEWED)
        return False

    def _tolerance(self, best: float) -> float:
        rounding = float(np.finfo(np.float64).eps) * self.coverage.n_rows
        return _TIE_EPS * self.eps * best + _NOISE_EPS * rounding

    def _renew(self, stale: IntArray, n: int) -> None:
        if self.coverage.wants_survey:
            self.bounds[stale] = self.coverage.survey()[stale]
            self.renewed[stale] = len(self.picks)
            return
        if n < stale.size:
            stale = stale[np.argpartition(-self.bounds[stale], n - 1)[:n]]
        self.bounds[stale] = self.coverage.gains(stale)
        self.renewed[stale] = len(self.picks)

    def _take(self, pick: int) -> None:
        self.picks.append(pick)
        self.gains.append(float(self.bounds[pick]))
        self.coverage.take(pick)
        self.bounds[pick] = -np.inf
        self.renewed[pick] = np.iinfo(np.int64).max
