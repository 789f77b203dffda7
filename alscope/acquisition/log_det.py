"""Log-determinant conditional mutual information, maximised greedily and exactly."""

from __future__ import annotations

from itertools import takewhile
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._factor import CHUNK, Few, Given, condition
from alscope.acquisition._greedy import Greedy, first_near, leaders
from alscope.acquisition._similarity import Similarity
from alscope.acquisition.ranking import top_k
from alscope.errors import ShapeError
from alscope.progress import report
from alscope.types import IntArray

__all__ = ["Blocks", "largest_pool", "log_det_greedy", "weighted"]

_CANDIDATES = 1024  # among which the next picks are guessed
_LEADERS = 32  # of them, whose covariances are made at once
_AHEAD, _MOST_AHEAD = 8, 128  # picks guessed at once, at first and at most
_MOST_BYTES = 2**33  # of both factors
_TIES = {"float32": 1e-5, "float64": 1e-12}  # gains this close are equal, for a ridge of 1

_Floats = NDArray[np.floating]


class Blocks(NamedTuple):
    """Similarities between the pool, a query set and a private set, either of which may be empty.

    The whole kernel must be positive semidefinite.
    """

    pool_query: _Floats
    """(n, n_query)."""
    pool_private: _Floats
    """(n, n_private)."""
    query_query: _Floats
    """(n_query, n_query)."""
    private_private: _Floats
    """(n_private, n_private)."""
    query_private: _Floats
    """(n_query, n_private)."""


def weighted(blocks: Blocks, *, eta: float, nu: float) -> Blocks:
    """Weaken the ties of the pool to the query set by eta and to the private set by nu.

    The block between query and private set is multiplied by
    eta nu + sqrt((1 - eta^2)(1 - nu^2)), which is 1 if eta = nu: the largest factor for which the
    kernel stays positive semidefinite whatever the samples. Left as it is, the kernel loses this
    already with 50 samples in each set for eta = 1, nu = 0.5, and conditional variances become
    negative.

    Args:
        blocks: Similarities, not weighted.
        eta: Within [0, 1].
        nu: Within [0, 1].

    Raises:
        ShapeError: If a weight lies outside [0, 1].
    """
    for name, value in (("eta", eta), ("nu", nu)):
        if not 0 <= value <= 1:
            raise ShapeError(
                f"{name} is {value}, but a log-determinant needs weights within [0, 1]; above 1 "
                "the kernel is no longer positive semidefinite"
            )
    between = eta * nu + np.sqrt((1 - eta**2) * (1 - nu**2))
    factors = {"pool_query": eta, "pool_private": nu, "query_private": between}
    # What is not weakened is not copied: similarities to the pool take a hundred megabytes.
    weaker = {name: factor for name, factor in factors.items() if factor != 1}
    values = {name: getattr(blocks, name) for name in weaker}
    return blocks._replace(
        **{name: values[name] * values[name].dtype.type(weaker[name]) for name in weaker}
    )


def largest_pool(n_given: int, k: int, dtype: np.dtype[np.floating]) -> int:
    """Samples up to which the factors take at most 8 GiB.

    Args:
        n_given: Samples of the query set and of the private set together.
        k: How many are to be taken.
        dtype: Of the factors.
    """
    return _MOST_BYTES // (dtype.itemsize * max(1, n_given + 2 * k))


