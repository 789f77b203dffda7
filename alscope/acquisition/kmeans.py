"""k-means by matrix products, with the samples that stand for the clusters."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from alscope.accelerator import held
from alscope.acquisition._assigned import NOISE, Assigned
from alscope.acquisition._checks import require_matrix
from alscope.acquisition.ranking import top_k
from alscope.acquisition.seeding import point_seeding
from alscope.progress import report
from alscope.types import IntArray

__all__ = ["Clusters", "k_means", "representatives"]

_MAX_ITERATIONS = 100
_TOLERANCE = 1e-4  # of the variance: centres that move less have arrived
_ROW_CHUNK = 4096

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
    found = Assigned(extended, squared, centres, held((rows,), squared))
    changed = np.ones(k, dtype=bool)  # clusters of other points than those that centres stand for
    n_iterations, settled = 0, False
    while n_iterations < _MAX_ITERATIONS and not settled:
        moved = _means(extended, found, centres, changed, keys)
        step = float(np.square(moved - centres).sum())
        centres, before = moved, found.assignment
        found.move(centres)
        others = before != found.assignment
        changed = np.zeros(k, dtype=bool)
        changed[before[others]] = changed[found.assignment[others]] = True
        settled = step <= tolerance or not others.any()
        n_iterations += 1
        report(n_iterations, _MAX_ITERATIONS)
    return Clusters((centres + shift).astype(np.float32), found.assignment, n_iterations)


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
    tied = distances <= least[clusters.assignment] + NOISE * lengths
    order = np.lexsort((keys, ~tied, clusters.assignment))
    _, heads = np.unique(clusters.assignment[order], return_index=True)
    chosen: IntArray = order[heads]
    return chosen


def _means(
    extended: _Points,
    found: Assigned,
    centres: _Points,
    changed: NDArray[np.bool_],
    keys: NDArray[np.uint64],
) -> _Points:
    # Means of the clusters, those that changed summed in row order and therefore always the same;
    # an empty cluster moves to a far point, or stays where it is if all points coincide with their
    # centres.
    n, k = len(extended), len(centres)
    summed = changed[found.assignment]
    ends = np.concatenate([[0], np.cumsum(summed)])
    of = found.assignment[summed]
    members = sparse.csr_array((np.ones(of.size, dtype=np.float32), of, ends), shape=(n, k))
    sums = np.asarray(members.T @ extended, dtype=np.float32)
    counts = np.bincount(found.assignment, minlength=k)
    filled = changed & (counts > 0)
    means = centres.copy()
    means[filled] = sums[filled, :-1] / counts[filled, None]
    empty = np.flatnonzero(counts == 0)
    if empty.size:
        distances = found.distances()
        far = top_k(distances, empty.size, keys=keys)
        far = far[distances[far] > 0]
        means[empty[: far.size]] = extended[far, :-1]
    return means
