from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import numpy as np
import pytest

from alscope.acquisition import _bounds, _near, _rows, balanced_cover
from alscope.acquisition.balanced_cover import balanced_k_center
from alscope.acquisition.cover import k_center_greedy
from alscope.errors import ShapeError
from alscope.rng import tie_keys
from tests import oracles_balance
from tests.tensors import on_tensors


@pytest.fixture(params=["plain", "lazy", "tensors"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Both forms of the algorithm; the lazy one with so few candidates that it must catch up.

    On tensors it is the lazy one, with rows on a device.
    """
    monkeypatch.setattr(balanced_cover, "_PLAIN_WORK", np.inf if request.param == "plain" else -1)
    monkeypatch.setattr(balanced_cover, "_CANDIDATES", 4)
    monkeypatch.setattr(_bounds, "_FIRST", 2)
    monkeypatch.setattr(_bounds, "_STEP", 3)
    monkeypatch.setattr(_near, "_AHEAD", 2)
    monkeypatch.setattr(_rows, "ROW_CHUNK", 7)
    device = on_tensors(monkeypatch) if request.param == "tensors" else nullcontext()
    with device:
        yield request.param


def keys_of(n: int, seed: int = 0) -> np.ndarray:
    return tie_keys(np.arange(n), seed=seed, round=0)


def instance(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
    rng = np.random.default_rng(seed)
    n, n_centres, n_classes = rng.integers(1, 40), rng.integers(0, 6), rng.integers(1, 7)
    points = rng.normal(size=(n, 3)).astype(np.float32)
    centres = rng.normal(size=(n_centres, 3)).astype(np.float32)
    probs = rng.dirichlet(np.full(n_classes, 0.5), n)
    return points, centres, probs, 3 * rng.random(n_classes), int(rng.integers(1, 12))


@pytest.mark.slow
def test_picks_are_the_definition(form: str) -> None:
    for seed in range(200):
        points, centres, probs, quotas, k = instance(seed)
        keys, weight = keys_of(len(points), seed), (0.1, 0.5, 5.0)[seed % 3]
        picks = balanced_k_center(
            points, centres, probs, k, quotas=quotas, weight=weight, keys=keys
        )
        expected = oracles_balance.coreset_cb_picks(
            points, centres, probs, k, wanted=quotas, weight=weight, keys=keys
        )

        assert picks.tolist() == expected


@pytest.mark.parametrize(("lam", "expected"), [(0.5, [0]), (5.0, [1])])
def test_example_g_weighs_the_far_point_against_the_missing_class(
    form: str, lam: float, expected: list[int]
) -> None:
    points, probs = np.array([[10.0], [9.0], [1.0]]), np.array([[1.0, 0], [0, 1], [0, 1]])
    quotas = np.array([0.0, 1.0])
    picks = balanced_k_center(
        points, np.zeros((1, 1)), probs, 1, quotas=quotas, weight=lam / 2, keys=keys_of(3)
    )

    assert picks.tolist() == expected


@pytest.mark.parametrize("reason", ["weight is 0", "no quota is reached", "all quotas are full"])
def test_a_class_term_that_is_constant_leaves_the_plain_cover(form: str, reason: str) -> None:
    for seed in range(20):
        points, centres, probs, quotas, k = instance(seed)
        wanted = {"no quota is reached": quotas + k, "all quotas are full": 0 * quotas}
        keys, weight = keys_of(len(points), seed), 0.0 if reason == "weight is 0" else 2.0
        picks = balanced_k_center(
            points, centres, probs, k, quotas=wanted.get(reason, quotas), weight=weight, keys=keys
        )

        assert picks.tolist() == k_center_greedy(points, centres, k, keys=keys).tolist()


def test_without_centres_the_first_pick_goes_by_class(form: str) -> None:
    points, probs = np.random.default_rng(0).normal(size=(12, 2)), np.eye(2)[np.arange(12) // 11]
    picks = balanced_k_center(
        points, points[:0], probs, 4, quotas=np.array([0.0, 9.0]), weight=100.0, keys=keys_of(12)
    )

    assert picks[0] == 11


def test_the_names_of_the_classes_do_not_matter(form: str) -> None:
    for seed in range(20):
        points, centres, probs, quotas, k = instance(seed)
        order, keys = np.random.default_rng(seed).permutation(quotas.size), keys_of(len(points))
        picks = balanced_k_center(points, centres, probs, k, quotas=quotas, weight=1.0, keys=keys)
        renamed = balanced_k_center(
            points, centres, probs[:, order], k, quotas=quotas[order], weight=1.0, keys=keys
        )

        assert renamed.tolist() == picks.tolist()


def test_duplicates_go_by_key_and_never_twice(form: str) -> None:
    points, keys = np.full((20, 6), 0.1, dtype=np.float32), keys_of(20)
    probs = np.full((20, 3), [0.2, 0.3, 0.5])
    picks = balanced_k_center(
        points, points[:1], probs, 20, quotas=np.ones(3), weight=1.0, keys=keys
    )

    assert picks.tolist() == np.argsort(keys).tolist()


@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_distances_keep_their_unit(form: str, unit: float) -> None:
    points, centres, probs, quotas, _ = instance(3)
    factor, keys = np.float32(unit), keys_of(len(points))
    picks = balanced_k_center(points, centres, probs, 9, quotas=quotas, weight=1.0, keys=keys)
    scaled = balanced_k_center(
        points * factor, centres * factor, probs, 9, quotas=quotas, weight=unit, keys=keys
    )

    assert scaled.tolist() == picks.tolist()


def test_both_forms_agree_on_a_pool_of_real_size(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    points = np.maximum(rng.normal(size=(3000, 16)), 0).astype(np.float32)
    probs, keys = rng.dirichlet(np.full(5, 0.3), 3000), keys_of(3000)

    def picks(plain_work: float) -> list[int]:
        monkeypatch.setattr(balanced_cover, "_PLAIN_WORK", plain_work)
        return balanced_k_center(
            points, points[:50] + 1, probs, 90, quotas=np.arange(5.0) * 9, weight=0.5, keys=keys
        ).tolist()

    assert picks(-1) == picks(np.inf)


def test_none_and_all_can_be_asked_for(form: str) -> None:
    points, centres, probs, quotas, _ = instance(4)

    def picks(k: int, n: int = len(points)) -> np.ndarray:
        return balanced_k_center(
            points[:n], centres, probs[:n], k, quotas=quotas, weight=1.0, keys=keys_of(n)
        )

    assert picks(0).tolist() == picks(-2).tolist() == picks(3, 0).tolist() == []
    assert picks(-2).dtype == np.int64
    assert sorted(picks(999)) == list(range(len(points)))


def test_arrays_that_do_not_fit_are_refused() -> None:
    points, probs, quotas = np.zeros((6, 2)), np.full((6, 2), 0.5), np.ones(2)

    def choose(points: np.ndarray, probs: np.ndarray) -> None:
        balanced_k_center(points, points, probs, 2, quotas=quotas, weight=1.0, keys=keys_of(6))

    with pytest.raises(ShapeError, match=r"probs have the shape \(5, 2\)"):
        choose(points, probs[:5])
    with pytest.raises(ShapeError, match="row 0 sum to 2"):
        choose(points, 2 * probs)
    with pytest.raises(ShapeError, match="embeddings of row 0 hold NaN"):
        choose(points * np.nan, probs)
