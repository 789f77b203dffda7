"""The conformance suite of strategies, for ours and for plug-ins.

    class TestMine(StrategyConformance):
        @pytest.fixture
        def strategy(self) -> Strategy:
            return Mine()

A strategy that needs an input of its own overrides `make_pool` and passes its arrays.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Mapping

import numpy as np

from alscope import registry, rng
from alscope.config import ScenarioConfig
from alscope.errors import SelectionError, ShapeError
from alscope.hashing import digest
from alscope.inputs import (
    AttachmentOutput,
    DetectorForward,
    Forward,
    Input,
    McMoments,
    McProbs,
)
from alscope.params import check_fields
from alscope.strategies._base import Strategy
from alscope.testing.fakes import FakePool, make_pool, moments_of, probs_of, with_winner_at
from alscope.types import Arrays, Selection

__all__ = ["StrategyConformance", "choose", "chosen_ids"]

_N_POOL, _QUERY_SIZE = 40, 9


def choose(
    strategy: Strategy, pool: FakePool, query_size: int = _QUERY_SIZE, *, stream: int = 0
) -> Selection:
    """What a strategy selects in round 0, checked for count, type, range and repetition."""
    view = pool.view()
    selection = strategy.select(view, query_size, rng.generator(stream, "conformance"), None)
    positions = selection.positions
    assert positions.dtype == np.int64, f"positions are {positions.dtype}, not int64"
    assert positions.shape == (min(query_size, view.n_pool),), f"{positions.shape} positions"
    assert np.unique(positions).size == positions.size, f"a position comes twice: {positions}"
    assert ((positions >= 0) & (positions < view.n_pool)).all(), f"out of the pool: {positions}"
    return selection


def chosen_ids(
    strategy: Strategy, pool: FakePool, query_size: int = _QUERY_SIZE, *, stream: int = 0
) -> list[int]:
    """Sample ids of what a strategy selects, in order."""
    selection = choose(strategy, pool, query_size, stream=stream)
    ids: list[int] = pool.ids[selection.positions].tolist()
    return ids


class StrategyConformance:
    """What holds for every strategy; subclasses provide the fixture `strategy`."""

    def make_pool(
        self, strategy: Strategy, *, n_pool: int = _N_POOL, n_classes: int = 3, n_labeled: int = 8
    ) -> FakePool:
        """A pool with everything the strategy needs; unknowns only where there are labels."""
        return make_pool(
            strategy,
            n_pool=n_pool,
            n_classes=n_classes,
            n_labeled=n_labeled,
            n_unknowns=min(2, n_labeled),
        )

    def test_is_described_for_the_catalogue(self, strategy: Strategy) -> None:
        """Title, group, one sentence, references and deviations."""
        info = registry.strategies.info(strategy.key)
        text = inspect.getdoc(type(strategy)) or ""
        assert info["title"], "no title"
        assert info["group"], "no group"
        assert info["summary"].endswith("."), "the summary is no sentence"
        assert "References:" in text, "the docstring has no References"
        assert "Deviations:" in text, "the docstring has no Deviations"

    def test_has_a_digest_and_defaults_within_their_ranges(self, strategy: Strategy) -> None:
        """A strategy is a value: equal hyper-parameters make equal strategies."""
        assert not list(check_fields(strategy))
        assert digest(strategy) == digest(dataclasses.replace(strategy))
        assert strategy == dataclasses.replace(strategy)

    def test_chooses_exactly_as_many_as_asked_for(self, strategy: Strategy) -> None:
        """From none to more than there are."""
        pool = self.make_pool(strategy)
        for query_size in (0, 1, _QUERY_SIZE, _N_POOL - 1, _N_POOL, _N_POOL + 5):
            choose(strategy, pool, query_size)

    def test_an_empty_pool_and_a_pool_of_one_are_legal(self, strategy: Strategy) -> None:
        """Nothing to choose, no choice."""
        for n_pool in (0, 1):
            choose(strategy, self.make_pool(strategy, n_pool=n_pool), 3)

    def test_the_same_generator_gives_the_same_choice(self, strategy: Strategy) -> None:
        """Nothing else is random, and nothing is remembered between calls."""
        pool = self.make_pool(strategy)
        first = choose(strategy, pool, stream=1)
        choose(strategy, self.make_pool(strategy, n_pool=17), stream=2)
        again = choose(strategy, pool, stream=1)
        assert first.positions.tolist() == again.positions.tolist()
        assert dict(first.diagnostics) == dict(again.diagnostics)

    def test_inputs_are_left_unchanged(self, strategy: Strategy) -> None:
        """Arrays are shared with other strategies."""
        pool = self.make_pool(strategy)
        before = [digest(arrays) for arrays in pool.values.values()]
        choose(strategy, pool)
        assert [digest(arrays) for arrays in pool.values.values()] == before

    def test_the_order_of_the_data_set_is_irrelevant(self, strategy: Strategy) -> None:
        """Samples are handed over by ascending id, however they were stored."""
        pool = self.make_pool(strategy)
        pool = dataclasses.replace(pool, ids=5 + 3 * pool.ids)
        stored = pool.take(_shuffled(_N_POOL))
        assert chosen_ids(strategy, stored.sorted()) == chosen_ids(strategy, pool)

    def test_a_choice_that_is_not_drawn_follows_the_samples(self, strategy: Strategy) -> None:
        """Where a sample stands says nothing about it; only draws go by position."""
        pool = self.make_pool(strategy)
        choices = [chosen_ids(strategy, pool, stream=stream) for stream in range(5)]
        if all(choice == choices[0] for choice in choices):
            assert chosen_ids(strategy, pool.take(_shuffled(_N_POOL))) == choices[0]

    def test_the_first_choice_is_found_wherever_it_stands(self, strategy: Strategy) -> None:
        """At the head, in the middle and at the end; batches chosen as a whole have no first."""
        pool = self.make_pool(strategy)
        firsts = {
            chosen_ids(strategy, pool, query_size, stream=stream)[0]
            for query_size in (1, _QUERY_SIZE)
            for stream in range(5)
        }
        for position in (0, 1, _N_POOL // 2, _N_POOL - 1) if len(firsts) == 1 else ():
            moved = with_winner_at(pool, strategy, position)
            assert choose(strategy, moved).positions[0] == position

    def test_equal_samples_are_ordered_by_key(self, strategy: Strategy) -> None:
        """Never by position: pools are often sorted by class."""
        same = self.make_pool(strategy).repeated(np.full(_N_POOL, 3))
        for seed in range(3):
            pool = dataclasses.replace(same, seed=seed)
            expected = np.argsort(pool.view().tie_keys)[:_QUERY_SIZE]
            if len({tuple(chosen_ids(strategy, pool, stream=s)) for s in range(3)}) == 1:
                assert choose(strategy, pool).positions.tolist() == expected.tolist()

    def test_duplicates_are_chosen_without_repeating_one(self, strategy: Strategy) -> None:
        """Three different samples, many copies each."""
        pool = self.make_pool(strategy).repeated(np.arange(_N_POOL) % 3)
        for query_size in (2, 5, 10, _N_POOL):
            choose(strategy, pool, query_size)

    def test_scores_are_finite_and_the_highest_are_chosen(self, strategy: Strategy) -> None:
        """Higher = more worth labelling, best first."""
        selection = choose(strategy, self.make_pool(strategy))
        scores = selection.scores
        if scores is not None:
            assert scores.shape == (_N_POOL,)
            assert np.isfinite(scores).all()
            chosen = scores[selection.positions]
            assert (np.diff(chosen) <= 0).all(), "not best first"
            assert chosen[-1] >= np.delete(scores, selection.positions).max()

    def test_diagnostics_can_be_recorded(self, strategy: Strategy) -> None:
        """They go into the journal as JSON."""
        json.dumps(dict(choose(strategy, self.make_pool(strategy)).diagnostics), allow_nan=False)

    def test_values_that_are_not_finite_are_refused(self, strategy: Strategy) -> None:
        """They are never sorted; the message names the row."""
        pool = self.make_pool(strategy)
        for key in pool.values:
            for value in (np.nan, np.inf):
                _assert_refused(strategy, pool.with_values({key: _poisoned(pool, key, value)}))

    def test_saturated_predictions_are_legal(self, strategy: Strategy) -> None:
        """Logits of +-200: probabilities round to 0 and 1."""
        pool = self.make_pool(strategy)
        logits = np.where(np.eye(3)[np.arange(_N_POOL) % 3] > 0, 200, -200).astype(np.float32)
        saturated = pool.with_values(_with_logits(pool, logits))
        for query_size in (_QUERY_SIZE, _N_POOL):
            selection = choose(strategy, saturated, query_size)
            assert selection.scores is None or np.isfinite(selection.scores).all()

    def test_a_class_without_labels_or_predictions_is_legal(self, strategy: Strategy) -> None:
        """Every label is of class 0 and class 2 is never predicted."""
        pool = self.make_pool(strategy)
        logits = rng.generator(0, "logits").normal(size=(_N_POOL, 3)).astype(np.float32)
        logits[:, 2] = -200
        pool = pool.with_values(_with_logits(pool, logits))
        choose(strategy, dataclasses.replace(pool, labels=np.zeros_like(pool.labels)))

    def test_a_pool_without_any_label_is_legal_or_refused(self, strategy: Strategy) -> None:
        """The first round of a cold start: a choice, or the reason why there is none."""
        import pytest

        pool = self.make_pool(strategy, n_labeled=0)
        for query_size in (1, _QUERY_SIZE, _N_POOL):
            if strategy.needs_labels:
                with pytest.raises(SelectionError, match="needs a labeled sample"):
                    choose(strategy, pool, query_size)
            else:
                choose(strategy, pool, query_size)

    def test_a_cold_start_is_refused_before_the_run_where_it_is_undefined(
        self, strategy: Strategy
    ) -> None:
        """The plan asks this."""
        cold = ScenarioConfig(initial="random", n_initial=0)
        assert bool(strategy.problems(cold)) == strategy.needs_labels
        assert not strategy.problems(ScenarioConfig())

    def test_heads_that_are_read_are_declared(self, strategy: Strategy) -> None:
        """Otherwise nobody would train them."""
        read = {key.attachment for key in strategy.needs() if isinstance(key, AttachmentOutput)}
        assert read == set(strategy.attachments())

    def test_a_single_class_is_legal(self, strategy: Strategy) -> None:
        """Predictions say nothing then."""
        choose(strategy, self.make_pool(strategy, n_classes=1))


def _shuffled(n: int) -> np.ndarray:
    return rng.generator(0, "shuffled").permutation(n)


def _poisoned(pool: FakePool, key: Input, value: float) -> Arrays:
    poisoned = {}
    for name, array in pool.values[key].items():
        floats = np.issubdtype(array.dtype, np.floating)
        poisoned[name] = array.copy()
        if floats and array.size:
            poisoned[name][1] = value
    return poisoned


def _assert_refused(strategy: Strategy, pool: FakePool) -> None:
    import pytest

    with pytest.raises(ShapeError, match=r"(row|position) \d+"):
        choose(strategy, pool)


def _with_logits(pool: FakePool, logits: np.ndarray) -> Mapping[Input, Arrays]:
    values: dict[Input, Arrays] = {}
    for key, arrays in pool.values.items():
        if key.on == "pool" and isinstance(key, Forward):
            values[key] = {**arrays, "logits": logits}
        if key.on == "pool" and isinstance(key, DetectorForward):
            n_more = arrays["logits"].shape[1] - logits.shape[1]
            values[key] = {**arrays, "logits": np.pad(logits, ((0, 0), (0, n_more)))}
        if key.on == "pool" and isinstance(key, McMoments | McProbs):
            # Passes contradict each other: class c in one is class c + 1 in the next.
            raw = np.stack([np.roll(logits, t, axis=1) for t in range(key.n_samples)])
            exps = np.exp(raw.astype(np.float64) - raw.max(axis=2, keepdims=True))
            made = moments_of if isinstance(key, McMoments) else probs_of
            values[key] = made(exps / exps.sum(axis=2, keepdims=True))
    return values
