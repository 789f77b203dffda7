from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from alscope.acquisition import uncertainty
from alscope.errors import ShapeError
from tests import oracles

Score = Callable[[np.ndarray], np.ndarray]

FROM_LOGITS = [uncertainty.least_confidence, uncertainty.margin, uncertainty.entropy]
FROM_PROBS = [
    uncertainty.least_confidence_of_probs,
    uncertainty.margin_of_probs,
    uncertainty.entropy_of_probs,
]
ORACLES = [oracles.least_confidence, oracles.margin, oracles.entropy]
NAMES = ["least_confidence", "margin", "entropy"]

LOGITS_AND_ORACLE = list(zip(FROM_LOGITS, ORACLES, strict=True))
PROBS_AND_ORACLE = list(zip(FROM_PROBS, ORACLES, strict=True))

# Three samples that the three scores rank in three different ways.
EXAMPLE_A = np.array([[0.50, 0.45, 0.05], [0.52, 0.24, 0.24], [0.505, 0.495, 0.0]])
ORDERS_A = list(zip(FROM_LOGITS, [[0, 2, 1], [2, 0, 1], [1, 0, 2]], strict=True))


def random_logits(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shape = (rng.integers(1, 61), rng.integers(2, 7))
    return (rng.normal(size=shape) * rng.choice([0.1, 1, 5])).astype(np.float32)


def logits_of(probs: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probs, 1e-300))


@pytest.mark.parametrize(("score", "oracle"), LOGITS_AND_ORACLE, ids=NAMES)
def test_scores_from_logits_are_the_definition(score: Score, oracle: Score) -> None:
    for seed in range(200):
        logits = random_logits(seed)
        scores = score(logits)
        expected = oracle(oracles.softmax(logits))

        if score is uncertainty.least_confidence:
            scores = np.exp(scores)
        np.testing.assert_allclose(scores, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("score", "oracle"), PROBS_AND_ORACLE, ids=NAMES)
def test_scores_from_probabilities_are_the_definition(score: Score, oracle: Score) -> None:
    for seed in range(200):
        probs = oracles.softmax(random_logits(seed))

        np.testing.assert_allclose(score(probs), oracle(probs), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("score", "order"), ORDERS_A, ids=NAMES)
def test_the_three_scores_rank_example_a_in_three_ways(score: Score, order: list[int]) -> None:
    assert np.argsort(-score(logits_of(EXAMPLE_A))).tolist() == order


def test_entropy_of_example_a_has_the_published_values() -> None:
    expected = [0.8557, 1.0251, 0.6931]

    assert uncertainty.entropy(logits_of(EXAMPLE_A)) == pytest.approx(expected, abs=1e-4)
    assert uncertainty.entropy_of_probs(EXAMPLE_A) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("score", FROM_LOGITS, ids=NAMES)
def test_a_constant_added_to_the_logits_of_a_row_changes_nothing(score: Score) -> None:
    logits = random_logits(3).astype(np.float64)

    np.testing.assert_allclose(score(logits + 1000), score(logits), atol=1e-9)


@pytest.mark.parametrize("score", FROM_LOGITS, ids=NAMES)
def test_the_order_of_classes_changes_nothing(score: Score) -> None:
    logits = random_logits(4)

    np.testing.assert_allclose(score(logits[:, ::-1]), score(logits), atol=1e-12)


def test_with_two_classes_all_scores_give_one_ranking() -> None:
    logits = np.random.default_rng(0).normal(size=(50, 2))
    orders = [np.argsort(-score(logits)).tolist() for score in FROM_LOGITS]

    assert orders[0] == orders[1] == orders[2]


@pytest.mark.parametrize("score", FROM_LOGITS, ids=NAMES)
def test_the_flattest_row_scores_highest_and_the_sharpest_lowest(score: Score) -> None:
    logits = np.array([[9.0, 0, 0], [0, 0, 0], [1, 0, 0], [2, 1, 0]])
    scores = score(logits)

    assert scores.argmax() == 1
    assert scores.argmin() == 0


def test_bounds_are_attained() -> None:
    flat, sharp = np.zeros((1, 7)), np.array([[400.0, -400, -400, -400, -400, -400, -400]])

    assert uncertainty.entropy(flat) == pytest.approx(np.log(7), abs=1e-12)
    assert uncertainty.least_confidence(flat) == pytest.approx(np.log(6 / 7), abs=1e-12)
    assert uncertainty.margin(flat) == 0
    assert uncertainty.entropy(sharp) == pytest.approx(0, abs=1e-300)
    assert uncertainty.margin(sharp) == -1


