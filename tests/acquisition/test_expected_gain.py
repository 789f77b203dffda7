from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import threadpoolctl

from alscope.acquisition.expected_gain import Gains, brier_gains, diverse_batch, log_gains
from alscope.errors import ShapeError
from alscope.rng import generator
from tests import oracles_gain as oracles

GainsOf = Callable[[np.ndarray], Gains]

CONTRADICTION = np.array([[[1.0, 0.0], [0.0, 1.0]]])
MILD = np.array([[[0.9, 0.1], [0.6, 0.4]]])


def log_of_all(passes: np.ndarray) -> Gains:
    return log_gains(passes, np.arange(len(passes)))


def batch(gains: Gains, n: int, keep_ratio: float = 0.5, stream: int = 0) -> list[int]:
    keys = np.random.default_rng(5).permutation(gains.scores.size).astype(np.uint64)
    found = diverse_batch(gains, n, keep_ratio=keep_ratio, keys=keys, rng=generator(stream))
    return found.positions.tolist()


def given(rows: np.ndarray) -> Gains:
    return Gains(rows.sum(axis=1), lambda positions: rows[positions])


def test_brier_gains_are_the_definition() -> None:
    for seed in range(200):
        passes = oracles.random_passes(seed)
        rows = oracles.gains(passes, np.arange(len(passes)), score="brier")
        gains = brier_gains(passes)
        vectors = gains.vectors(np.arange(len(passes)))

        np.testing.assert_allclose(gains.scores, rows.sum(axis=1), atol=1e-12)
        np.testing.assert_allclose(vectors @ vectors.T, rows @ rows.T, atol=1e-11)
        assert vectors.shape[1] <= passes.shape[1] * (passes.shape[1] - 1) // 2


def test_log_gains_are_the_definition() -> None:
    for seed in range(200):
        passes = oracles.random_passes(seed)
        columns = np.flatnonzero(np.random.default_rng(seed).random(len(passes)) < 0.6)
        rows = oracles.gains(passes, columns, score="log").reshape(len(passes), -1)
        gains = log_gains(passes, columns)

        np.testing.assert_allclose(gains.scores, rows.sum(axis=1), atol=1e-12)
        np.testing.assert_allclose(gains.vectors(np.arange(len(passes))), rows, atol=1e-12)


@pytest.mark.parametrize(
    ("passes", "brier", "log"),
    [(CONTRADICTION, 0.5, np.log(2)), (MILD, 0.0054, 0.0068953)],
)
def test_worked_examples(passes: np.ndarray, brier: float, log: float) -> None:
    assert brier_gains(passes).scores == pytest.approx([brier], abs=1e-12)
    assert log_of_all(passes).scores == pytest.approx([log], abs=1e-7)


def test_single_precision_is_close_to_the_definition_even_where_passes_nearly_agree() -> None:
    rng = np.random.default_rng(0)
    for spread in (1.0, 0.03):
        logits = rng.normal(size=(9, 1, 4)) + spread * rng.normal(size=(9, 5, 4))
        passes = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
        for score, gains_of in (("brier", brier_gains), ("log", log_of_all)):
            rows = oracles.gains(passes, np.arange(9), score=score)
            scores = gains_of(passes.astype(np.float32)).scores

            np.testing.assert_allclose(scores, rows.sum(axis=1), rtol=1e-3)


def test_single_precision_tells_passes_apart_that_hardly_differ() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(9, 1, 3)) + 1e-4 * rng.normal(size=(9, 5, 3))
    passes = (np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)).astype(np.float32)
    mean = passes.mean(axis=1, dtype=np.float64)
    moved = passes - mean[:, None]
    excess = np.einsum("xty,mtz->xymz", moved, moved) / 5
    rows = (excess**2 / mean[:, :, None, None] / mean).sum(axis=(1, 3)) / 2  # to second order

    np.testing.assert_allclose(log_of_all(passes).vectors(np.arange(9)), rows, rtol=1e-3)

    # Beside others that differ much.
    passes[::2] = rng.dirichlet(np.ones(3), (5, 5)).astype(np.float32)
    wide = oracles.gains(passes.astype(np.float64), np.arange(0, 9, 2), score="log")
    gains = log_gains(passes, np.arange(0, 9, 2))

    np.testing.assert_allclose(gains.scores, wide.sum(axis=1), rtol=1e-3)


