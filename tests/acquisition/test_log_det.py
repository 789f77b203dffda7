from __future__ import annotations

import tracemalloc
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

from alscope.acquisition import _factor, log_det
from alscope.acquisition._greedy import Greedy
from alscope.acquisition.log_det import Blocks, log_det_greedy, weighted
from alscope.errors import ShapeError
from alscope.rng import tie_keys
from alscope.types import IntArray
from tests import oracles_similar
from tests.oracles_similar import log_det_kernel, log_det_value


@dataclass
class Table:
    """Similarities that are simply there."""

    values: np.ndarray

    def block(self, rows: slice, columns: IntArray) -> np.ndarray:
        return self.values[rows][:, columns]

    def among(self, rows: IntArray) -> Table:
        return Table(self.values[rows])


@dataclass
class Products:
    """Inner products of vectors."""

    columns: np.ndarray
    rows: np.ndarray | None = None

    def block(self, rows: slice, columns: IntArray) -> np.ndarray:
        these = self.columns if self.rows is None else self.rows
        return these[rows] @ self.columns[columns].T

    def among(self, rows: IntArray) -> Products:
        return Products(self.columns, self.columns[rows])


@pytest.fixture(autouse=True)
def several_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even small pools take more than one, and have samples that no guess considers."""
    monkeypatch.setattr(log_det, "CHUNK", 7)
    monkeypatch.setattr(_factor, "CHUNK", 7)
    monkeypatch.setattr(_factor, "_COLUMN_BLOCK", 4)
    monkeypatch.setattr(log_det, "_LEADERS", 2)
    monkeypatch.setattr(log_det, "_CANDIDATES", 3)
    monkeypatch.setattr(log_det, "_AHEAD", 2)


def keys_of(n: int, seed: int = 0) -> np.ndarray:
    return tie_keys(np.arange(n), seed=seed, round=0)


def kernel_of(seed: int, size: int) -> np.ndarray:
    return oracles_similar.kernel(np.random.default_rng(seed).normal(size=(size, 6)))


def blocks_of(whole: np.ndarray, n: int, n_query: int) -> Blocks:
    pool, query, private = slice(n), slice(n, n + n_query), slice(n + n_query, None)
    return Blocks(
        whole[pool, query],
        whole[pool, private],
        whole[query, query],
        whole[private, private],
        whole[query, private],
    )


def choose(
    whole: np.ndarray,
    n: int,
    n_query: int,
    k: int,
    *,
    ridge: float = 1.0,
    eta: float = 1.0,
    nu: float = 1.0,
    keys: np.ndarray | None = None,
) -> Greedy:
    return log_det_greedy(
        Table(whole[:n, :n]),
        np.diag(whole)[:n],
        weighted(blocks_of(whole, n, n_query), eta=eta, nu=nu),
        k,
        ridge=ridge,
        keys=keys_of(n) if keys is None else keys,
    )


@pytest.mark.slow
def test_picks_are_those_of_plain_greedy() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        n, n_query, n_private = rng.integers(5, 24), rng.integers(1, 6), seed % 5
        whole = kernel_of(seed, n + n_query + n_private)
        ridge = (1.0, 0.1, 3.0)[seed % 3]
        eta, nu = ((1.0, 1.0), (0.7, 0.7), (1.0, 0.4), (0.5, 0.9))[seed % 4]
        scaled = log_det_kernel(whole, n, n_query, eta=eta, nu=nu)
        query, private = range(n, n + n_query), range(n + n_query, len(whole))

        value = partial(log_det_value, whole=scaled, query=query, private=private, ridge=ridge)
        keys = keys_of(n, seed)
        found = choose(whole, n, n_query, 4, ridge=ridge, eta=eta, nu=nu, keys=keys)
        values = [value(found.positions[: i + 1].tolist()) for i in range(4)]

        assert found.positions.tolist() == oracles_similar.greedy(value, n, 4, keys)
        np.testing.assert_allclose(np.cumsum(found.gains), values, atol=1e-9)


def test_what_was_taken_can_raise_the_gain_of_others() -> None:
    # The query is half way between two samples that have nothing in common; lazy greedy would take
    # the first gain of the second for a bound. The third has nothing to do with any.
    rows = np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0], [0.5**0.5, 0.5**0.5, 0]])
    for ridge, expected in ((1.0, (0.1335, 0.1542)), (0.1, (0.53, 1.22))):
        found = choose(rows @ rows.T, 3, 1, 2, ridge=ridge)

        assert set(found.positions) == {0, 1}
        np.testing.assert_allclose(found.gains, expected, atol=5e-3)


def test_samples_that_the_private_set_explains_come_last() -> None:
    # Two like the query set, two like the private set, two like nobody.
    axes = np.eye(3)
    rows = np.concatenate([axes.repeat(2, axis=0), axes[[0, 0]], axes[[1, 1]]])
    found = choose(rows @ rows.T, 6, 2, 5)

    assert set(found.positions[:2]) == {0, 1}
    np.testing.assert_allclose(found.gains[2:], 0.0, atol=1e-12)


def test_without_any_query_set_nobody_gains() -> None:
    whole = kernel_of(0, 12)
    keys = keys_of(10)
    found = choose(whole, 10, 0, 6, keys=keys)

    assert found.positions.tolist() == np.argsort(keys)[:6].tolist()
    np.testing.assert_allclose(found.gains, 0.0, atol=1e-12)


def test_weights_keep_the_kernel_positive_semidefinite() -> None:
    n, m = 30, 60
    for seed in range(20):
        rng = np.random.default_rng(seed)
        whole, (eta, nu) = kernel_of(seed, n + 2 * m), rng.random(2)
        blocks = weighted(blocks_of(whole, n, m), eta=eta, nu=nu)
        pool = np.concatenate([whole[:n, :n], blocks.pool_query, blocks.pool_private], axis=1)
        others = np.block(
            [
                [blocks.query_query, blocks.query_private],
                [blocks.query_private.T, blocks.private_private],
            ]
        )
        joined = np.concatenate([pool, np.concatenate([pool[:, n:].T, others], axis=1)])

        assert np.linalg.eigvalsh(joined).min() > -1e-9


def test_weighting_the_pool_alone_makes_variances_negative() -> None:
    # Why the block between query and private set is weighted as well.
    n, m = 30, 60
    joined = kernel_of(0, n + 2 * m)
    joined[:n, n + m :] *= 0.5
    joined[n + m :, :n] *= 0.5

    assert np.linalg.eigvalsh(joined).min() + 1.0 < 0


def test_equal_weights_leave_query_and_private_set_alone() -> None:
    blocks = blocks_of(kernel_of(0, 20), 10, 6)

    np.testing.assert_allclose(
        weighted(blocks, eta=0.3, nu=0.3).query_private, blocks.query_private
    )


@pytest.mark.parametrize("name", ["eta", "nu"])
def test_weights_above_one_are_refused(name: str) -> None:
    blocks = blocks_of(kernel_of(0, 20), 10, 6)
    with pytest.raises(ShapeError, match=f"{name} is 1.5"):
        weighted(blocks, **{"eta": 1.0, "nu": 1.0, name: 1.5})


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_identical_samples_are_taken_by_key(dtype: type) -> None:
    rows = np.random.default_rng(0).normal(size=(9, 6))
    whole = oracles_similar.kernel(np.concatenate([np.tile(rows[0], (37, 1)), rows[1:]]))
    for seed in range(5):
        keys = keys_of(37, seed)
        found = choose(whole.astype(dtype), 37, 5, 9, keys=keys)

        assert found.positions.tolist() == np.argsort(keys)[:9].tolist()


def test_picks_follow_the_samples() -> None:
    whole = kernel_of(0, 50)
    keys, order = keys_of(40), np.random.default_rng(1).permutation(40)
    moved = np.concatenate([order, np.arange(40, 50)])
    picks = choose(whole, 40, 6, 15, keys=keys).positions
    again = choose(whole[np.ix_(moved, moved)], 40, 6, 15, keys=keys[order]).positions

    assert order[again].tolist() == picks.tolist()


def test_single_precision_reaches_the_same_information() -> None:
    for seed in range(30):
        whole = kernel_of(seed, 60)
        double, single = (choose(whole.astype(d), 50, 6, 12) for d in (np.float64, np.float32))
        values = [
            log_det_value(found.positions.tolist(), whole, range(50, 56), range(56, 60), 1.0)
            for found in (double, single)
        ]

        assert values[1] == pytest.approx(values[0], rel=1e-4)
        np.testing.assert_allclose(single.gains.sum(), values[1], rtol=1e-4)


def test_any_number_can_be_asked_for() -> None:
    whole = kernel_of(0, 20)
    sizes = [choose(whole, 12, 4, k).positions for k in (-1, 0, 1, 11, 12, 20)]

    assert [np.unique(one).size for one in sizes] == [0, 0, 1, 11, 12, 12]
    assert sizes[4][0] == sizes[2][0]
    assert choose(whole[12:, 12:], 0, 4, 3).positions.size == 0


@pytest.mark.slow
def test_memory_follows_the_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_det, "CHUNK", 256)
    monkeypatch.setattr(_factor, "CHUNK", 256)
    n, n_query, n_private, k = 4000, 40, 30, 60
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(n + n_query + n_private, 5)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    others = rows[n:] @ rows.T
    whole = np.concatenate([np.zeros((n, n + n_query + n_private), np.float32), others])
    whole[:n, n:] = others[:, :n].T
    blocks = blocks_of(whole, n, n_query)
    tracemalloc.start()
    log_det_greedy(Products(rows[:n]), np.ones(n), blocks, k, ridge=1.0, keys=keys_of(n))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 1.2 * 4 * n * (n_private + n_query + 2 * k + 2 * min(k, log_det._MOST_AHEAD))


def test_shapes_must_fit() -> None:
    whole = kernel_of(0, 20)
    blocks = blocks_of(whole, 12, 5)._replace(query_private=np.ones((4, 3)))
    with pytest.raises(ShapeError, match=r"query_private has the shape \(4, 3\), not \(5, 3\)"):
        log_det_greedy(Table(whole[:12, :12]), np.ones(12), blocks, 3, ridge=1.0, keys=keys_of(12))
    with pytest.raises(ShapeError, match=r"the diagonal has the shape \(11,\)"):
        log_det_greedy(
            Table(whole[:12, :12]),
            np.ones(11),
            blocks_of(whole, 12, 5),
            3,
            ridge=1.0,
            keys=keys_of(12),
        )
