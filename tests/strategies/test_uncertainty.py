"""Least confidence, margin and entropy: each finds the doubt it is named for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from alscope.inputs import Forward, Logits
from alscope.rng import generator
from alscope.strategies._base import ScoreStrategy
from alscope.strategies.entropy import Entropy
from alscope.strategies.least_confidence import LeastConfidence
from alscope.strategies.margin import Margin
from alscope.testing.fakes import make_view
from alscope.types import PoolView
from tests import oracles

# Sure; a contest of two; flat over all; the least probable top class without being flat.
SITUATIONS = np.array(
    [
        [0.97, 0.01, 0.01, 0.01],
        [0.49, 0.48, 0.02, 0.01],
        [0.31, 0.23, 0.23, 0.23],
        [0.30, 0.27, 0.26, 0.17],
    ]
)


def view_of(probs: np.ndarray, seed: int = 0) -> PoolView:
    logits = np.log(probs).astype(np.float32)
    arrays = {"logits": logits, "embeddings": np.zeros((len(probs), 1), dtype=np.float32)}
    n_pool, n_classes = probs.shape
    return make_view(
        [], n_pool=n_pool, n_classes=n_classes, overrides={Forward(): arrays}, seed=seed
    )


@pytest.mark.parametrize(
    ("strategy", "favourite"), [(Margin(), 1), (Entropy(), 2), (LeastConfidence(), 3)]
)
def test_each_score_has_its_own_favourite(strategy: ScoreStrategy, favourite: int) -> None:
    selection = strategy.select(view_of(SITUATIONS), 4, generator(0), None)

    assert selection.positions[0] == favourite
    assert selection.positions[-1] == 0


@pytest.mark.parametrize(
    ("strategy", "definition"),
    [
        (Margin(), oracles.margin),
        (Entropy(), oracles.entropy),
        (LeastConfidence(), oracles.least_confidence),
    ],
)
def test_the_query_is_the_definition(
    strategy: ScoreStrategy, definition: Callable[[np.ndarray], np.ndarray]
) -> None:
    for seed in range(200):
        draws = np.random.default_rng(seed)
        n, n_classes = draws.integers(1, 40), draws.integers(2, 7)
        view = view_of(draws.dirichlet(np.ones(n_classes), n), seed=seed)
        expected = definition(oracles.softmax(view[Logits()]))
        found = strategy.select(view, 7, generator(0), None).positions

        assert found.tolist() == oracles.ranked(expected, 7, view.tie_keys)


def test_scores_of_least_confidence_are_logarithms() -> None:
    scores = LeastConfidence().scores(view_of(SITUATIONS))

    assert np.exp(scores) == pytest.approx(1 - SITUATIONS.max(axis=1), abs=1e-6)


def test_margin_scores_are_minus_the_gap_and_entropy_is_in_nats() -> None:
    view = view_of(SITUATIONS)

    assert Margin().scores(view) == pytest.approx([-0.96, -0.01, -0.08, -0.03], abs=1e-6)
    assert Entropy().scores(view)[2] == pytest.approx(
        -(0.31 * np.log(0.31) + 3 * 0.23 * np.log(0.23)), abs=1e-6
    )


@pytest.mark.parametrize("strategy", [Margin(), Entropy(), LeastConfidence()])
def test_copies_of_the_best_sample_are_all_queried(strategy: ScoreStrategy) -> None:
    # The definition: samples are scored one by one, and nothing is removed silently.
    probs = SITUATIONS[[0, 1, 0, 1, 0, 1]]
    selection = strategy.select(view_of(probs), 3, generator(0), None)

    assert set(selection.positions) == {1, 3, 5}