def log_det_greedy(
    similar: Similarity,
    diagonal: _Floats,
    blocks: Blocks,
    k: int,
    *,
    ridge: float,
    keys: NDArray[np.uint64],
) -> Greedy:
    """Take greedily the set A that raises I(A; Q | P) = f(A|P) - f(A|P, Q).

    f(A) is the log-determinant of the kernel of A plus `ridge` on the diagonal. One sample gains
    log v(P, A) - log v(P, Q, A), with v its variance in a Gaussian process of that kernel given the
    sets named: it is taken for what the query set says about it beyond what the private set and
    earlier picks say. The function is not submodular in A (what was taken may raise the gain of
    others), so bounds from earlier steps say nothing and every gain is renewed at every step.

    Conditioning on P and on P and Q takes a Cholesky factorisation; every pick appends one column
    to each of both factors. Column by column that is bound by memory. Therefore the next picks are
    guessed among the samples that gain most, the columns of all of them are made by matrix
    products, and each guess is compared with the gains of all samples at its turn: the first that
    is wrong ends the guessing, so that picks are those of the plain method. Time
    O(n (p + q)^2 + k n (p + q + k + w)) for p private samples, q of the query set and similarities
    that cost w each; memory (p + q + 2 k + 2 min(k, 128)) n values of the type of
    `blocks.pool_query`: 600 MB in float32 for n = 50000, p = q = 500, k = 1000.

    Args:
        similar: Similarities of all samples to all, n rows and columns.
        diagonal: Similarity of every sample to itself, (n,).
        blocks: Similarities to and within the other sets; see there. The type of the first decides
            the precision of the factors; variances are float64.
        k: How many; 0 or less gives none, n or more gives all, ordered by their gain alone.
        ridge: Added to the diagonal, positive: variances never fall below it.
        keys: Keys that break ties, (n,).

    Raises:
        ShapeError: If the shapes do not fit together.

    References:
        Kothawade et al. 2021, arXiv:2107.00717, table 1 (LogDetCMI); Chen, Zhang and Zhou 2018,
        arXiv:1709.05135 (incremental factors).

    Deviations:
        Gains closer than 1e-12 (float32: 1e-5), divided by the ridge if that is below 1, are equal,
        and the key decides.
    """
    _require_shapes(diagonal, blocks, keys)
    n, k = keys.size, max(0, min(k, keys.size))
    if not k:
        return Greedy(np.empty(0, dtype=np.int64), np.empty(0))
    state = _State(similar, diagonal, blocks, 0 if k == n else k, ridge)
    if k == n:
        return Greedy(top_k(np.log(state.ratios()), k, keys=keys), np.empty(0))
    tolerance = _TIES[str(blocks.pool_query.dtype)] / min(ridge, 1.0)
    return _Search(state, tolerance, keys).run(k)


class _Search:
    # Greedy, several steps at a time.
    def __init__(self, state: _State, tolerance: float, keys: NDArray[np.uint64]) -> None:
        self.state, self.tolerance, self.keys = state, tolerance, keys
        self.picks: list[int] = []
        self.gained: list[float] = []

    def run(self, k: int) -> Greedy:
        ahead = _AHEAD
        while len(self.picks) < k:
            guess = self._guess(min(ahead, k - len(self.picks)))
            self.state.prepare(guess)
            n_right = sum(1 for _ in takewhile(self._take, guess.tolist()))
            report(len(self.picks), k)
            all_right = n_right == guess.size
            ahead = min(ahead + _AHEAD, _MOST_AHEAD) if all_right else max(_AHEAD, n_right)
        return Greedy(np.array(self.picks, dtype=np.int64), np.array(self.gained))

    def _ratios(self) -> NDArray[np.float64]:
        ratios = self.state.ratios()
        ratios[self.picks] = 0
        return ratios

    def _best(self, ratios: NDArray[np.float64]) -> int:
        # Only few gain nearly as much as the best one: the others need no logarithm.
        few = np.flatnonzero(ratios >= ratios.max() * (1 - 2 * self.tolerance))
        return int(few[first_near(np.log(ratios[few]), self.tolerance, keys=self.keys[few])])

    def _guess(self, n: int) -> IntArray:
        # The next pick, and those that would follow if only some samples were left.
        ratios = self._ratios()
        best = self._best(ratios)
        if n == 1:
            return np.array([best])
        some = leaders(ratios, best, min(_CANDIDATES, ratios.size - len(self.picks)))
        return some[self.state.ahead(some, n, self.tolerance, self.keys[some])]

    def _take(self, guess: int) -> bool:
        # Whether the guess is right; takes it, if so.
        ratios = self._ratios()
        if self._best(ratios) != guess:
            return False
        self.picks.append(guess)
        self.gained.append(float(np.log(ratios[guess])))
        self.state.take()
        return True


