"""Heads and companions in a run: what they see, leave alone, and are charged for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from alscope.config import RunConfig, StrategySpec
from alscope.engine.control import StopToken
from alscope.engine.loop import make_strategy
from alscope.inputs import ContrastiveEncoder, Detector
from alscope.learn.protocols import LearnerContext
from alscope.store.writer import RunWriter
from alscope.types import RunState
from tests.engine.conftest import Bench, tiny_run

pytestmark = pytest.mark.slow

OPEN = {"setting": "open", "n_known": 6, "ood_ratio": 0.4, "initial": "random", "n_initial": 20}


def run_with(name: str, **params: Any) -> RunConfig:
    """An open-set run of a strategy with parameters."""
    return dataclasses.replace(
        tiny_run(name, **OPEN), strategy=StrategySpec(name=name, params=params)
    )


def rounds(bench: Bench, config: RunConfig) -> list[dict[str, Any]]:
    """What a finished run recorded."""
    assert bench.execute(config) is RunState.DONE
    return [event.data for event in bench.store.history(config.run_id).rounds]


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[LearnerContext]:
    """What companions were fitted on, in order."""
    seen: list[LearnerContext] = []
    for cls in (ContrastiveEncoder, Detector):

        def fit(self: Any, context: LearnerContext, original: Any = cls.fit) -> Any:
            seen.append(context)
            return original(self, context)

        monkeypatch.setattr(cls, "fit", fit)
    return seen


@pytest.mark.parametrize("name", ["lfosa", "ccal", "similar", "mqnet"])
def test_the_target_model_of_round_0_is_that_of_everyone(bench: Bench, name: str) -> None:
    first = rounds(bench, run_with(name))[0]
    other = rounds(bench, run_with("random"))[0]

    assert first["result"]["metrics"] == other["result"]["metrics"]
    assert first["timing"]["train_cached"] is False
    assert other["timing"]["train_cached"] is True


@pytest.mark.parametrize("name", ["learning_loss", "tidal"])
def test_a_detached_head_leaves_the_target_model_as_it_is(bench: Bench, name: str) -> None:
    plain = rounds(bench, run_with("random"))[0]["result"]["metrics"]

    assert rounds(bench, run_with(name, detached=True))[0]["result"]["metrics"] == plain
    assert rounds(bench, run_with(name))[0]["result"]["metrics"] != plain


def test_an_encoder_is_fitted_once_per_trial_and_shared(
    bench: Bench, fits: list[LearnerContext]
) -> None:
    for name in ("ccal", "mqnet"):
        for seed in (0, 1):
            bench.execute(dataclasses.replace(run_with(name, encoder="ssl:1"), seed=seed))

    assert len(fits) == 2 * 2  # without and with shifts, for each of two seeds
    assert all(context.labels.size == 0 for context in fits)
    assert {context.indices.size for context in fits} == {150}


def test_frozen_features_are_shared_by_all_trials_on_the_same_samples(
    bench: Bench, fits: list[LearnerContext]
) -> None:
    charged = [
        rounds(bench, dataclasses.replace(run_with("ccal"), seed=seed))[0]["timing"]["aux_s"]
        for seed in (0, 1)
    ]
    other = dataclasses.replace(run_with("ccal").scenario, vary_split=True)
    bench.execute(dataclasses.replace(run_with("ccal"), scenario=other, seed=1))

    assert len(fits) == 2
    assert min(charged) > 0.5 * max(charged) > 0


def test_only_the_first_query_is_charged_for_an_encoder(bench: Bench) -> None:
    first, second, _ = rounds(bench, run_with("ccal", encoder="ssl:1"))
    shared, *_ = rounds(bench, run_with("mqnet", encoder="ssl:1"))

    assert first["timing"]["aux_s"] > 0
    assert second["timing"]["aux_s"] < 0.1 * first["timing"]["aux_s"]
    assert second["timing"]["inference_s"] == 0
    # Found in the cache, charged all the same: alone it would have had to fit it.
    assert shared["timing"]["aux_s"] > 0.1 * first["timing"]["aux_s"]


def test_an_encoder_that_had_to_be_fitted_again_was_not_cached(
    make_bench: Callable[..., Bench],
) -> None:
    config = run_with("ccal", encoder="ssl:1")
    bench = make_bench("one", cached=False)
    bench.execute(config, StopAfterRounds(bench, config.run_id))
    # Another process, with nothing in memory.
    first, second, third = (
        data["timing"]["inputs_cached"] for data in rounds(make_bench("one", cached=False), config)
    )

    assert (first, second) == (False, False)
    assert third is False  # nothing is asked for in the last round


@pytest.mark.parametrize("name", ["ccal", "lfosa"])
def test_progress_never_falls_behind_the_evaluation(
    bench: Bench, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, float]] = []

    def publish(self: RunWriter, *, stage: str, round: int, fraction: float) -> None:
        if round == 0:
            seen.append((stage, fraction))

    monkeypatch.setattr(RunWriter, "progress", publish)
    bench.execute(run_with(name, **({"encoder": "ssl:1"} if name == "ccal" else {})))
    stages = [stage for stage, _ in seen]
    evaluated = len(stages) - 1 - stages[::-1].index("evaluate")

    assert set(stages[evaluated + 1 :]) == {"auxiliary", "infer", "select"}
    assert min(fraction for _, fraction in seen[evaluated:]) == seen[evaluated][1]


def test_whole_numbers_and_floats_fit_the_same_detector(bench: Bench) -> None:
    one, same = (rounds(bench, run_with("lfosa", temperature=value))[0] for value in (1, 1.0))

    assert one["result"] == same["result"]
    assert same["timing"]["inputs_cached"] is True


def test_later_rounds_ask_for_what_an_encoder_said_not_for_the_encoder(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    original = bench.resources.resolve

    def resolve(stage: Any, *, persist: bool) -> Any:
        asked.append(type(stage).__name__)
        return original(stage, persist=persist)

    monkeypatch.setattr(bench.resources, "resolve", resolve)
    rounds(bench, run_with("ccal"))
    second = asked.index("EvaluateStage", asked.index("EvaluateStage") + 1)

    assert "CompanionStage" in asked[:second]
    assert "CompanionStage" not in asked[second:]
    assert "CompanionOutputStage" in asked[second:]


def test_a_detector_is_fitted_anew_on_everything_annotated(
    bench: Bench, fits: list[LearnerContext]
) -> None:
    recorded = rounds(bench, run_with("lfosa"))

    annotated = [data["result"]["n_annotated"] for data in recorded[:-1]]
    unknown = [data["result"]["n_unknowns"] for data in recorded[:-1]]
    assert [context.indices.size for context in fits] == annotated
    assert [int((context.labels == 6).sum()) for context in fits] == unknown
    assert unknown[0] == 8
    assert all(context.labels.min() >= 0 for context in fits)


def test_what_was_fitted_is_recorded_in_words(bench: Bench) -> None:
    (encoder,) = rounds(bench, run_with("mqnet"))[0]["result"]["query"]["companions"]
    (detector,) = rounds(bench, run_with("lfosa"))[0]["result"]["query"]["companions"]

    assert encoder["encoder"] == "frozen: pixels"
    assert detector["name"] == "detector of unknown classes"
    assert "companions" not in rounds(bench, run_with("random"))[0]["result"]["query"]


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("ccal", {"encoder": "ssl:1", "n_views": 2}),
        ("mqnet", {"informativeness": "predicted_loss", "history": True}),
        ("learning_loss", {}),
        ("tidal", {"query": "margin"}),
        ("similar", {}),
        ("lfosa", {}),
    ],
)
def test_shared_equals_private(
    make_bench: Callable[..., Bench], name: str, params: dict[str, Any]
) -> None:
    config = run_with(name, **params)
    shared, private = make_bench("shared"), make_bench("private", cached=False)
    for other in ("random", "ccal", "mqnet", "lfosa"):
        shared.execute(run_with(other))
    for bench in (shared, private):
        assert bench.execute(config) is RunState.DONE

    assert shared.records(config) == private.records(config)


def test_a_run_that_learned_from_answers_goes_on_where_it_stopped(
    make_bench: Callable[..., Bench],
) -> None:
    config = run_with("mqnet", history=True, meta_input="rank")
    whole, parts = make_bench("whole"), make_bench("parts", cached=False)
    whole.execute(config)
    token = StopAfterRounds(parts, config.run_id)
    while parts.execute(config, token) is not RunState.DONE:
        token = StopAfterRounds(parts, config.run_id)

    assert parts.records(config) == whole.records(config)


class StopAfterRounds(StopToken):
    """Pauses as soon as one more round is recorded."""

    def __init__(self, bench: Bench, run_id: str) -> None:
        super().__init__()
        self._bench, self._run_id = bench, run_id
        self._before = self._count()

    def _count(self) -> int:
        if not self._bench.store.exists(self._run_id):
            return 0
        return len(self._bench.store.history(self._run_id).rounds)

    def check(self) -> None:
        """Called before every batch."""
        if self._count() > self._before:
            self.request("pause")
        super().check()


def test_a_strategy_without_any_known_label_fails_in_words(bench: Bench) -> None:
    config = dataclasses.replace(
        run_with("similar"),
        scenario=dataclasses.replace(run_with("similar").scenario, n_initial=0),
    )

    assert bench.execute(config) is RunState.FAILED
    assert "needs a labeled sample" in bench.store.history(config.run_id).error["message"]


def test_attachments_are_part_of_the_key_of_a_model(bench: Bench) -> None:
    losses = [
        make_strategy(StrategySpec(name="learning_loss", params={"weight": weight})).attachments()
        for weight in (1.0, 0.5)
    ]

    assert losses[0] != losses[1]
    assert np.unique([hash(one) for one in losses]).size == 2
