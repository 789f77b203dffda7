from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.cluster import KMeans

from alscope.acquisition import _assigned
from alscope.acquisition._assigned import Assigned, Near, nearest
from alscope.acquisition.kmeans import Clusters, k_means, representatives
from alscope.acquisition.seeding import point_seeding
from alscope.errors import ShapeError
from alscope.rng import generator, tie_keys


def keys_of(n: int, seed: int = 0) -> np.ndarray:
    return tie_keys(np.arange(n), seed=seed, round=0)


def clustered(points: np.ndarray, k: int, stream: int = 0) -> Clusters:
    return k_means(points, k, keys=keys_of(len(points)), rng=generator(stream))


def inertia(points: np.ndarray, clusters: Clusters) -> float:
    return float(np.square(points - clusters.centres[clusters.assignment]).sum())


def blobs(seed: int, n: int = 120, k: int = 4, offset: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return offset + 10 * rng.normal(size=(k, 5))[np.arange(n) % k] + 0.1 * rng.normal(size=(n, 5))


def test_every_point_is_with_its_nearest_centre() -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        points = rng.normal(size=(rng.integers(1, 60), 3))
        clusters = clustered(points, int(rng.integers(1, len(points) + 1)), seed)
        distances = np.square(points[:, None] - clusters.centres).sum(axis=2)
        own = distances[np.arange(len(points)), clusters.assignment]

        np.testing.assert_allclose(own, distances.min(axis=1), atol=1e-5)


@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_separate_groups_are_found(offset: float) -> None:
    points = blobs(0, offset=offset)
    clusters = clustered(points, 4)
    labels = clusters.assignment[:4]

    assert sorted(labels) == [0, 1, 2, 3]
    assert (clusters.assignment == labels[np.arange(120) % 4]).all()


def test_it_is_as_tight_as_another_implementation() -> None:
    points = np.random.default_rng(1).normal(size=(400, 6))
    ours = [inertia(points, clustered(points, 20, stream)) for stream in range(10)]
    theirs = [KMeans(20, n_init=1, random_state=seed).fit(points).inertia_ for seed in range(10)]

    assert np.mean(ours) < 1.02 * np.mean(theirs)


def test_the_same_generator_gives_the_same_partition() -> None:
    points = np.random.default_rng(2).normal(size=(300, 4))
    first, again = clustered(points, 30, 5), clustered(points, 30, 5)

    np.testing.assert_array_equal(first.assignment, again.assignment)
    np.testing.assert_array_equal(first.centres, again.centres)
    assert 1 <= first.n_iterations <= 100


def test_duplicates_leave_clusters_empty_and_nothing_fails() -> None:
    points = np.repeat(np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]]), 10, axis=0)
    clusters = clustered(points, 7)
    chosen = representatives(points, clusters, keys=keys_of(30))

    assert sorted(chosen // 10) == [0, 1, 2]
    assert inertia(points, clusters) == pytest.approx(0, abs=1e-9)


def test_an_empty_cluster_moves_to_a_far_point() -> None:
    # Three centres in one blob: the iteration must not end with one of them idle.
    points = np.random.default_rng(3).normal(size=(50, 2))
    for stream in range(20):
        assert np.unique(clustered(points, 12, stream).assignment).size == 12


def test_representatives_are_nearest_to_their_centres() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        points = rng.normal(size=(rng.integers(1, 50), 3))
        k = int(rng.integers(1, 8))
        clusters = Clusters(
            rng.normal(size=(k, 3)).astype(np.float32), rng.integers(0, k, len(points)), 1
        )
        chosen = representatives(points, clusters, keys=keys_of(len(points)))
        distances = np.square(points - clusters.centres[clusters.assignment]).sum(axis=1)
        groups = [np.flatnonzero(clusters.assignment == c) for c in range(k)]

        assert chosen.tolist() == [g[distances[g].argmin()] for g in groups if g.size]


def test_the_two_points_of_a_pair_are_chosen_from_by_key() -> None:
    points = np.random.default_rng(4).normal(size=(2, 8))
    clusters = clustered(points, 1)
    chosen = [representatives(points, clusters, keys=keys_of(2, seed))[0] for seed in range(40)]

    assert chosen == [int(keys_of(2, seed).argmin()) for seed in range(40)]
    assert set(chosen) == {0, 1}


@pytest.mark.slow
def test_seeds_are_drawn_by_squared_distance() -> None:
    # First uniform; from 0 the second is 1 or 3 with odds 1 : 9, and so on.
    points, n = np.array([[0.0], [1.0], [3.0]]), 4000
    counts = np.zeros((3, 3))
    for stream in range(n):
        first, second = point_seeding(points, 2, keys=keys_of(3), rng=generator(stream)).positions
        counts[first, second] += 1
    expected = n / 3 * np.array([[0, 1 / 10, 9 / 10], [1 / 5, 0, 4 / 5], [9 / 13, 4 / 13, 0]])

    assert np.abs(counts - expected).max() < 4 * np.sqrt(n / 12)


def test_seeding_takes_none_all_and_duplicates_by_key() -> None:
    keys = keys_of(6)
    same = point_seeding(np.ones((6, 2)), 9, keys=keys, rng=generator(0))

    assert sorted(same.positions) == list(range(6))
    assert same.diagnostics["n_by_key"] == 5
    assert point_seeding(np.ones((6, 2)), 0, keys=keys, rng=generator(0)).positions.size == 0
    assert point_seeding(np.ones((0, 2)), 3, keys=keys[:0], rng=generator(0)).positions.size == 0


def test_points_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ShapeError, match="points of row 1"):
        clustered(np.array([[0.0], [np.nan]]), 1)


@pytest.mark.parametrize("width", [30, 130])
def test_centres_kept_while_some_move_are_those_found_anew(width: int) -> None:
    rng = np.random.default_rng(width)
    rows = np.ones((9000, width + 1), dtype=np.float32)
    rows[:, :-1] = rng.integers(0, 3, (9000, width))  # whole numbers: many distances are equal
    squared, centres = np.square(rows[:, :-1]).sum(axis=1), rows[:300, :-1].copy()
    compared = []
    found = Assigned(rows, squared, centres, None)
    for n_moved in (150, 40, 3, 0, 290, 20, 100):
        centres = centres.copy()
        centres[rng.permutation(300)[:n_moved]] = rows[rng.permutation(9000)[:n_moved], :-1]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_assigned, "nearest", counting(compared))
            found.move(centres)
        again = Assigned(rows, squared, centres, None)

        np.testing.assert_array_equal(found.assignment, again.assignment)
        np.testing.assert_array_equal(found.distances(), again.distances())
    assert sum(compared) < 4 * 9000 * 300  # seven passes over all would be more


def counting(compared: list[int]) -> Callable[..., Near]:
    def count(rows: np.ndarray, some: np.ndarray | None, centres: np.ndarray, *_: None) -> Near:
        compared.append((len(rows) if some is None else some.size) * len(centres))
        return nearest(rows, some, centres)

    return count


def test_iterations_are_those_of_the_plain_method() -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        points = (
            rng.normal(size=(2000, 30)) + 3 * rng.normal(size=(9, 30))[rng.integers(0, 9, 2000)]
        )
        if seed % 2:
            points = points[rng.integers(0, 400, 2000)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_assigned, "_WORTH_TERMS", np.inf)
            plain = clustered(points, 250, seed)
        clusters = clustered(points, 250, seed)

        np.testing.assert_array_equal(clusters.centres, plain.centres)
        np.testing.assert_array_equal(clusters.assignment, plain.assignment)
        assert clusters.n_iterations == plain.n_iterations
