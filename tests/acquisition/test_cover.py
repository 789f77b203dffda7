from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import nullcontext

import numpy as np
import pytest

from alscope.acquisition import _bounds, _distances, _near, _rows, cover
from alscope.acquisition.cover import k_center_greedy
from alscope.errors import ShapeError
from alscope.progress import listening
from alscope.rng import tie_keys
from tests import oracles
from tests.tensors import on_tensors


@pytest.fixture(params=["plain", "lazy", "tensors"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Both forms of the algorithm; the lazy one with so few candidates that it must catch up.

    On tensors it is the lazy one, with rows on a device.
    """
    monkeypatch.setattr(cover, "_PLAIN_WORK", np.inf if request.param == "plain" else -1)
    monkeypatch.setattr(cover, "_CANDIDATES", 4)
    monkeypatch.setattr(_bounds, "_FIRST", 2)
    monkeypatch.setattr(_bounds, "_STEP", 3)
    monkeypatch.setattr(_near, "_AHEAD", 2)
    monkeypatch.setattr(_rows, "ROW_CHUNK", 7)
    device = on_tensors(monkeypatch) if request.param == "tensors" else nullcontext()
    with device:
        yield request.param


def keys_of(n: int, seed: int = 0) -> np.ndarray:
    return tie_keys(np.arange(n), seed=seed, round=0)


def random_points(seed: int) -> tuple[np.ndarray, np.ndarray, int]:
    rng = np.random.default_rng(seed)
    n, n_centres, d = rng.integers(1, 61), rng.integers(0, 6), rng.integers(2, 9)
    points = rng.normal(size=(n, d)).astype(np.float32)
    return points, rng.normal(size=(n_centres, d)).astype(np.float32), int(rng.integers(1, 20))


def test_picks_are_the_definition(form: str) -> None:
    for seed in range(80):
        points, centres, k = random_points(seed)
        keys = keys_of(len(points), seed)
        picks = k_center_greedy(points, centres, k, keys=keys)

        assert picks.tolist() == oracles.k_center_picks(points, centres, k, keys)


def test_example_c_takes_10_then_6_then_2(form: str) -> None:
    points = np.array([[1.0], [2.0], [6.0], [10.0], [7.0]])

    assert k_center_greedy(points, np.zeros((1, 1)), 3, keys=keys_of(5)).tolist() == [3, 2, 1]


def test_without_centres_the_first_pick_goes_by_key(form: str) -> None:
    points, _, _ = random_points(8)
    for seed in range(5):
        keys = keys_of(len(points), seed)
        picks = k_center_greedy(points, points[:0], 3, keys=keys)

        assert picks[0] == keys.argmin()


def test_the_radius_is_at_most_twice_the_best(form: str) -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        points, centres = rng.normal(size=(9, 2)), rng.normal(size=(2, 2))
        picks = k_center_greedy(points, centres, 3, keys=keys_of(9))
        radius = oracles.cover_radius(points, np.vstack([centres, points[picks]]))

        assert radius <= 2 * oracles.best_radius(points, centres, 3) * (1 + 1e-6)


def test_rotating_scaling_and_shifting_all_points_changes_nothing(form: str) -> None:
    rng = np.random.default_rng(5)
    points, centres, keys = rng.normal(size=(60, 4)), rng.normal(size=(5, 4)), keys_of(60)
    rotation, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    picks = k_center_greedy(points, centres, 15, keys=keys)
    moved = k_center_greedy(3 * points @ rotation + 1, 3 * centres @ rotation + 1, 15, keys=keys)

    assert moved.tolist() == picks.tolist()


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_the_unit_of_the_embedding_does_not_matter(form: str, scale: float) -> None:
    points, centres, _ = random_points(3)
    keys = keys_of(len(points))
    factor = np.float32(scale)
    picks = k_center_greedy(points * factor, centres * factor, 10, keys=keys)

    assert picks.tolist() == k_center_greedy(points, centres, 10, keys=keys).tolist()


def test_points_far_from_the_origin_are_told_apart(form: str) -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(50, 8)).astype(np.float32) + np.float32(300)
    centres, keys = points[:2] + 1, keys_of(50)
    picks = k_center_greedy(points, centres, 20, keys=keys)

    assert picks.tolist() == oracles.k_center_picks(points, centres, 20, keys)


@pytest.mark.parametrize("n_apart", [0, 9])
def test_points_far_closer_to_each_other_than_to_the_origin_are_told_apart(
    form: str, n_apart: int
) -> None:
    # Whoever is somewhere else altogether must not move what distances are measured from.
    rng = np.random.default_rng(0)
    points = 1000 + 0.01 * rng.normal(size=(50, 8))
    points[rng.permutation(50)[:n_apart]] = 0
    points, keys = points.astype(np.float32), keys_of(50)
    picks = k_center_greedy(points, points[:2] + 1, 20, keys=keys)

    assert picks.tolist() == oracles.k_center_picks(points, points[:2] + 1, 20, keys)


def test_duplicates_come_after_every_other_point_and_by_key(form: str) -> None:
    base = np.random.default_rng(1).normal(size=(7, 64)).astype(np.float32) + np.float32(30)
    points, keys = base[np.arange(70) % 7], keys_of(70)
    picks = k_center_greedy(points, base[:0], 70, keys=keys)

    assert set(picks[:7] % 7) == set(range(7))
    assert sorted(picks.tolist()) == list(range(70))
    assert (np.diff(keys[picks[7:]].astype(object)) > 0).all()


def test_points_that_coincide_with_a_centre_go_by_key(form: str) -> None:
    points, keys = np.full((20, 6), 0.1, dtype=np.float32), keys_of(20)
    picks = k_center_greedy(points, points[:1], 20, keys=keys)

    assert picks.tolist() == np.argsort(keys).tolist()


def test_equal_distances_are_ordered_by_key(form: str) -> None:
    # Corners of a cube are nearer to its middle than to each other, and all equally near.
    corners = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)], dtype=float)
    for seed in range(8):
        keys = keys_of(8, seed)
        picks = k_center_greedy(corners, np.zeros((1, 3)), 8, keys=keys)

        assert picks.tolist() == np.argsort(keys).tolist()


def test_both_forms_agree_on_a_pool_of_real_size(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    points = np.maximum(rng.normal(size=(3000, 16)), 0).astype(np.float32)
    centres, keys = points[:50] + np.float32(0.1), keys_of(3000)
    monkeypatch.setattr(cover, "_PLAIN_WORK", np.inf)
    plain = k_center_greedy(points, centres, 120, keys=keys)
    monkeypatch.setattr(cover, "_PLAIN_WORK", -1)

    assert k_center_greedy(points, centres, 120, keys=keys).tolist() == plain.tolist()


def test_none_and_all_can_be_asked_for(form: str) -> None:
    points, centres, _ = random_points(4)
    keys = keys_of(len(points))

    assert k_center_greedy(points, centres, 0, keys=keys).tolist() == []
    assert k_center_greedy(points, centres, -2, keys=keys).dtype == np.int64
    assert k_center_greedy(points[:0], centres, 3, keys=keys[:0]).tolist() == []
    assert sorted(k_center_greedy(points, centres, 999, keys=keys)) == list(range(len(points)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_rows_that_are_not_finite_are_named(value: float) -> None:
    points = np.zeros((6, 2))
    wrong = points.copy()
    wrong[4, 1] = value

    with pytest.raises(ShapeError, match=r"^embeddings of row 4 "):
        k_center_greedy(wrong, points, 2, keys=keys_of(6))
    with pytest.raises(ShapeError, match=r"^centre embeddings of row 4 "):
        k_center_greedy(points, wrong, 2, keys=keys_of(6))


def test_arrays_that_do_not_fit_are_refused() -> None:
    points = np.zeros((6, 2))

    with pytest.raises(ShapeError, match="2 features but the centres have 3"):
        k_center_greedy(points, np.zeros((1, 3)), 2, keys=keys_of(6))
    with pytest.raises(ShapeError, match="6 embeddings but 5 keys"):
        k_center_greedy(points, points, 2, keys=keys_of(5))
    with pytest.raises(ShapeError, match="one row per sample"):
        k_center_greedy(points[0], points, 2, keys=keys_of(2))


def test_one_copy_of_the_pool_is_held() -> None:
    n = 40_000
    points = np.random.default_rng(0).normal(size=(n, 64)).astype(np.float32)
    tracemalloc.start()
    cover._lazy(points, points[:5], 20, keys_of(n), n_candidates=64)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 1.6 * points.nbytes


@pytest.mark.parametrize("kind", ["duplicates", "duplicates, few centres", "whole numbers"])
def test_equally_far_points_go_by_key_in_a_pool_of_real_size(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # They are compared with centres in groups of many sizes, and must not differ by rounding.
    rng, n = np.random.default_rng(3), 8000
    points = rng.normal(size=(180, 48)).astype(np.float32)
    if kind == "whole numbers":
        points = rng.integers(0, 2, size=(n, 48)).astype(np.float32)
    centres = points[: 3 if "few" in kind else 30]
    points, keys = points[30:][np.arange(n - 30) % 150], keys_of(n - 30)
    monkeypatch.setattr(cover, "_PLAIN_WORK", np.inf)
    plain = k_center_greedy(points, centres, 200, keys=keys)
    monkeypatch.setattr(cover, "_PLAIN_WORK", -1)

    assert k_center_greedy(points, centres, 200, keys=keys).tolist() == plain.tolist()


def test_few_rows_are_compared_with_all_centres(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    middles = rng.normal(size=(20, 32))
    points, centres = (
        (middles[rng.integers(0, 20, n)] + 0.1 * rng.normal(size=(n, 32))).astype(np.float32)
        for n in (20_000, 2000)
    )
    n_pairs = 0

    def counting(rows: np.ndarray, squared: np.ndarray, some: _distances.Centres, **room) -> object:
        nonlocal n_pairs
        n_pairs += len(rows) * len(some.points)
        return _distances.least(rows, squared, some, **room)

    monkeypatch.setattr(_bounds, "least", counting)
    k_center_greedy(points, centres, 100, keys=keys_of(20_000))

    assert n_pairs < 0.4 * 20_000 * 2000


def test_progress_is_reported_while_all_rows_are_looked_at() -> None:
    points = np.random.default_rng(5).normal(size=(20_000, 16)).astype(np.float32)
    heard: list[float] = []
    with listening(heard.append):
        k_center_greedy(points, points[:300], 50, keys=keys_of(20_000))

    assert sum(0 < fraction <= 0.5 for fraction in heard) > 30
    assert heard[-1] == 1
