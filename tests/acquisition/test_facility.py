from __future__ import annotations

import itertools
import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest

from alscope.acquisition import _coverage, facility
from alscope.acquisition.facility import facility_greedy
from alscope.acquisition.gradient_kernel import GradientKernel, unit_gradients
from alscope.errors import ShapeError
from alscope.rng import tie_keys
from alscope.types import IntArray
from tests import oracles_similar


@dataclass
class Table:
    """Similarities that are simply there."""

    values: np.ndarray

    def block(self, rows: slice, columns: IntArray) -> np.ndarray:
        return self.values[rows][:, columns]

    def among(self, rows: IntArray) -> Table:
        return Table(self.values[rows])


@pytest.fixture(params=[0, *(pytest.param(n, marks=pytest.mark.slow) for n in (60, 10**6))])
def small_blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few samples make several blocks, bounds go stale, and pairs are held never, in time
    or from the start."""
    monkeypatch.setattr(_coverage, "_TILE", 5)
    monkeypatch.setattr(_coverage, "_MOST_PAIRS", request.param)
    monkeypatch.setattr(_coverage, "_PROBE_EVERY", 2)
    monkeypatch.setattr(facility, "_REFRESH", 2)
    monkeypatch.setattr(facility, "_MOST_RENEWED", 7)


def keys_of(n: int, seed: int = 0) -> np.ndarray:
    return tie_keys(np.arange(n), seed=seed, round=0)


def cosines(seed: int, n: int, n_query: int, n_private: int) -> tuple[np.ndarray, ...]:
    """Raw cosines: of the pool, and the largest to each of the other sets."""
    rows = np.random.default_rng(seed).normal(size=(n + n_query + n_private, 6))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    values = rows[:n] @ rows.T
    query = values[:, n : n + n_query].max(axis=1)
    return values[:, :n], query, values[:, n + n_query :].max(axis=1, initial=-1.0)


def shifted(values: np.ndarray) -> np.ndarray:
    return (1 + values) / 2


def instance(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    rng = np.random.default_rng(seed)
    n, n_query, n_private = rng.integers(1, 40), rng.integers(1, 6), rng.integers(0, 5)
    within, query, private = cosines(seed, n, n_query, n_private)
    eta, nu = ((1.0, 1.0), (1.5, 0.5), (0.8, 1.1))[seed % 3]
    k = int(rng.integers(1, max(2, min(n, 12))))
    return shifted(within), eta * shifted(query), nu * shifted(private), k


@pytest.mark.usefixtures("small_blocks")
def test_picks_are_those_of_plain_greedy() -> None:
    for seed in range(80):
        within, ceilings, floors, k = instance(seed)
        keys = keys_of(len(within), seed)
        found = facility_greedy(Table(within), ceilings, floors, k, keys=keys)
        if k == len(within):
            continue
        expected = oracles_similar.flcmi_picks(within, ceilings, floors, k, keys)
        value = oracles_similar.flcmi_value(expected, within, ceilings, floors)

        assert found.positions.tolist() == expected
        assert found.gains.sum() == pytest.approx(value, abs=1e-9)


@pytest.mark.usefixtures("small_blocks")
def test_gains_never_rise() -> None:
    for seed in range(30):
        within, ceilings, floors, _ = instance(seed)
        found = facility_greedy(Table(within), ceilings, floors, 8, keys=keys_of(len(within)))

        assert (np.diff(found.gains) <= 1e-12).all()
        assert (found.gains >= 0).all()


def test_what_is_chosen_is_near_the_best() -> None:
    for seed in range(20):
        within, query, private = (shifted(part) for part in cosines(seed, 10, 3, 2))
        best = max(
            oracles_similar.flcmi_value(batch, within, query, private)
            for batch in itertools.combinations(range(10), 3)
        )
        found = facility_greedy(Table(within), query, private, 3, keys=keys_of(10))

        assert found.gains.sum() >= (1 - 1 / np.e) * best


def test_shifting_all_similarities_changes_nothing() -> None:
    for seed in range(50):
        parts = cosines(seed, 40, 5, 4)
        raw, moved = (
            facility_greedy(Table(one[0]), one[1], one[2], 10, keys=keys_of(40))
            for one in (parts, [shifted(part) for part in parts])
        )

        assert raw.positions.tolist() == moved.positions.tolist()
        np.testing.assert_allclose(moved.gains, raw.gains / 2, atol=1e-12)


def test_rows_that_the_private_set_explains_do_not_count() -> None:
    within, query, private = (shifted(part) for part in cosines(0, 40, 5, 4))
    explained = np.flatnonzero(query <= private)
    other = within.copy()
    other[explained] = np.random.default_rng(1).random((explained.size, 40))
    picks = [
        facility_greedy(Table(one), query, private, 10, keys=keys_of(40)).positions.tolist()
        for one in (within, other)
    ]

    assert explained.size > 5
    assert picks[0] == picks[1]


def test_when_nothing_gains_the_rest_goes_by_margin() -> None:
    # Sample 0 is as similar to everybody as counts; the others add nothing.
    floors = np.array([0.0, 0.3, 0.1, 0.2])
    found = facility_greedy(Table(np.ones((4, 4))), np.full(4, 0.5), floors, 3, keys=keys_of(4, 3))

    assert found.gains.size == 1
    rest = [j for j in (0, 2, 3, 1) if j != found.positions[0]]
    assert found.positions[1:].tolist() == rest[:2]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_identical_samples_are_taken_by_key(dtype: type) -> None:
    rng = np.random.default_rng(0)
    logits, embeddings = np.tile(rng.normal(size=4), (37, 1)), np.tile(rng.normal(size=9), (37, 1))
    rows = unit_gradients(logits, embeddings, name="pool", dtype=dtype)
    ceilings, floors = np.full(37, 0.8, dtype), np.full(37, 0.2, dtype)
    for seed in range(5):
        keys = keys_of(37, seed)
        for kernel in (GradientKernel.of(rows), Table(np.ones((37, 37), dtype))):
            found = facility_greedy(kernel, ceilings, floors, 9, keys=keys)

            assert found.positions.tolist() == np.argsort(keys)[:9].tolist()


@pytest.mark.usefixtures("small_blocks")
def test_picks_follow_the_samples() -> None:
    within, query, private = (shifted(part) for part in cosines(0, 40, 5, 4))
    keys, order = keys_of(40), np.random.default_rng(1).permutation(40)
    picks = facility_greedy(Table(within), query, private, 15, keys=keys).positions
    moved = facility_greedy(
        Table(within[np.ix_(order, order)]), query[order], private[order], 15, keys=keys[order]
    ).positions

    assert order[moved].tolist() == picks.tolist()


@pytest.mark.usefixtures("small_blocks")
def test_single_precision_reaches_the_same_value() -> None:
    for seed in range(30):
        within, query, private = (shifted(part) for part in cosines(seed, 60, 5, 4))
        double, single = (
            facility_greedy(
                Table(within.astype(dtype)),
                query.astype(dtype),
                private.astype(dtype),
                10,
                keys=keys_of(60),
            )
            for dtype in (np.float64, np.float32)
        )
        values = [
            oracles_similar.flcmi_value(found.positions.tolist(), within, query, private)
            for found in (double, single)
        ]

        assert values[1] == pytest.approx(values[0], rel=1e-4)


def test_any_number_can_be_asked_for() -> None:
    within, query, private = (shifted(part) for part in cosines(0, 12, 3, 2))
    sizes = [
        facility_greedy(Table(within), query, private, k, keys=keys_of(12)).positions
        for k in (-1, 0, 1, 11, 12, 20)
    ]

    assert [np.unique(one).size for one in sizes] == [0, 0, 1, 11, 12, 12]
    assert sizes[4][0] == sizes[2][0]


def test_memory_is_far_below_that_of_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_coverage, "_MOST_PAIRS", 2**17)
    n = 4000
    rng = np.random.default_rng(0)
    logits, embeddings = rng.normal(size=(n, 4)), rng.normal(size=(n, 8))
    rows = unit_gradients(logits, embeddings, name="pool", dtype=np.float32)
    ceilings = rng.uniform(0.6, 0.9, n).astype(np.float32)
    tracemalloc.start()
    facility_greedy(GradientKernel.of(rows), ceilings, np.zeros_like(ceilings), 5, keys=keys_of(n))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < n * n * 4 / 4


def test_shapes_must_fit() -> None:
    with pytest.raises(ShapeError, match=r"floors \(3,\)"):
        facility_greedy(Table(np.ones((4, 4))), np.ones(4), np.ones(3), 2, keys=keys_of(4))
