"""Every registered strategy keeps the contract."""

from __future__ import annotations

import inspect
import random

import numpy as np
import pytest
import torch

from alscope.params import params_of
from alscope.registry import strategies
from alscope.strategies._base import Strategy
from alscope.testing.strategies import StrategyConformance, choose


@pytest.fixture(params=strategies.names())
def strategy(request: pytest.FixtureRequest) -> Strategy:
    return strategies.get(request.param)()


class TestConformance(StrategyConformance):
    def test_the_global_generators_are_left_alone(self, strategy: Strategy) -> None:
        pool = self.make_pool(strategy)
        before = (
            random.getstate(),
            np.random.get_state()[1].tolist(),  # noqa: NPY002 - the state is what is protected
            torch.get_rng_state().tolist(),
        )
        choose(strategy, pool)
        after = (
            random.getstate(),
            np.random.get_state()[1].tolist(),  # noqa: NPY002
            torch.get_rng_state().tolist(),
        )

        assert after == before


def test_it_says_what_it_costs_and_which_values_the_paper_has(strategy: Strategy) -> None:
    text = inspect.getdoc(type(strategy)) or ""

    assert "Complexity:" in text
    assert [p.name for p in params_of(type(strategy)) if not p.paper or not p.help] == []


def test_the_strategies_of_the_foundation_are_registered() -> None:
    expected = {
        "random",
        "least_confidence",
        "margin",
        "entropy",
        "bald",
        "coreset",
        "badge",
    }

    assert expected <= set(strategies.names())