class _State:
    # Given P: `shared` and the picks. Given P and Q: `shared`, columns of Q, and the picks.
    def __init__(
        self, similar: Similarity, diagonal: _Floats, blocks: Blocks, k: int, ridge: float
    ) -> None:
        n, n_query = blocks.pool_query.shape
        n_private = blocks.pool_private.shape[1]
        dtype = blocks.pool_query.dtype
        self.similar, self.ridge = similar, ridge
        factor = np.empty((n, n_private + n_query + k), dtype=dtype)
        given = (blocks.pool_private, blocks.pool_query)
        explained = condition(factor, given, _within(blocks, ridge))
        private = diagonal + ridge - explained[0]
        both = private - explained[1]
        self.shared = factor[:, :n_private]
        n_ahead = min(k, _MOST_AHEAD)
        self.private = Given(private, np.empty((n, k), dtype=dtype), 0, n_ahead)
        self.both = Given(both, factor[:, n_private:], n_query, n_ahead)

    def ratios(self) -> NDArray[np.float64]:
        """Variances given P by those given P and Q; a gain is the logarithm."""
        return _ratios(self.private.variances, self.both.variances, self.ridge)

    def prepare(self, picks: IntArray) -> None:
        before = self.shared[picks]
        within = self._covariances(picks)
        self.private.prepare(picks, within)
        self.both.prepare(picks, within)
        for start in range(0, len(self.shared), CHUNK):
            part = slice(start, start + CHUNK)
            covariances = self.similar.block(part, picks)
            covariances -= self.shared[part] @ before.T
            self.private.fill(part, covariances)
            self.both.fill(part, covariances)

    def take(self) -> None:
        self.private.take()
        self.both.take()

    def ahead(
        self, some: IntArray, n: int, tolerance: float, keys: NDArray[np.uint64]
    ) -> list[int]:
        # Greedy picks among some samples, the first of which comes first; positions among them.
        places = [0]
        small = [Few(given, some, n) for given in (self.private, self.both)]
        similar, shared = self.similar.among(some), self.shared[some]
        known, n_learned = np.zeros(some.size, dtype=bool), min(_LEADERS, some.size)
        gains = self._gains(small)
        while len(places) < n:
            if not known[places[-1]]:
                which = leaders(np.where(known, -np.inf, gains), places[-1], n_learned)
                before = similar.block(slice(None), some[which]).T - shared[which] @ shared.T
                known[which] = True
                for one in small:
                    one.learn(which, before)
            for one in small:
                one.take(places[-1])
            gains = self._gains(small)
            gains[places] = -np.inf
            places.append(first_near(gains, tolerance, keys=keys))
        return places

    def _gains(self, small: list[Few]) -> NDArray[np.float64]:
        return np.log(_ratios(small[0].variances, small[1].variances, self.ridge))

    def _covariances(self, some: IntArray) -> _Floats:
        # Of some samples with each other given P, without what was taken.
        shared = self.shared[some]
        found: _Floats = self.similar.among(some).block(slice(None), some)
        found -= shared @ shared.T
        return found


def _ratios(
    private: NDArray[np.float64], both: NDArray[np.float64], ridge: float
) -> NDArray[np.float64]:
    # No variance is below the ridge but by rounding.
    values = np.maximum(private, ridge)
    values /= np.maximum(both, ridge)
    return values


def _within(blocks: Blocks, ridge: float) -> NDArray[np.float64]:
    between = blocks.query_private
    within = np.block([[blocks.private_private, between.T], [between, blocks.query_query]])
    within = within.astype(np.float64)
    within[np.diag_indices_from(within)] += ridge
    return within


def _require_shapes(diagonal: _Floats, blocks: Blocks, keys: NDArray[np.uint64]) -> None:
    n, q, p = keys.size, blocks.query_query.shape[-1], blocks.private_private.shape[-1]
    expected = Blocks((n, q), (n, p), (q, q), (p, p), (q, p))  # type: ignore[arg-type]
    wrong = [
        f"{name} has the shape {block.shape}, not {shape}"
        for name, block, shape in zip(Blocks._fields, blocks, expected, strict=True)
        if block.shape != shape
    ]
    if diagonal.shape != keys.shape:
        wrong.append(f"the diagonal has the shape {diagonal.shape}, not {keys.shape}")
    if wrong:
        raise ShapeError(f"similarities do not fit together: {'; '.join(wrong)}")
