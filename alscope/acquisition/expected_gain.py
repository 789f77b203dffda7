"""Expected gain of a proper score over the pool, when the label of one sample becomes known.

P of shape (n, T, C) holds the probabilities of T equally likely members (stochastic passes), p_x
their mean at sample x. Seeing label y at x reweights the members by w_t proportional to P[x, t, y],
and moves the prediction at x' from p_x' to q = sum_t w_t P[x', t]. The gain is

    gain(x, x') = sum_y p_x[y] * B(q, p_x'),    B = |q - p|^2 (Brier) or KL(q || p) (log score),

and the score of x is its sum over x'. Both are computed from deviations from the mean, so that
members that nearly agree cause no cancellation, and in blocks.

References:
    Tan, Du and Buntine 2021 (NeurIPS), arXiv:2110.14171.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._checks import require_finite, require_probs
from alscope.acquisition._excess import SMALL, small_terms, terms_of
from alscope.acquisition._threads import in_threads
from alscope.acquisition.kmeans import k_means, representatives
from alscope.acquisition.ranking import top_k
from alscope.errors import ShapeError
from alscope.progress import report
from alscope.types import IntArray

__all__ = ["Batch", "Gains", "brier_gains", "diverse_batch", "log_gains"]

_BLOCK_ENTRIES = 2**17  # probabilities per block: they stay in the cache, a few times over
_TILE_ENTRIES = 2**18  # class pairs per tile of the log score: they stay in the cache
_ONE_THREAD = 2**18  # products of fewer multiplications run in the thread that calls
_AGREEMENT = 1e-7  # members whose probabilities differ by less differ by float32 rounding only
_RANK_TOLERANCE = 1e-12

_Probs = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Gains:
    """Expected gains of every sample.

    Attributes:
        scores: Sum of the gains over the estimation pool, (n,), >= 0.
        vectors: From positions (k,) to vectors (k, r), float64, with the inner products, lengths
            and distances of the samples' gains over the estimation pool.
    """

    scores: NDArray[np.float64]
    vectors: Callable[[IntArray], NDArray[np.float64]]


class Batch(NamedTuple):
    """A diverse batch."""

    positions: IntArray
    """Highest score first."""
    n_candidates: int
    """How many samples were clustered; 0 if there was nothing to cluster."""
    n_filled: int
    """How many were taken by score because clusters coincided."""


class _Columns(NamedTuple):
    place: slice
    ratios: NDArray[np.floating]  # (T + 1, n_classes * columns)
    means: NDArray[np.floating]  # (n_classes * columns,)
    reach: float


class _Block(NamedTuple):
    rows: slice
    deviations: NDArray[np.float64]  # P - p, (rows, n_samples, n_classes)
    mean: NDArray[np.float64]  # p, (rows, n_classes)


def brier_gains(probs: _Probs) -> Gains:
    """Expected decrease of the Brier score of the whole pool.

    With D = P - p, gain(x, x') = <M_x, G_x'>, where M_x = sum_y D[x, :, y] D[x, :, y]' / p_x[y] /
    T^2 and G_x' = D[x'] D[x']' are symmetric (T, T) matrices. Scores therefore need the sum of G
    only, and vectors of gains are exact in at most T (T - 1) / 2 dimensions, however large the pool
    is: M times a square root of the sum of G G'. O(n T^2 (C + T^2)) time, O(n C T) memory for the
    argument and O(n T^2) beside it.

    Args:
        probs: Probabilities of each pass, (n, n_samples, n_classes); at least 2 passes.

    Returns:
        Scores and vectors; the estimation pool is all n samples. A sample on which all passes
        agree within 1e-7 has exactly 0.

    Raises:
        ShapeError: If the shape is another, or a row is no distribution; the message names it.
    """
    _require_passes(probs)
    n_samples = probs.shape[1]
    n_pairs = n_samples * (n_samples + 1) // 2
    total, second = np.zeros(n_pairs), np.zeros((n_pairs, n_pairs))
    moves = np.empty((len(probs), n_pairs))  # M, packed
    for block in _blocks(probs):
        grams, moves[block.rows] = _grams_and_moves(block)
        total += np.ones(len(grams)) @ grams
        second += grams.T @ grams
    values, basis = np.linalg.eigh(second)
    kept = values > values[-1] * _RANK_TOLERANCE
    root = basis[:, kept] * np.sqrt(values[kept])  # (pairs, r)

    def vectors(positions: IntArray) -> NDArray[np.float64]:
        found: NDArray[np.float64] = moves[positions] @ root
        found /= n_samples**2
        return found

    # Not a matrix product: there equal rows may round differently.
    scores = np.einsum("np,p->n", moves, total)
    return Gains(np.maximum(scores, 0.0) / n_samples**2, vectors)


def log_gains(probs: _Probs, estimation: IntArray) -> Gains:
    """Expected gain in log score on some samples: mutual information between pairs of labels.

    With D = P - p, d = sum_t D[x, t, y] D[x', t, y'] / (T p_x[y] p_x'[y']) is the relative excess
    of the joint probability of two labels over independence, and

        gain(x, x') = sum_yy' p_x[y] p_x'[y'] ((1 + d) log(1 + d) - d),

    every term of which is >= 0. Where d is small, because passes nearly agree, a term is d^2 / 2 -
    d^3 / 6 + d^4 / 12. O(n m C^2) logarithms for m estimation samples, tile by tile, and O(n m)
    memory.

    Args:
        probs: Probabilities of each pass, (n, n_samples, n_classes); at least 2 passes. The
            arithmetic is in their precision.
        estimation: Positions of the estimation samples, (m,).

    Returns:
        Scores in nats, and vectors: the gains themselves, (k, m). A sample on which all passes
        agree within 1e-7 has exactly 0.

    Raises:
        ShapeError: If the shape is another, or a row is no distribution; the message names it.
    """
    _require_passes(probs)
    gains = np.empty((len(probs), estimation.size), dtype=probs.dtype)
    n_samples, n_classes = probs.shape[1:]
    # A tile has at least one row against all classes of at least one column.
    n_columns = max(1, min(64, _ONE_THREAD // (n_classes**2 * (n_samples + 1))))
    columns = list(_columns(probs, estimation, n_columns))
    n_rows = max(1, _TILE_ENTRIES // (n_classes**2 * n_columns))
    with in_threads() as each:
        for block in _blocks(probs):
            report(block.rows.stop, len(probs))
            fill = _filling(gains[block.rows], block, columns, n_rows)
            each(fill, range(0, len(block.mean), n_rows))
    np.maximum(gains, 0, out=gains)
    return Gains(
        gains.sum(axis=1, dtype=np.float64), lambda positions: gains[positions].astype(np.float64)
    )


def diverse_batch(
    gains: Gains, n: int, *, keep_ratio: float, keys: NDArray[np.uint64], rng: np.random.Generator
) -> Batch:
    """Samples with high scores whose gains are in different places of the pool.

    The best max(n, keep_ratio * n_pool) samples by score are partitioned by k-means into n clusters
    of vectors of unit length; the sample nearest to each centre is taken. What is missing because
    clusters coincide is taken by score, as is everything if no more than n of them gain anything.

    Args:
        gains: Expected gains of all samples.
        n: How many; 0 or less gives none, all or more gives all.
        keep_ratio: Share of the samples that is clustered, in [0, 1].
        keys: Keys that break ties, (n_pool,).
        rng: Source of the k-means seeding.
    """
    n = max(0, min(n, keys.size))
    ranked = top_k(gains.scores, max(n, round(keep_ratio * keys.size)), keys=keys)
    useful = ranked[gains.scores[ranked] > 0]
    if n == 0 or useful.size <= n:
        return Batch(ranked[:n], 0, 0)
    points = gains.vectors(useful)
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    points /= np.where(lengths > 0, lengths, 1.0)
    clusters = k_means(points, n, keys=keys[useful], rng=rng)
    nearest = useful[representatives(points, clusters, keys=keys[useful])]
    taken = np.isin(ranked, nearest)
    rest = np.flatnonzero(~taken)[: n - nearest.size]
    taken[rest] = True
    return Batch(ranked[taken], int(useful.size), int(rest.size))


def _require_passes(probs: _Probs) -> None:
    if probs.ndim != 3 or probs.shape[1] < 2 or probs.shape[2] < 1:
        raise ShapeError(
            f"probs have the shape {probs.shape}, but (n, n_samples, n_classes) with at least "
            "2 passes is needed"
        )


def _blocks(probs: _Probs, positions: IntArray | None = None) -> Iterator[_Block]:
    # Deviations and means of all rows, or of some; `rows` count within what was asked for.
    n = len(probs) if positions is None else positions.size
    step = max(1, _BLOCK_ENTRIES // probs[:1].size) if n else 1
    average = np.full((1, probs.shape[1]), 1 / probs.shape[1])
    for start in range(0, n, step):
        rows = slice(start, min(start + step, n))
        block = probs[rows if positions is None else positions[rows]].astype(np.float64)
        # Relative to the first pass, so that equal passes give 0 and not its rounding.
        reference = block[:, 0].copy()
        with np.errstate(invalid="ignore"):
            block -= reference[:, None]
        moved = average @ block
        mean = reference + moved[:, 0]
        require_finite("probabilities", mean, first=start)
        require_probs("mean probabilities", mean, first=start)
        block -= moved
        _forget_agreement(block)
        yield _Block(rows, block, mean)


def _forget_agreement(deviations: NDArray[np.float64]) -> None:
    # Sets rows to 0 on which all passes agree; only short ones can be such, and few are.
    squared = np.einsum("ntc,ntc->n", deviations, deviations)
    short = np.flatnonzero(squared < _AGREEMENT**2 * deviations[:1].size)
    agreed = np.abs(deviations[short]).max(axis=(1, 2)) < _AGREEMENT
    deviations[short[agreed]] = 0


def _grams_and_moves(block: _Block) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    # G and T^2 M of some rows, packed: (rows, T (T + 1) / 2) with the same inner products.
    n, n_samples, n_classes = block.deviations.shape
    inverse = np.zeros_like(block.mean)
    np.divide(1.0, block.mean, out=inverse, where=block.mean > np.finfo(np.float64).tiny)
    # One product for both is faster than two.
    left = np.empty((n, 2 * n_samples, n_classes))
    left[:, :n_samples] = block.deviations
    np.multiply(block.deviations, inverse[:, None], out=left[:, n_samples:])
    products = left @ block.deviations.swapaxes(1, 2)  # (rows, 2 T, T)
    above, right = np.triu_indices(n_samples)
    weights = np.where(above == right, 1.0, np.sqrt(2.0))
    places = above * n_samples + right
    packed = products.reshape(n, -1).take(np.concatenate([places, places + n_samples**2]), axis=1)
    packed *= np.concatenate([weights, weights])
    return packed[:, : places.size], packed[:, places.size :]


def _ratios(block: _Block) -> NDArray[np.float64]:
    # D / (p sqrt(T)), 0 where p is 0, and a pass of ones: products of two are 1 + d.
    means = block.mean[:, None]
    n_samples = block.deviations.shape[1]
    ratios = np.ones((len(means), n_samples + 1, means.shape[2]))
    ratios[:, :-1] = 0
    np.divide(block.deviations, means, out=ratios[:, :-1], where=means > 0)
    ratios[:, :-1] /= np.sqrt(n_samples)
    return ratios


def _reach(ratios: NDArray[np.float64]) -> NDArray[np.float64]:
    # Length of the longest ratio of each row, (rows,): |d| is at most the product of two.
    squared = np.einsum("ntc,ntc->nc", ratios[:, :-1], ratios[:, :-1])
    longest: NDArray[np.float64] = np.sqrt(squared.max(axis=1))
    return longest


def _columns(probs: _Probs, estimation: IntArray, step: int) -> Iterator[_Columns]:
    # Estimation samples in groups.
    for start in range(0, estimation.size, step):
        group = estimation[start : start + step]
        parts = list(_blocks(probs, group))
        ratios = np.concatenate([_ratios(part) for part in parts])  # (group, T + 1, C)
        means = np.concatenate([part.mean for part in parts])
        flat = ratios.transpose(1, 2, 0).reshape(ratios.shape[1], -1)
        yield _Columns(
            slice(start, start + group.size),
            np.ascontiguousarray(flat, dtype=probs.dtype),
            np.ascontiguousarray(means.T, dtype=probs.dtype).ravel(),
            float(_reach(ratios).max()),
        )


def _filling(
    gains: NDArray[np.floating], block: _Block, columns: list[_Columns], n_rows: int
) -> Callable[[int], None]:
    # Makes the gains of n_rows rows of a block, from a given one on.
    ratios = _ratios(block)
    left = np.ascontiguousarray(ratios.swapaxes(1, 2), dtype=gains.dtype)  # (rows, C, T + 1)
    mean, reach = block.mean.astype(gains.dtype), _reach(ratios)

    def fill(start: int) -> None:
        rows = np.arange(start, min(start + n_rows, len(mean)))
        for column in columns:
            # By the row itself: equal rows have equal gains, wherever they stand.
            is_small = reach[rows] * column.reach < SMALL
            for some, terms in ((rows[~is_small], terms_of), (rows[is_small], small_terms)):
                if some.size:
                    summed = (mean[some, None] @ terms(left[some], column.ratios))[:, 0]
                    summed *= column.means  # (rows, C * columns)
                    parts = summed.reshape(some.size, mean.shape[1], -1)
                    gains[some, column.place] = parts.sum(axis=1)

    return fill
