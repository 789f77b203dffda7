"""Runs that take turns: the same records as alone, whatever happens to one of them."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from typing import Any

import pytest

from alscope.config import RunConfig
from alscope.engine.control import RunControl, StopToken
from alscope.engine.loop import _Trial
from alscope.engine.resources import Resources
from alscope.engine.stages import EvaluateStage
from alscope.engine.turns import execute_in_turns
from alscope.errors import StoreError
from alscope.learn._head_step import HeadStep
from alscope.types import RunState
from tests.engine.conftest import Bench
from tests.engine.test_encoding import frozen_run

Ends = dict[str, tuple[RunState | None, str]]


def head_run(strategy: str, seed: int, **scenario: Any) -> RunConfig:
    """A run whose trainings succeed at the first attempt."""
    run = frozen_run(strategy, seed, **scenario)
    return dataclasses.replace(run, train=dataclasses.replace(run.train, min_steps=40, lr=0.05))


def in_turns(
    bench: Bench,
    configs: list[RunConfig],
    tokens: dict[str, StopToken] | None = None,
    *,
    survives: bool = True,
    **given: Any,
) -> Ends:
    """Execute runs that take turns; how each ended."""
    for config in configs:
        bench.store.create(config)
    ends: Ends = {}

    def ended(run_id: str, state: RunState | None, note: str) -> bool:
        ends[run_id] = (state, note)
        return state is not RunState.FAILED or survives

    tokens = tokens or {config.run_id: StopToken() for config in configs}
    execute_in_turns(bench.store, tokens, lambda: bench.resources, ended, **given)
    return ends


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many heads shared each training step."""
    seen: list[int] = []
    step = HeadStep.__call__

    def counting(self: HeadStep, rows: Any, generators: Any) -> Any:
        seen.append(len(rows))
        return step(self, rows, generators)

    monkeypatch.setattr(HeadStep, "__call__", counting)
    return seen


@pytest.fixture
def alone(make_bench: Callable[..., Bench]) -> Callable[[RunConfig], bytes]:
    """The records of a run that is executed by itself."""
    bench = make_bench("alone", cached=False)

    def records(config: RunConfig) -> bytes:
        assert bench.execute(config) is RunState.DONE
        return bench.records(config)

    return records


@pytest.mark.parametrize(
    ("strategy", "cached"),
    [
        ("margin", True),
        pytest.param("margin", False, marks=pytest.mark.slow),
        pytest.param("badge", True, marks=pytest.mark.slow),
        pytest.param("learning_loss", True, marks=pytest.mark.slow),
    ],
)
def test_the_records_are_those_of_each_run_alone(
    strategy: str,
    cached: bool,
    make_bench: Callable[..., Bench],
    alone: Callable[[RunConfig], bytes],
    sizes: list[int],
) -> None:
    bench = make_bench("turns", cached=cached)
    configs = [head_run(strategy, seed) for seed in range(3)]
    ends = in_turns(bench, configs)

    assert set(ends.values()) == {(RunState.DONE, "")}
    assert max(sizes, default=0) == (0 if strategy == "learning_loss" else 3)
    for config in configs:
        assert bench.records(config) == alone(config)


@pytest.mark.slow
def test_an_open_set_with_unequal_labels_gives_the_same_records_too(
    make_bench: Callable[..., Bench], alone: Callable[[RunConfig], bytes]
) -> None:
    bench = make_bench("turns")
    opened = {"setting": "open", "ood_ratio": 0.4, "n_known": 6}
    configs = [head_run("random", seed, **opened) for seed in range(3)]
    in_turns(bench, configs)

    for config in configs:
        assert bench.records(config) == alone(config)


@pytest.mark.slow
def test_a_warm_start_continues_each_runs_own_chain(
    make_bench: Callable[..., Bench], alone: Callable[[RunConfig], bytes], sizes: list[int]
) -> None:
    bench = make_bench("turns")
    configs = [
        dataclasses.replace(run, train=dataclasses.replace(run.train, init="previous"))
        for run in (head_run("margin", seed) for seed in range(2))
    ]
    in_turns(bench, configs)

    assert max(sizes) == 2
    for config in configs:
        assert bench.records(config) == alone(config)


