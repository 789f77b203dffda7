"""The conformance suite finds the faults it is there to find."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from alscope.acquisition.ranking import top_k
from alscope.inputs import Input, Logits
from alscope.strategies._base import Strategy
from alscope.testing.strategies import StrategyConformance
from alscope.types import PoolView, Selection, State

SUITE = StrategyConformance()


@dataclass(frozen=True, kw_only=True)
class Top(Strategy):
    """The largest logit of class 0, with one fault at a time."""

    fault: str = ""

    def needs(self) -> tuple[Input, ...]:
        return (Logits(),)

    def select(
        self, view: PoolView, query_size: int, rng: np.random.Generator, state: State | None
    ) -> Selection:
        scores = view[Logits()][:, 0].astype(np.float64)
        k = min(query_size, view.n_pool)
        match self.fault:
            case "lowest first":
                return Selection(top_k(-scores, k, keys=view.tie_keys), scores)
            case "repeats":
                return Selection(np.zeros(k, dtype=np.int64))
            case "too few":
                return Selection(top_k(scores, k - 1, keys=view.tie_keys))
            case "wrong type":
                return Selection(top_k(scores, k, keys=view.tie_keys).astype(np.int32))
            case "sorts by itself":
                return Selection(np.argsort(-scores, kind="stable")[:k])
            case "head of the pool":
                return Selection(np.arange(k, dtype=np.int64))
            case "misses the last":
                scores[-1:] = -1e9
                return Selection(top_k(scores, k, keys=view.tie_keys))
            case "own randomness":
                return Selection(np.random.default_rng().permutation(view.n_pool)[:k])
        return Selection(top_k(scores, k, keys=view.tie_keys), scores)


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("lowest first", "test_scores_are_finite_and_the_highest_are_chosen"),
        ("sorts by itself", "test_equal_samples_are_ordered_by_key"),
        ("repeats", "test_duplicates_are_chosen_without_repeating_one"),
        ("too few", "test_chooses_exactly_as_many_as_asked_for"),
        ("wrong type", "test_chooses_exactly_as_many_as_asked_for"),
        ("head of the pool", "test_a_choice_that_is_not_drawn_follows_the_samples"),
        ("sorts by itself", "test_values_that_are_not_finite_are_refused"),
        ("misses the last", "test_the_first_choice_is_found_wherever_it_stands"),
        ("own randomness", "test_the_same_generator_gives_the_same_choice"),
    ],
)
def test_the_suite_refuses_a_faulty_strategy(fault: str, check: str) -> None:
    getattr(SUITE, check)(Top())

    with pytest.raises((AssertionError, pytest.fail.Exception)):
        getattr(SUITE, check)(Top(fault=fault))
