from __future__ import annotations

import numpy as np
import pytest

from alscope.inputs import McMoments
from alscope.params import check_fields
from alscope.rng import generator
from alscope.strategies.bald import BALD
from alscope.testing.fakes import make_pool, make_view, moments_of
from tests import oracles


def scores_of(passes: np.ndarray) -> np.ndarray:
    strategy = BALD(n_samples=len(passes))
    key = McMoments(n_samples=len(passes))
    view = make_view([], n_pool=passes.shape[1], overrides={key: moments_of(passes)})
    return strategy.scores(view)


def test_the_score_is_the_definition() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        n_samples, n, n_classes = rng.integers(2, 8), rng.integers(1, 30), rng.integers(2, 7)
        passes = rng.dirichlet(np.full(n_classes, rng.choice([0.1, 1.0])), (n_samples, n))

        np.testing.assert_allclose(
            scores_of(passes), oracles.mutual_information(passes), atol=2e-12
        )


def test_disagreement_comes_before_shared_doubt() -> None:
    # Confident contradiction, mild contradiction, and passes that all shrug.
    passes = np.array([[[1, 0], [0.9, 0.1], [0.5, 0.5]], [[0, 1], [0.1, 0.9], [0.5, 0.5]]])

    assert scores_of(passes) == pytest.approx([np.log(2), 0.368064, 0], abs=1e-5)


def test_its_choice_is_more_informative_than_the_pool() -> None:
    rng = np.random.default_rng(0)
    sharpness = rng.choice([0.1, 0.3, 1, 10], 200)
    passes = np.stack(
        [[rng.dirichlet(np.full(4, a)) for a in sharpness] for _ in range(10)]
    )  # (10, 200, 4)
    information = oracles.mutual_information(passes)
    view = make_view([], n_pool=200, overrides={McMoments(): moments_of(passes)})
    chosen = BALD().select(view, 20, generator(0), None).positions

    assert set(chosen) == set(np.argsort(-information)[:20])
    assert information[chosen].mean() > 1.5 * information.mean()


def test_it_asks_for_as_many_passes_as_it_is_given() -> None:
    assert BALD().needs() == (McMoments(n_samples=10),)
    assert BALD(n_samples=20).needs() == (McMoments(n_samples=20),)
    assert len(list(check_fields(BALD(n_samples=1)))) == 1


def test_a_network_whose_passes_are_equal_is_chosen_from_by_key() -> None:
    passes = np.repeat(np.random.default_rng(1).dirichlet(np.ones(3), (1, 40)), 10, axis=0)
    view = make_pool([], overrides={McMoments(): moments_of(passes)}).view()
    chosen = BALD().select(view, 5, generator(0), None).positions

    assert chosen.tolist() == np.argsort(view.tie_keys)[:5].tolist()