def test_one_hot_probabilities_have_exact_scores() -> None:
    onehot = np.eye(4)

    assert (uncertainty.entropy_of_probs(onehot) == 0).all()
    assert (uncertainty.least_confidence_of_probs(onehot) == 0).all()
    assert (uncertainty.margin_of_probs(onehot) == -1).all()


def test_least_confidence_ranks_where_the_top_probability_rounds_to_one() -> None:
    logits = np.array([[200.0, 0, 0], [5000, 0, 0], [190, 0, 0], [190, 0, -1]])
    scores = uncertainty.least_confidence(logits)

    assert np.argsort(-scores).tolist() == [2, 3, 0, 1]
    assert scores[1] == pytest.approx(np.log(2) - 5000)


def test_margin_is_exact_near_a_tie() -> None:
    logits = np.array([[0.0, 1e-12, -3e38], [0.0, 2e-12, -3e38]])

    assert uncertainty.margin(logits) == pytest.approx([-0.5e-12, -1e-12], rel=1e-3)


def test_a_tie_of_the_two_top_classes_beats_every_other_margin() -> None:
    scores = uncertainty.margin_of_probs(np.array([[0.45, 0.45, 0.10], [0.34, 0.33, 0.33]]))

    assert scores[0] == 0
    assert scores[0] > scores[1]


def test_one_class_makes_scores_constant() -> None:
    logits = np.array([[3.0], [-7.0]])

    assert uncertainty.least_confidence(logits).tolist() == [0, 0]
    assert uncertainty.margin(logits).tolist() == [-1, -1]
    assert uncertainty.entropy(logits).tolist() == [0, 0]
    assert uncertainty.margin_of_probs(np.ones((2, 1))).tolist() == [-1, -1]


@pytest.mark.parametrize("score", FROM_LOGITS, ids=NAMES)
def test_half_precision_logits_are_scored_in_full_precision(score: Score) -> None:
    logits = random_logits(5).astype(np.float16)

    assert score(logits).tolist() == score(logits.astype(np.float64)).tolist()


@pytest.mark.parametrize("score", FROM_LOGITS, ids=NAMES)
def test_blocks_do_not_change_scores(score: Score, monkeypatch: pytest.MonkeyPatch) -> None:
    logits = np.random.default_rng(1).normal(size=(101, 5))
    whole = score(logits).tolist()
    monkeypatch.setattr(uncertainty, "_BLOCK_CELLS", 35)

    assert score(logits).tolist() == whole


@pytest.mark.parametrize("score", FROM_LOGITS + FROM_PROBS)
def test_the_order_in_memory_does_not_change_scores_to_the_last_bit(
    score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uncertainty, "_BLOCK_CELLS", 44)  # blocks of 4, the last one of 1
    rng = np.random.default_rng(0)
    rows = oracles.softmax(rng.normal(size=(100, 11)))[np.r_[0:100, 0]]

    assert score(np.asfortranarray(rows)).tolist() == score(rows).tolist()
    assert score(np.asfortranarray(rows))[-1] == score(rows)[0]


@pytest.mark.parametrize("score", FROM_LOGITS, ids=NAMES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_row_that_is_not_finite_is_named(
    score: Score, value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uncertainty, "_BLOCK_CELLS", 30)
    logits = np.zeros((40, 3))
    logits[[23, 31], 1] = value

    with pytest.raises(ShapeError, match="logits of row 23 "):
        score(logits)


@pytest.mark.parametrize("score", FROM_PROBS, ids=NAMES)
@pytest.mark.parametrize("row", [[0.7, 0.7], [1.2, -0.2], [np.nan, 0.5]])
def test_rows_that_are_no_distribution_are_refused(score: Score, row: list[float]) -> None:
    with pytest.raises(ShapeError, match="row 1"):
        score(np.array([[0.5, 0.5], row]))


@pytest.mark.parametrize("score", FROM_LOGITS + FROM_PROBS)
@pytest.mark.parametrize("shape", [(4,), (4, 0), (2, 2, 2)])
def test_other_shapes_are_refused(score: Score, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="n_classes"):
        score(np.zeros(shape))


@pytest.mark.parametrize("score", FROM_LOGITS)
def test_large_finite_logits_are_legal(score: Score) -> None:
    # Their sum overflows; none of them does.
    assert np.isfinite(score(np.full((9, 3), 3e38, dtype=np.float32))).all()
    assert np.isfinite(score(np.full((9, 3), 1.5e308))).all()
