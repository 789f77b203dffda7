"""k-means by matrix products, with the samples that stand for the clusters."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from alscope.accelerator import Held, held
from alscope.acquisition._checks import require_matrix
from alscope.acquisition.ranking import top_k
from alscope.acquisition.seeding import point_seeding
from alscope.progress import report
from alscope.types import IntArray

__all__ = ["Clusters", "k_means", "representatives"]

_MAX_ITERATIONS = 100
_TOLERANCE = 1e-4  # of the variance: centres that move less have arrived
_ROW_CHUNK = 4096
_PRODUCT_CELLS = 1 << 19  # products of rows with centres made at once: 2 MB, near the cache
_FEWEST_ROWS = 1024
# Squared distances that differ by less than this, relative to squared lengths, are equal.
_NOISE = 32 * float(np.finfo(np.float32).eps)

_Points = NDArray[np.float32]


class Clusters(NamedTuple):
    """A partition of points."""

    centres: NDArray[np.float32]
    """(k, n_features)."""
    assignment: IntArray
    """Cluster of each point, (n,); a cluster may be empty where points coincide."""
    n_iterations: int
    """Times the centres were moved."""


def k_means(
    points: NDArray[np.floating], k: int, *, keys: NDArray[np.uint64], rng: np.random.Generator
) -> Clusters:
    """Partition points around k centres, each the mean of its points.

    Lloyd's iteration from one k-means++ seeding, until the centres stay or 100 times. A centre that
    loses all its points moves to a point that is farthest from its own centre; with fewer than k
    different points, some clusters stay empty.

    Args:
        points: (n, n_features), finite.
        k: Clusters, from 1 to n.
        keys: Keys that break ties, (n,).
        rng: Source of the seeding.

    Returns:
        The partition; every point belongs to the nearest centre, up to float32 rounding.

    Raises:
        ShapeError: If points are no finite matrix; the message names the first row.

    References:
        Lloyd 1982, IEEE Trans. Inf. Theory 28; Arthur and Vassilvitskii 2007 (SODA).
    """
    require_matrix("points", points)
    shift = points.mean(axis=0, dtype=np.float64)  # against cancellation in distances
    # A last column of ones: the product with the centres adds their lengths.
    extended = np.ones((len(points), points.shape[1] + 1), dtype=np.float32)
    rows = extended[:, :-1]
    for start in range(0, len(points), _ROW_CHUNK):
        part = slice(start, start + _ROW_CHUNK)
        rows[part] = points[part] - shift
    squared = np.einsum("nd,nd->n", rows, rows)
    tolerance = _TOLERANCE * float(squared.sum(dtype=np.float64)) / max(1, rows.size)
    centres = rows[point_seeding(rows, k, keys=keys, rng=rng).positions]
    on_device = held((rows,), squared)
    assignment, distances = _nearest(extended, squared, centres, on_device)
    n_iterations, settled = 0, False
    while n_iterations < _MAX_ITERATIONS and not settled:
        moved = _means(extended, assignment, centres, distances, keys)
        step = float(np.square(moved - centres).sum())
        centres, before = moved, assignment
        assignment, distances = _nearest(extended, squared, centres, on_device)
        settled = step <= tolerance or np.array_equal(before, assignment)
        n_iterations += 1
        report(n_iterations, _MAX_ITERATIONS)
    return Clusters((centres + shift).astype(np.float32), assignment, n_iterations)


def representatives(
    points: NDArray[np.floating], clusters: Clusters, *, keys: NDArray[np.uint64]
) -> IntArray:
    """Of each cluster that is not empty, the point nearest to the centre.

    Args:
        points: The points that were partitioned, (n, n_features).
        clusters: Their partition.
        keys: Keys that break ties, (n,): the two points of a pair are equally near.

    Returns:
        Positions, (n_clusters_with_points,), int64, in the order of the clusters.
    """
    n = len(points)
    distances, lengths = np.empty(n), np.empty(n)
    for start in range(0, n, _ROW_CHUNK):
        rows = slice(start, start + _ROW_CHUNK)
        block = points[rows].astype(np.float64)
        distances[rows] = np.square(block - clusters.centres[clusters.assignment[rows]]).sum(axis=1)
        lengths[rows] = np.square(block).sum(axis=1)
    least = np.full(len(clusters.centres), np.inf)
    np.minimum.at(least, clusters.assignment, distances)
    tied = distances <= least[clusters.assignment] + _NOISE * lengths
    order = np.lexsort((keys, ~tied, clusters.assignment))
    _, heads = np.unique(clusters.assignment[order], return_index=True)
    chosen: IntArray = order[heads]
    return chosen


def _nearest(
    extended: _Points, squared: NDArray[np.float32], centres: _Points, on_device: Held | None = None
) -> tuple[IntArray, NDArray[np.float32]]:
    # The nearest centre of each row (the first, if tied) and the squared distance to it.
    n, k = len(extended), len(centres)
    lengths = np.einsum("kd,kd->k", centres, centres)
    if on_device is not None:
        assignment, distances = on_device.nearest((centres,), lengths)
        distances[distances < _NOISE * squared] = 0
        return assignment, distances
    assignment = np.empty(n, dtype=np.int64)
    distances = np.empty(n, dtype=np.float32)
    # Contiguous factors and one buffer for all blocks: with few features that halves the time.
    factors = np.concatenate([(-2 * centres).T, lengths[None]])  # (n_features + 1, k)
    step = max(_FEWEST_ROWS, _PRODUCT_CELLS // k)
    buffer = np.empty((min(step, n), k), dtype=np.float32)
    places = np.arange(len(buffer)) * k
    for start in range(0, n, step):
        part = slice(start, start + step)
        block = extended[part]
        products = np.matmul(block, factors, out=buffer[: len(block)])  # (rows, k)
        nearest = products.argmin(axis=1, out=assignment[part])
        distances[part] = products.ravel().take(places[: len(block)] + nearest)
    distances += squared
    distances[distances < _NOISE * squared] = 0
    return assignment, distances


def _means(
    extended: _Points,
    assignment: IntArray,
    centres: _Points,
    distances: NDArray[np.float32],
    keys: NDArray[np.uint64],
) -> _Points:
    # Means of the clusters, summed in row order and therefore always the same; an empty cluster
    # moves to a far point, or stays where it is if all points coincide with their centres.
    n, k = len(extended), len(centres)
    members = sparse.csr_array(
        (np.ones(n, dtype=np.float32), assignment, np.arange(n + 1)), shape=(n, k)
    )
    counts = np.bincount(assignment, minlength=k)
    sums = np.asarray(members.T @ extended, dtype=np.float32)
    means: _Points = sums[:, :-1]
    means /= np.maximum(counts, 1)[:, None]
    empty = np.flatnonzero(counts == 0)
    means[empty] = centres[empty]
    far = top_k(distances, empty.size, keys=keys)
    far = far[distances[far] > 0]
    means[empty[: far.size]] = extended[far, :-1]
    return means
