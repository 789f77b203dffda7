"""CoreMSE and CoreLog."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from alscope.inputs import McProbs
from alscope.params import check_fields
from alscope.rng import generator
from alscope.strategies._expected_gain import ExpectedGainStrategy
from alscope.strategies.core_log import CoreLog
from alscope.strategies.core_mse import CoreMSE
from alscope.testing.fakes import make_pool, make_view, probs_of
from alscope.types import PoolView
from tests import oracles_gain as oracles

BOTH = pytest.mark.parametrize("cls", [CoreMSE, CoreLog])


def view_of(passes: np.ndarray, *, ids: np.ndarray | None = None) -> PoolView:
    """A pool with given passes, (n, n_samples, n_classes)."""
    n, n_samples, n_classes = passes.shape
    return make_view(
        [],
        n_pool=n,
        n_classes=n_classes,
        ids=None if ids is None else ids.tolist(),
        overrides={McProbs(n_samples=n_samples): probs_of(passes.swapaxes(0, 1))},
    )


def choice(strategy: ExpectedGainStrategy, view: PoolView, n: int, stream: int = 0) -> list[int]:
    return strategy.select(view, n, generator(stream), None).positions.tolist()


def two_facts() -> np.ndarray:
    """What the four networks disagree on: fact A (30 samples), fact B (10), or only themselves."""
    passes = np.full((60, 4, 2), 0.5)
    opinions = np.array([[0.9, 0.9, 0.1, 0.1], [0.9, 0.1, 0.9, 0.1]])
    passes[:30, :, 0], passes[30:40, :, 0] = opinions
    passes[:40, :, 1] = 1 - passes[:40, :, 0]
    return passes


@pytest.mark.slow
@BOTH
def test_the_whole_pool_is_ordered_by_expected_gain(cls: type[ExpectedGainStrategy]) -> None:
    score = "brier" if cls is CoreMSE else "log"
    for seed in range(200):
        passes = oracles.random_passes(seed)
        rows = oracles.gains(passes, np.arange(len(passes)), score=score).sum(axis=1)
        chosen = choice(cls(n_samples=passes.shape[1]), view_of(passes), 99)

        assert sorted(chosen) == list(range(len(passes)))
        assert (np.diff(rows[chosen]) <= 1e-5).all()


@BOTH
def test_a_label_that_informs_many_comes_before_shared_doubt(
    cls: type[ExpectedGainStrategy],
) -> None:
    # 20 samples are as uncertain as can be, but no label of theirs says anything about a network.
    strategy = cls(n_samples=4)

    assert choice(strategy, view_of(two_facts()), 1)[0] < 30
    assert max(choice(strategy, view_of(two_facts()), 8)) < 40


@BOTH
def test_a_batch_asks_about_different_facts(cls: type[ExpectedGainStrategy]) -> None:
    # By score alone, the 30 samples of fact A would fill the batch.
    for stream in range(5):
        chosen = choice(cls(n_samples=4, keep_ratio=0.7), view_of(two_facts()), 2, stream)

        assert sorted(position < 30 for position in chosen) == [False, True]


@BOTH
def test_a_planted_sample_is_found_wherever_it_stands(cls: type[ExpectedGainStrategy]) -> None:
    for position in (0, 17, 39):
        passes = np.full((40, 3, 2), 0.5)
        passes[position] = [[1, 0], [0, 1], [0.5, 0.5]]
        ids = 1_000_000 + np.random.default_rng(position).permutation(40)
        (chosen,) = choice(cls(n_samples=3), view_of(passes, ids=ids), 1)

        assert np.sort(ids)[chosen] == ids[position]


@BOTH
def test_passes_that_agree_leave_a_random_choice_and_a_warning(
    cls: type[ExpectedGainStrategy], caplog: pytest.LogCaptureFixture
) -> None:
    one = np.random.default_rng(0).dirichlet(np.ones(3), (40, 1))
    view = view_of(np.repeat(one, 10, axis=1))
    with caplog.at_level(logging.WARNING):
        chosen = choice(cls(), view, 5)

    assert chosen == np.argsort(view.tie_keys)[:5].tolist()
    assert "all passes agree" in caplog.text


@BOTH
def test_it_asks_for_as_many_passes_as_it_is_given(cls: type[ExpectedGainStrategy]) -> None:
    assert cls().needs() == (McProbs(n_samples=10),)
    assert cls(n_samples=20).needs() == (McProbs(n_samples=20),)
    assert len(list(check_fields(cls(n_samples=1, keep_ratio=1.5)))) == 2


@BOTH
def test_what_it_did_is_recorded(cls: type[ExpectedGainStrategy]) -> None:
    selection = cls().select(make_pool(cls(), n_pool=60).view(), 6, generator(0), None)

    assert selection.scores is None
    assert dict(selection.diagnostics) == {"n_candidates": 30, "n_filled": 0}


def test_the_estimation_pool_is_drawn_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = np.random.default_rng(1).dirichlet(np.ones(3), (50, 4))
    some = CoreLog(n_estimation=7).gains(passes, generator(0)).vectors(np.arange(50))
    monkeypatch.setattr("alscope.strategies.core_log._MAX_TERMS", 50 * 9 * 5)
    fewer = CoreLog(n_estimation=7).gains(passes, generator(0)).vectors(np.arange(50))

    assert some.shape == (50, 7)
    assert fewer.shape == (50, 5)
