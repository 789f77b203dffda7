"""The five scores on dropout passes beside BALD: each finds what it is named for."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import numpy as np
import pytest

from alscope.inputs import Forward, McMoments
from alscope.params import check_fields
from alscope.registry import backbones, strategies
from alscope.rng import generator
from alscope.strategies._dropout import DropoutStrategy
from alscope.strategies.entropy_dropout import EntropyDropout
from alscope.strategies.least_confidence_dropout import LeastConfidenceDropout
from alscope.strategies.margin_dropout import MarginDropout
from alscope.strategies.mean_std import MeanSTD
from alscope.strategies.var_ratio import VarRatio
from alscope.testing.fakes import make_view, moments_of
from alscope.types import PoolView
from tests import oracles
from tests.learn.fakes import PLANE

FAMILY = (VarRatio, MeanSTD, MarginDropout, LeastConfidenceDropout, EntropyDropout)


def share_against_the_mode(passes: np.ndarray) -> np.ndarray:
    votes = passes.argmax(axis=2).T.tolist()
    return np.array([1 - max(map(one.count, one)) / len(one) for one in votes])


def mean_of_deviations(passes: np.ndarray) -> np.ndarray:
    return np.array(
        [np.mean([statistics.pstdev(c) for c in one.T]) for one in passes.transpose(1, 0, 2)]
    )


BETWEEN = {VarRatio: share_against_the_mode, MeanSTD: mean_of_deviations}
AVERAGED = {
    MarginDropout: oracles.margin,
    LeastConfidenceDropout: oracles.least_confidence,
    EntropyDropout: oracles.entropy,
}

# Two passes each: votes that contradict each other by little; the same vote with probabilities that
# vary much; a contest of two; flat over all; the least probable top class without being flat.
FIRST = [[0.51, 0.49, 0, 0], [0.99, 0.01, 0, 0]]
SECOND = [[0.40, 0.60, 0, 0], [0.51, 0.01, 0.24, 0.24]]
SHARED = [[0.49, 0.48, 0.02, 0.01], [0.31, 0.23, 0.23, 0.23], [0.30, 0.27, 0.26, 0.17]]
SITUATIONS = np.array([FIRST + SHARED, SECOND + SHARED])


def view_of(passes: np.ndarray) -> PoolView:
    _, n_pool, n_classes = passes.shape
    key = McMoments(n_samples=len(passes))
    return make_view([], n_pool=n_pool, n_classes=n_classes, overrides={key: moments_of(passes)})


def random_passes(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    n_samples, n, n_classes = rng.integers(2, 8), rng.integers(1, 61), rng.integers(2, 7)
    return rng.dirichlet(np.full(n_classes, rng.choice([0.1, 1.0])), (n_samples, n))


@pytest.mark.parametrize(
    ("cls", "favourite"),
    [
        (VarRatio, 0),
        (MeanSTD, 1),
        (MarginDropout, 2),
        (EntropyDropout, 3),
        (LeastConfidenceDropout, 4),
    ],
)
def test_each_score_has_its_favourite(cls: type[DropoutStrategy], favourite: int) -> None:
    selection = cls(n_samples=2).select(view_of(SITUATIONS), 1, generator(0), None)

    assert selection.positions[0] == favourite


@pytest.mark.parametrize(("cls", "oracle"), AVERAGED.items())
def test_the_score_is_that_of_the_averaged_prediction(
    cls: type[DropoutStrategy], oracle: Callable[[np.ndarray], np.ndarray]
) -> None:
    for seed in range(200):
        passes = random_passes(seed)
        scores = cls(n_samples=len(passes)).scores(view_of(passes))

        np.testing.assert_allclose(scores, oracle(passes.mean(axis=0)), atol=1e-12)


@pytest.mark.parametrize(("cls", "oracle"), BETWEEN.items())
def test_the_score_is_how_passes_differ(
    cls: type[DropoutStrategy], oracle: Callable[[np.ndarray], np.ndarray]
) -> None:
    for seed in range(200):
        passes = random_passes(seed)[:, :12]
        scores = cls(n_samples=len(passes)).scores(view_of(passes))

        np.testing.assert_allclose(scores, oracle(passes), atol=1e-9)


@pytest.mark.parametrize("cls", FAMILY)
def test_the_best_are_taken_in_the_order_of_score_and_key(cls: type[DropoutStrategy]) -> None:
    passes = random_passes(7)
    view = view_of(passes)
    selection = cls(n_samples=len(passes)).select(view, 9, generator(0), None)
    assert selection.scores is not None

    assert selection.positions.tolist() == oracles.ranked(selection.scores, 9, view.tie_keys)


def test_contradiction_and_shared_doubt_are_the_same_to_entropy_of_the_average() -> None:
    passes = np.array([[[1, 0], [0.9, 0.1], [0.5, 0.5]], [[0, 1], [0.1, 0.9], [0.5, 0.5]]])

    assert EntropyDropout(n_samples=2).scores(view_of(passes)) == pytest.approx([np.log(2)] * 3)


def test_the_entropy_of_the_average_is_at_least_the_average_entropy() -> None:
    for seed in range(30):
        passes = random_passes(seed)
        each = np.mean([oracles.entropy(one) for one in passes], axis=0)

        assert (EntropyDropout(n_samples=len(passes)).scores(view_of(passes)) >= each - 1e-12).all()


def test_divided_votes_are_not_low_confidence() -> None:
    # Sure passes that contradict each other against unsure passes that agree.
    divided = np.array([[0.6, 0.4, 0.0], [0.4, 0.6, 0.0]])
    agreed = np.array([[0.4, 0.3, 0.3], [0.4, 0.3, 0.3]])
    view = view_of(np.stack([divided, agreed], axis=1))

    assert VarRatio(n_samples=2).scores(view).tolist() == [0.5, 0]
    assert LeastConfidenceDropout(n_samples=2).scores(view).argmax() == 1


def test_a_unanimous_vote_is_chosen_from_by_key() -> None:
    passes = np.repeat(np.random.default_rng(1).dirichlet(np.ones(3), (1, 40)), 10, axis=0)
    view = view_of(passes)
    for strategy in (VarRatio(), MeanSTD()):
        chosen = strategy.select(view, 5, generator(0), None).positions

        assert chosen.tolist() == np.argsort(view.tie_keys)[:5].tolist()


@pytest.mark.parametrize(
    ("cls", "single"),
    [
        (MarginDropout, "margin"),
        (LeastConfidenceDropout, "least_confidence"),
        (EntropyDropout, "entropy"),
    ],
)
def test_equal_passes_give_the_order_of_the_single_prediction(
    cls: type[DropoutStrategy], single: str
) -> None:
    logits = np.random.default_rng(2).normal(size=(40, 4)).astype(np.float32)
    passes = np.repeat(oracles.softmax(logits)[None], 10, axis=0)
    forward = {"logits": logits, "embeddings": np.zeros((40, 1), dtype=np.float32)}
    overrides = {McMoments(): moments_of(passes), Forward(): forward}
    view = make_view([], n_pool=40, n_classes=4, overrides=overrides)
    base = strategies.get(single)()

    assert (
        cls().select(view, 12, generator(0), None).positions.tolist()
        == base.select(view, 12, generator(0), None).positions.tolist()
    )


@pytest.mark.parametrize("cls", FAMILY)
def test_it_asks_for_as_many_passes_as_it_is_given(cls: type[DropoutStrategy]) -> None:
    assert cls().needs() == (McMoments(n_samples=10),)
    assert cls(n_samples=20).needs() == (McMoments(n_samples=20),)
    assert len(list(check_fields(cls(n_samples=1)))) == 1


@pytest.mark.parametrize("cls", FAMILY)
def test_a_backbone_without_dropout_is_refused(cls: type[DropoutStrategy]) -> None:
    (key,) = cls().needs()

    mlp = backbones.get("mlp")

    assert "no stochastic layer" in key.problems(mlp(dropout=0.0), PLANE)[0]
    assert not key.problems(mlp(), PLANE)