def test_blocks_and_tiles_do_not_change_the_gains(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    passes = rng.dirichlet(np.ones(3), (90, 4))
    whole = [brier_gains(passes), log_of_all(passes)]
    monkeypatch.setattr("alscope.acquisition.expected_gain._BLOCK_ENTRIES", 100)
    monkeypatch.setattr("alscope.acquisition.expected_gain._TILE_ENTRIES", 50)
    some = rng.permutation(90)[:40]
    for one, other in zip(whole, [brier_gains(passes), log_of_all(passes)], strict=True):
        inner, others = one.vectors(some), other.vectors(some)

        np.testing.assert_allclose(other.scores, one.scores, rtol=1e-12)
        np.testing.assert_allclose(others @ others.T, inner @ inner.T, rtol=1e-9)


@pytest.mark.parametrize("gains_of", [brier_gains, log_of_all])
def test_the_order_of_passes_and_samples_is_irrelevant(gains_of: GainsOf) -> None:
    rng = np.random.default_rng(2)
    passes = rng.dirichlet(np.ones(4), (12, 5))
    order = rng.permutation(12)
    scores = gains_of(passes).scores

    np.testing.assert_allclose(gains_of(passes[:, rng.permutation(5)]).scores, scores, rtol=1e-12)
    np.testing.assert_allclose(gains_of(passes[order]).scores, scores[order], rtol=1e-12)


@pytest.mark.parametrize("n_classes", [3, 40])
def test_log_gains_are_the_same_on_any_number_of_threads(n_classes: int) -> None:
    passes = np.random.default_rng(0).dirichlet(np.ones(n_classes), size=(70, 4))
    found = []
    for n_threads in (1, 2, 4):
        with threadpoolctl.threadpool_limits(n_threads):
            found.append(log_of_all(passes).vectors(np.arange(len(passes))))

    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


def test_log_gains_are_symmetric() -> None:
    passes = np.random.default_rng(3).dirichlet(np.ones(3), (8, 4))
    rows = log_of_all(passes).vectors(np.arange(8))

    np.testing.assert_allclose(rows, rows.T, atol=1e-14)


@pytest.mark.parametrize("gains_of", [brier_gains, log_of_all])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_samples_on_which_passes_agree_gain_exactly_nothing(gains_of: GainsOf, dtype: type) -> None:
    passes = np.random.default_rng(4).dirichlet(np.ones(3), (8, 7)).astype(dtype)
    passes[2:5] = passes[2:5, :1]
    found = gains_of(passes)

    assert np.flatnonzero(found.scores == 0).tolist() == [2, 3, 4]
    assert not gains_of(passes[2:5]).scores.any()
    assert not found.vectors(np.array([2, 4])).any()


@pytest.mark.parametrize("gains_of", [brier_gains, log_of_all])
def test_equal_samples_have_equal_gains_to_the_last_bit(gains_of: GainsOf) -> None:
    one = np.random.default_rng(6).dirichlet(np.ones(10), 10).astype(np.float32)

    assert np.unique(gains_of(np.repeat(one[None], 41, axis=0)).scores).size == 1


@pytest.mark.parametrize("gains_of", [brier_gains, log_of_all])
def test_underflowing_probabilities_are_legal(gains_of: GainsOf) -> None:
    passes = np.array([[[1, 0, 0], [0, 1, 0]], [[1, 1e-42, 0], [1, 0, 0]]], dtype=np.float32)
    scores = gains_of(passes).scores

    assert np.isfinite(scores).all()
    assert scores[0] == pytest.approx(0.5 if gains_of is brier_gains else np.log(2))


@pytest.mark.parametrize("gains_of", [brier_gains, log_of_all])
def test_an_empty_pool_is_legal(gains_of: GainsOf) -> None:
    assert gains_of(np.empty((0, 3, 2))).scores.shape == (0,)


@pytest.mark.parametrize("gains_of", [brier_gains, log_of_all])
@pytest.mark.parametrize(
    ("passes", "message"),
    [
        (np.zeros((3, 2)), r"but \(n, n_samples, n_classes\)"),
        (np.ones((3, 1, 2)) / 2, "at least 2 passes"),
        (np.where(np.arange(9)[:, None, None] == 7, np.nan, np.ones((9, 2, 2)) / 2), "row 7 hold"),
        (np.ones((3, 2, 2)), "row 0 sum to 2"),
    ],
)
def test_what_are_no_passes_is_refused(gains_of: GainsOf, passes: np.ndarray, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        gains_of(passes)


def test_a_batch_takes_one_sample_of_every_direction() -> None:
    directions = np.eye(4)[np.arange(40) % 4]
    rows = directions * np.linspace(1, 2, 40)[:, None] + 0.01
    for stream in range(5):
        chosen = batch(given(rows), 4, keep_ratio=0.9, stream=stream)

        assert sorted(np.array(chosen) % 4) == [0, 1, 2, 3]
        assert chosen == sorted(chosen, key=lambda i: -rows[i].sum())


def test_a_batch_is_within_the_best_share() -> None:
    rows = np.random.default_rng(7).random((50, 6))
    for n, keep_ratio, size in ((5, 0.5, 25), (5, 0.0, 5), (30, 0.5, 30)):
        top = set(np.argsort(-rows.sum(axis=1))[:size].tolist())
        chosen = batch(given(rows), n, keep_ratio)

        assert len(set(chosen)) == n
        assert set(chosen) <= top


def test_coinciding_directions_are_filled_by_score() -> None:
    rows = np.outer(np.arange(1, 13), np.ones(1))
    keys = np.arange(12, dtype=np.uint64)
    found = diverse_batch(given(rows), 5, keep_ratio=1.0, keys=keys, rng=generator(0))

    assert np.unique(found.positions).size == 5
    assert found.n_candidates == 12
    assert found.n_filled == 4
    assert set(found.positions) >= {11, 10, 9, 8}


def test_samples_without_gain_come_last_and_by_key() -> None:
    rows = np.zeros((10, 2))
    rows[7] = 1, 0
    keys = np.arange(10, dtype=np.uint64)[::-1].copy()
    found = diverse_batch(given(rows), 4, keep_ratio=1.0, keys=keys, rng=generator(0))

    assert found.positions.tolist() == [7, 9, 8, 6]
    assert found.n_candidates == 0


def test_none_and_more_than_all_are_legal() -> None:
    rows = np.random.default_rng(8).random((6, 3))

    assert batch(given(rows), 0) == []
    assert batch(given(rows), -2) == []
    assert batch(given(rows), 9) == np.argsort(-rows.sum(axis=1)).tolist()
