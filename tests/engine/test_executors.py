"""Executors when processes die, cannot start, or run beside each other."""

from __future__ import annotations

import dataclasses
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alscope.config import StrategySpec
from alscope.data.protocols import DataRoot
from alscope.engine.control import StopToken
from alscope.engine.executors.local import ThreadExecutor
from alscope.engine.executors.protocols import ExecutorConfig, Finished
from alscope.engine.executors.worker import WorkerExecutor, _command, _Process
from alscope.engine.service import Service
from alscope.types import RunState
from tests.engine.conftest import Bench, tiny_run, tiny_study


class Scripted:
    """Stands in for a worker process."""

    def __init__(self) -> None:
        self.runs: set[str] = set()
        self.asked: dict[str, tuple[str, float]] = {}
        self.turn: tuple[str | None, float] = (None, 0.0)
        self.ended_by_us = False
        self.exit_code: int | None = None
        self.events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.unread: list[dict[str, Any]] = []
        self.commands: list[dict[str, Any]] = []

    def begin(self, run_ids: list[str]) -> None:
        self.runs, self.asked = set(run_ids), {}

    def kill(self) -> None:
        self.ended_by_us, self.exit_code = True, -9

    def stands_still_s(self, journals: list[Path]) -> float:
        return 10.0

    def log_tail(self) -> str:
        return ""

    overdue = _Process.overdue

    def send(self, **command: Any) -> bool:
        self.commands.append(command)
        return True

    def release(self) -> None:
        for event in self.unread:
            self.events.put(event)


def config(folder: Path, **options: Any) -> ExecutorConfig:
    return ExecutorConfig(cache=folder, data_root=DataRoot(path=folder, cache=folder), **options)


def scripted(folder: Path, workers: int) -> tuple[WorkerExecutor, list[Scripted]]:
    executor = WorkerExecutor(config(folder, workers=workers))
    processes = [Scripted() for _ in range(workers)]
    for slot, process in zip(executor._slots, processes, strict=True):
        slot.process = process  # type: ignore[assignment]
    return executor, processes


def test_a_worker_that_cannot_start_is_reported(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where a folder is needed")
    executor = WorkerExecutor(config(tmp_path))
    executor.start(["a"], contended=False, accept_change=())
    (finished,) = executor.poll()

    assert finished.run_id == "a"
    assert "no worker process could be started" in finished.problem


def test_what_a_worker_said_last_counts_although_it_has_ended(tmp_path: Path) -> None:
    executor, (process,) = scripted(tmp_path, 1)
    executor.start(["a"], contended=False, accept_change=())
    process.unread = [{"event": "finished", "run_id": "a", "state": "done"}]
    process.exit_code = 1

    assert executor.poll() == (Finished("a", RunState.DONE),)


@pytest.mark.parametrize(("threads", "passed_on"), [(None, "4"), (3, "3")])
def test_workers_share_the_cores_unless_threads_are_named(
    threads: int | None, passed_on: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alscope.learn.device.n_cores", lambda: 8)
    command = _command(config(tmp_path, workers=2, n_threads=threads), 1)

    assert command[command.index("--threads") + 1] == passed_on
    assert command[command.index("--slot") + 1] == "1"


@pytest.mark.slow
def test_the_end_of_a_run_is_announced_at_once(tmp_path: Path) -> None:
    executor = ThreadExecutor(config(tmp_path))
    announced = threading.Event()
    executor.on_change = announced.set
    executor._store.create(run := tiny_run("random"))
    with executor._store.open(run.run_id):  # held by somebody else, so that it ends at once
        executor.start([run.run_id], contended=False, accept_change=())
        assert announced.wait(timeout=60)

    assert executor.poll() == (Finished(run.run_id, None),)


def test_a_run_hears_that_another_one_was_started_beside_it(tmp_path: Path) -> None:
    executor, (first, _) = scripted(tmp_path, 2)
    executor.start(["a"], contended=False, accept_change=())
    executor.start(["b"], contended=True, accept_change=())

    assert first.commands[-1] == {"cmd": "contended"}


def test_rounds_after_the_news_of_company_are_contended(bench: Bench) -> None:
    token = StopToken()
    token.contended = True
    run = tiny_run("random")
    bench.execute(run, token, contended=False)

    rounds = bench.store.history(run.run_id).rounds
    assert all(event.data["timing"]["contended"] for event in rounds)


@pytest.mark.slow
def test_both_of_two_parallel_runs_are_contended(open_service: Callable[..., Service]) -> None:
    service = open_service(executor="worker", workers=2)
    names = (StrategySpec(name="random"), StrategySpec(name="margin"))
    study = tiny_study(strategies=names, seeds=(0,))
    status = service.wait(service.submit(study), timeout=120)

    for run in status.runs:
        rounds = service.runs.history(run.run_id).rounds
        assert all(event.data["timing"]["contended"] for event in rounds)


def test_the_next_run_may_begin_as_soon_as_one_is_known_to_have_finished(tmp_path: Path) -> None:
    executor = ThreadExecutor(config(tmp_path))

    class Eager(list[Finished]):
        def append(self, finished: Finished) -> None:
            executor._begin("b")

    executor._finished = Eager()
    executor._store.create(tiny_run())
    executor._begin("a")
    executor._work("a", contended=False, accept_change=False)

    assert executor.active() == ("b",)


def test_who_waits_for_a_turn_is_not_taken_for_stuck(tmp_path: Path) -> None:
    executor, (process,) = scripted(tmp_path, 1)
    executor.start(["a", "b"], contended=False, accept_change=())
    executor.request("b", "cancel")
    process.turn = ("a", 0.0)
    process.asked["b"] = ("cancel", time.monotonic() - 60)

    assert process.commands[-1] == {"cmd": "cancel", "run_id": "b"}
    assert executor.poll() == ()
    assert process.exit_code is None


def test_who_works_and_does_not_listen_is_ended_and_the_others_go_on_elsewhere(
    tmp_path: Path,
) -> None:
    executor, (process,) = scripted(tmp_path, 1)
    executor.start(["a", "b"], contended=False, accept_change=())
    executor.request("b", "cancel")
    process.turn = ("b", 0.0)
    process.asked["b"] = ("cancel", time.monotonic() - 60)
    assert executor.poll() == ()
    innocent, stuck = executor.poll()

    assert innocent == Finished("a", None)
    assert (stuck.run_id, stuck.asked) == ("b", "cancel")
    assert "killed by signal 9" in stuck.problem


def test_a_limit_meets_the_run_whose_turn_it_is(tmp_path: Path) -> None:
    executor, (process,) = scripted(tmp_path, 1)
    executor._config = dataclasses.replace(executor._config, round_limit_s=5.0)
    executor.start(["a", "b"], contended=False, accept_change=())
    process.turn = ("a", 0.0)
    executor.poll()
    late, innocent = executor.poll()

    assert (late.run_id, late.asked) == ("a", "limit")
    assert "one round took longer" in late.problem
    assert innocent == Finished("b", None)
