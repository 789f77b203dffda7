"""Log-determinant conditional mutual information, maximised greedily and exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from alscope.acquisition._greedy import Greedy, first_near
from alscope.acquisition.ranking import top_k
from alscope.errors import ShapeError

__all__ = ["Blocks", "log_det_greedy", "weighted"]

_COLUMN_CHUNK = 2048
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
    return blocks._replace(
        pool_query=blocks.pool_query * blocks.pool_query.dtype.type(eta),
        pool_private=blocks.pool_private * blocks.pool_private.dtype.type(nu),
        query_private=blocks.query_private * blocks.query_private.dtype.type(between),
    )


def log_det_greedy(
    column: Callable[[int], _Floats],
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

    Conditioning on P and on P and Q takes a Cholesky factorisation; every pick appends one row to
    each of both factors. Time O(n (p + q)^2 + k n (p + q + k + w)) for p private samples, q of the
    query set and columns that cost w per entry; memory (p + q + 2 k) n values of the type of
    `blocks.pool_query`: 600 MB in float32 for n = 50000, p = q = 500, k = 1000.

    Args:
        column: Similarities of all samples to one of them, (n,).
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
    state = _State(diagonal, blocks, 0 if k == n else k, ridge)
    if k == n:
        return Greedy(top_k(state.gains(), k, keys=keys), np.empty(0))
    tolerance = _TIES[str(blocks.pool_query.dtype)] / min(ridge, 1.0)
    picks, gained = np.empty(k, dtype=np.int64), np.empty(k)
    free = np.ones(n, dtype=bool)
    for step in range(k):
        gains = np.where(free, state.gains(), -np.inf)
        picks[step] = pick = first_near(gains, tolerance, keys=keys)
        gained[step] = gains[pick]
        free[pick] = False
        if step + 1 < k:
            state.take(pick, column(pick))
    return Greedy(picks, gained)


class _Given:
    # Variances of the pool given some set, and the rows of the factor that the picks append.
    def __init__(self, variances: NDArray[np.float64], rows: _Floats, n_rows: int) -> None:
        self.variances = variances  # (n,)
        self.rows = rows  # (capacity, n), filled up to n_rows
        self.n_rows = n_rows

    def take(self, pick: int, covariances: _Floats) -> None:
        # Given what the rows stand for, the covariances of all with the pick become one more row.
        filled = self.rows[: self.n_rows]
        row = self.rows[self.n_rows]
        np.subtract(covariances, filled[:, pick] @ filled, out=row)
        row /= np.sqrt(self.variances[pick])
        self.variances -= np.square(row, dtype=np.float64)
        self.n_rows += 1


class _State:
    # Given P: `shared` and the picks. Given P and Q: `shared`, rows of Q, and the picks.
    def __init__(self, diagonal: _Floats, blocks: Blocks, k: int, ridge: float) -> None:
        n, n_query = blocks.pool_query.shape
        n_private = blocks.pool_private.shape[1]
        dtype = blocks.pool_query.dtype
        self.ridge = ridge
        # Pages that no pick has filled yet take no memory.
        factor = np.empty((n_private + n_query + k, n), dtype=dtype)
        total = diagonal.astype(np.float64) + ridge
        private, both = _condition(factor, total, blocks, ridge)
        self.shared = factor[:n_private]
        self.private = _Given(private, np.empty((k, n), dtype=dtype), 0)
        self.both = _Given(both, factor[n_private:], n_query)

    def gains(self) -> NDArray[np.float64]:
        # No variance is below the ridge but by rounding.
        given_private = np.maximum(self.private.variances, self.ridge)
        given_both = np.maximum(self.both.variances, self.ridge)
        values: NDArray[np.float64] = np.log(given_private / given_both)
        return values

    def take(self, pick: int, column: _Floats) -> None:
        covariances = column - self.shared[:, pick] @ self.shared
        self.private.take(pick, covariances)
        self.both.take(pick, covariances)


def _condition(
    factor: _Floats, total: NDArray[np.float64], blocks: Blocks, ridge: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    # Fills the first rows of the factor; returns the variances given P, and given P and Q, (n,).
    n_private, n_query = blocks.pool_private.shape[1], blocks.pool_query.shape[1]
    between = blocks.query_private
    within = np.block([[blocks.private_private, between.T], [between, blocks.query_query]])
    within = within.astype(np.float64)
    within[np.diag_indices_from(within)] += ridge
    lower = np.linalg.cholesky(within)
    private, both = total.copy(), total.copy()
    for start in range(0, total.size, _COLUMN_CHUNK) if n_private + n_query else ():
        part = slice(start, start + _COLUMN_CHUNK)
        across = np.concatenate([blocks.pool_private[part], blocks.pool_query[part]], axis=1)
        rows = solve_triangular(lower, across.T.astype(np.float64), lower=True, check_finite=False)
        factor[: n_private + n_query, part] = rows
        squares = np.square(rows, out=rows)
        private[part] -= squares[:n_private].sum(axis=0)
        both[part] -= squares.sum(axis=0)
    return private, both


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