def test_a_run_that_is_ahead_waits_for_the_others(
    make_bench: Callable[..., Bench],
    alone: Callable[[RunConfig], bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = make_bench("turns")
    configs = [head_run("margin", seed) for seed in range(3)]
    token = StopToken()
    compute = EvaluateStage.compute

    def pausing(self: EvaluateStage, resources: Resources) -> Any:
        if isinstance(resources.control, RunControl) and resources.control.round == 1:
            token.request("pause")
        return compute(self, resources)

    monkeypatch.setattr(EvaluateStage, "compute", pausing)
    assert bench.execute(configs[0], token) is RunState.PAUSED
    monkeypatch.undo()
    together: list[list[int]] = []
    train = Resources.train_together

    def noting(self: Resources, stages: Any, controls: Any) -> None:
        together.append(sorted(stage.seed for stage in stages))
        train(self, stages, controls)

    monkeypatch.setattr(Resources, "train_together", noting)
    in_turns(bench, configs)

    assert together == [[1, 2], [0, 1, 2], [0, 1, 2]]
    for config in configs:
        assert bench.records(config) == alone(config)


@pytest.mark.slow
def test_what_another_strategy_has_trained_is_not_trained_again(
    make_bench: Callable[..., Bench], sizes: list[int]
) -> None:
    bench = make_bench("turns")
    in_turns(bench, [head_run("random", seed, n_rounds=0) for seed in range(2)])
    sizes.clear()
    in_turns(bench, [head_run("margin", seed, n_rounds=0) for seed in range(2)])
    assert sizes == []

    configs = [head_run("margin", seed) for seed in range(2)]
    in_turns(bench, configs)
    for config in configs:
        timings = [event.data["timing"] for event in bench.store.history(config.run_id).rounds]
        assert [timing["train_cached"] for timing in timings] == [True, False, False]


def test_each_run_is_charged_its_share_of_a_training(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench("turns", cached=False)
    configs = [head_run("random", seed) for seed in range(3)]
    in_turns(bench, configs)
    rounds = [bench.store.history(config.run_id).rounds for config in configs]
    n_equal = 0

    for events in zip(*rounds, strict=True):
        timings = [event.data["timing"] for event in events]
        if not any(event.data["result"]["train"]["retries"] for event in events):
            assert len({timing["train_s"] for timing in timings}) == 1
            n_equal += 1
        assert not any(timing["train_cached"] or timing["contended"] for timing in timings)
        for timing in timings:
            assert timing["executed_s"] > timing["train_s"] + timing["evaluate_s"] > 0
    assert n_equal > 0


@pytest.mark.parametrize(
    ("action", "state"),
    [
        ("pause", RunState.PAUSED),
        pytest.param("cancel", RunState.CANCELLED, marks=pytest.mark.slow),
        pytest.param("stop", RunState.INTERRUPTED, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("where", ["together", pytest.param("own", marks=pytest.mark.slow)])
def test_stopping_one_leaves_the_others_alone(
    action: str,
    state: RunState,
    where: str,
    make_bench: Callable[..., Bench],
    alone: Callable[[RunConfig], bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = make_bench("turns")
    configs = [head_run("margin", seed) for seed in range(3)]
    tokens = {config.run_id: StopToken() for config in configs}
    middle = configs[1].run_id
    if where == "together":  # in the middle of the second training of all
        step, calls = HeadStep.__call__, iter(range(1000))

        def asking(self: HeadStep, rows: Any, generators: Any) -> Any:
            if next(calls) == 60:
                tokens[middle].request(action)
            return step(self, rows, generators)

        monkeypatch.setattr(HeadStep, "__call__", asking)
    else:
        resolve = Resources.resolve

        def after(self: Resources, stage: Any, *, persist: bool) -> Any:
            if isinstance(self.control, RunControl) and self.control.round == 1:
                tokens[middle].request(action)
            return resolve(self, stage, persist=persist)

        monkeypatch.setattr(Resources, "resolve", after)
    ends = in_turns(bench, configs, tokens)
    monkeypatch.undo()

    if where == "together":  # the others were trained together again
        timings = [event.data["timing"] for event in bench.store.history(configs[0].run_id).rounds]
        assert [timing["trained_with"] for timing in timings] == [3, 2, 2]
    assert ends[middle] == (state, "")
    assert len(bench.store.history(middle).rounds) < 3
    for config in (configs[0], configs[2]):
        assert ends[config.run_id] == (RunState.DONE, "")
        assert bench.records(config) == alone(config)
    assert bench.execute(configs[1]) is RunState.DONE
    assert bench.records(configs[1]) == alone(configs[1])


@pytest.mark.parametrize("survives", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_run_that_fails_takes_nobody_with_it(
    survives: bool,
    make_bench: Callable[..., Bench],
    alone: Callable[[RunConfig], bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = make_bench("turns")
    configs = [head_run("margin", seed) for seed in range(3)]
    first, failed, last = (config.run_id for config in configs)
    round_ = _Trial.round

    def failing(self: _Trial, number: int, *given: Any) -> Any:
        if self.config.seed == 1 and number == 1:
            raise ValueError("a strategy of somebody else")
        return round_(self, number, *given)

    monkeypatch.setattr(_Trial, "round", failing)
    ends = in_turns(bench, configs, survives=survives)
    monkeypatch.undo()

    assert ends[failed] == (RunState.FAILED, "")
    # Where the failure was one of the device, the others are left for another process.
    assert {ends[first], ends[last]} == {(RunState.DONE if survives else None, "")}
    for config in (configs[0], configs[2]):
        assert bench.execute(config) is RunState.DONE
        assert bench.records(config) == alone(config)


def test_trainings_that_fail_together_are_done_one_by_one(
    make_bench: Callable[..., Bench],
    alone: Callable[[RunConfig], bytes],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = make_bench("turns")
    configs = [head_run("margin", seed) for seed in range(2)]

    def full(*_: Any) -> None:
        raise MemoryError("no room for two")

    monkeypatch.setattr(Resources, "train_together", full)
    with caplog.at_level(logging.WARNING):
        ends = in_turns(bench, configs)

    assert set(ends.values()) == {(RunState.DONE, "")}
    assert "could not be trained together: no room for two" in caplog.text
    assert bench.records(configs[0]) == alone(configs[0])


def test_a_training_that_diverges_fails_its_own_run(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench("turns")
    configs = [
        dataclasses.replace(run, train=dataclasses.replace(run.train, optimizer="sgd", lr=lr))
        for lr in (10.0,)
        for run in (head_run("margin", seed) for seed in range(2))
    ]
    wild = [
        dataclasses.replace(
            run, train=dataclasses.replace(run.train, weight_decay=1.0, min_steps=400)
        )
        for run in configs
    ]
    ends = in_turns(bench, wild)

    assert set(ends.values()) == {(RunState.FAILED, "")}
    for run in wild:
        error = bench.store.history(run.run_id).error
        assert error is not None
        assert "after a second initialization; lower train.lr" in error["message"]


@pytest.mark.slow
def test_a_run_that_is_held_elsewhere_is_left_out(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench("turns")
    configs = [head_run("margin", seed) for seed in range(2)]
    held = configs[0].run_id
    bench.store.create(configs[0])
    with bench.store.open(held):
        ends = in_turns(bench, configs)

    assert ends == {held: (None, ""), configs[1].run_id: (RunState.DONE, "")}


def test_why_an_end_could_not_be_recorded_is_told(
    make_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench("turns")
    configs = [head_run("margin", seed) for seed in range(2)]
    gone = configs[0].run_id
    read = bench.store.config

    def config(run_id: str) -> RunConfig:
        if run_id == gone:
            raise StoreError("the disk is full")
        return read(run_id)

    monkeypatch.setattr(bench.store, "config", config)
    ends = in_turns(bench, configs)

    assert ends[gone] == (RunState.INTERRUPTED, "the disk is full")
    assert ends[configs[1].run_id] == (RunState.DONE, "")


@pytest.mark.parametrize("begun", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_run_hears_a_request_while_another_one_works(
    begun: bool,
    make_bench: Callable[..., Bench],
    alone: Callable[[RunConfig], bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = make_bench("turns")
    configs = [head_run("margin", seed) for seed in range(3)]
    tokens = {config.run_id: StopToken() for config in configs}
    first, last = configs[0].run_id, configs[2].run_id
    seen: list[RunState] = []
    prepare, evaluate = Resources.prepare, EvaluateStage.compute

    def asking(resources: Resources) -> None:
        if not seen:
            tokens[last].request("cancel")
            resources.control.check()  # of the first run, which goes on
            seen.append(bench.store.history(last).state)

    def preparing(self: Resources, *given: Any) -> Any:
        asking(self)
        return prepare(self, *given)

    def evaluating(self: EvaluateStage, resources: Resources) -> Any:
        asking(resources)
        return evaluate(self, resources)

    if begun:
        monkeypatch.setattr(EvaluateStage, "compute", evaluating)
    else:
        monkeypatch.setattr(Resources, "prepare", preparing)
    ends = in_turns(bench, configs, tokens)
    monkeypatch.undo()

    assert seen == [RunState.CANCELLED]
    assert list(ends) == [last, first, configs[1].run_id]
    for config in configs[:2]:
        assert bench.records(config) == alone(config)


@pytest.mark.slow
def test_runs_that_wait_for_their_turn_give_signs_of_life(
    make_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench("turns")
    monkeypatch.setattr("alscope.engine.turns._SIGN_OF_LIFE_S", -1.0)
    waits: list[int] = []
    wait = RunControl.wait

    def waiting(self: RunControl) -> None:
        waits.append(self.round)
        wait(self)

    monkeypatch.setattr(RunControl, "wait", waiting)
    in_turns(bench, [head_run("random", seed) for seed in range(2)])

    assert set(waits) == {0, 1, 2}
    assert len(waits) > 10


def test_it_is_told_whose_turn_it_is(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench("turns")
    configs = [head_run("random", seed, n_rounds=1) for seed in range(2)]
    told: list[str | None] = []
    in_turns(bench, configs, turn=told.append)
    one, two = (config.run_id for config in configs)

    assert told == [one, two, None, one, two, None, one, two]
