"""E8: any order of submit, pause, resume, retry and cancel, from two processes, at any point."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from hypothesis.strategies import sampled_from

from alscope.config import RunConfig
from alscope.data.protocols import DataRoot
from alscope.engine.executors.protocols import ExecutorConfig, Finished, nobody
from alscope.engine.service import Service
from alscope.errors import RunLockedError
from alscope.store.runs import RunStore
from alscope.store.writer import RunWriter
from alscope.types import RunState
from tests.engine.conftest import tiny_study
from tests.store.conftest import query

N_ROUNDS = 2
STUDY = tiny_study(seeds=(0,))
LIVING = {RunState.RUNNING, RunState.QUEUED}
PLACES = sampled_from((0, 1))


class Stepper:
    """An executor that does one round when it is told to, and then looks for requests."""

    inline = True
    max_parallel = 1
    max_turns = 1

    def __init__(self, runs: RunStore) -> None:
        self.on_change = nobody
        self._runs = runs
        self._writer: tuple[str, RunWriter] | None = None
        self._request = ""
        self._finished: list[Finished] = []

    def start(
        self, run_ids: Sequence[str], *, contended: bool, accept_change: Collection[str]
    ) -> None:
        (run_id,) = run_ids
        try:
            writer = self._runs.open(run_id)
        except RunLockedError:
            self._finished.append(Finished(run_id, None))
            return
        self._writer, self._request = (run_id, writer), ""
        writer.append("started", {})

    def request(self, run_id: str, action: str) -> None:
        if self._writer is not None and self._writer[0] == run_id and self._request != "cancel":
            self._request = action

    def active(self) -> tuple[str, ...]:
        return (self._writer[0],) if self._writer else ()

    def poll(self) -> tuple[Finished, ...]:
        done, self._finished = tuple(self._finished), []
        return done

    def step(self) -> None:
        """One round of the run in hand, or what was asked of it."""
        if self._writer is None:
            return
        _, writer = self._writer
        n_rounds = len(writer.history.rounds)
        if self._request:
            self._end("paused" if self._request == "pause" else "cancelled")
        elif n_rounds > N_ROUNDS:
            self._end("done")
        else:
            blobs = {"query": query(n_rounds)} if n_rounds < N_ROUNDS else None
            writer.append("round", {"result": {"round": n_rounds}}, blobs=blobs)

    def die(self) -> None:
        """End as a killed process does, in the middle of whatever it was doing."""
        if self._writer is not None:
            self._writer[1].close()
            self._finished.append(Finished(self._writer[0], None, "killed", asked=self._request))
            self._writer = None

    def shutdown(self) -> None:
        if self._writer is not None:
            self._writer[1].close()

    def _end(self, kind: str) -> None:
        assert self._writer is not None
        run_id, writer = self._writer
        writer.append(kind, {})
        writer.close()
        self._writer = None
        self._finished.append(Finished(run_id, RunState(kind)))


class Commands(RuleBasedStateMachine):
    """Two services on one folder; a model that only knows what was asked last."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(os, "fsync", lambda handle: None)
        self.patch.setattr("alscope.store.runs._PATIENCE_S", 0.0)
        self.patch.setattr("alscope.engine.supervisor._LOOK_AGAIN_S", 0.0)
        self.patch.setattr("alscope.engine.supervisor._BACK_OFF_S", (0.0,) * 100)
        self.folder = Path(tempfile.mkdtemp(prefix="alscope-commands-"))
        root = DataRoot(path=self.folder / "data", cache=self.folder / "derived")
        self.steppers = [Stepper(RunStore(self.folder / "runs")) for _ in range(2)]
        config = ExecutorConfig(cache=self.folder, data_root=root, n_threads=1)
        self.services = [Service(self.folder, root, stepper, config) for stepper in self.steppers]
        self.study_id = self.services[0].submit(STUDY)
        self.rounds = dict.fromkeys((run.run_id for run in STUDY.runs()), 0)

    @rule(place=PLACES)
    def submit(self, place: int) -> None:
        assert self.services[place].submit(STUDY) == self.study_id

    @rule(place=PLACES, action=sampled_from(("pause", "resume", "retry", "cancel")))
    def ask(self, place: int, action: str) -> None:
        getattr(self.services[place], action)(self.study_id)

    @rule(place=PLACES, run=sampled_from(STUDY.runs()))
    def cancel_one(self, place: int, run: RunConfig) -> None:
        self.services[place].cancel(self.study_id, [run.run_id])

    @rule(place=PLACES)
    def pump(self, place: int) -> None:
        self.services[place]._supervisor.pump()

    @rule(place=PLACES)
    def step(self, place: int) -> None:
        self.steppers[place].step()

    @rule(place=PLACES)
    def die(self, place: int) -> None:
        self.steppers[place].die()

    @rule(action=sampled_from(("pause", "cancel")), place=PLACES)
    def stop_and_wait(self, action: str, place: int) -> None:
        getattr(self.services[place], action)(self.study_id)
        self.settle()
        states = {run.state for run in self.services[1 - place].study(self.study_id).runs}
        assert not states & LIVING, (action, states)

    @invariant()
    def nothing_is_lost_or_done_twice(self) -> None:
        store = RunStore(self.folder / "runs")
        for run_id, before in self.rounds.items():
            assert store.verify(run_id) == []
            history = store.history(run_id)
            assert len(history.rounds) >= before
            self.rounds[run_id] = len(history.rounds)
            held = [stepper.active() == (run_id,) for stepper in self.steppers]
            assert sum(held) <= 1
            assert (history.state is RunState.RUNNING) <= any(held)

    def settle(self) -> None:
        """Until nobody has anything to do."""
        for _ in range(60):
            for service, stepper in zip(self.services, self.steppers, strict=True):
                service._supervisor.pump()
                stepper.step()
            busy = any(stepper.active() for stepper in self.steppers)
            if not busy and not any(service._supervisor.held() for service in self.services):
                return

    def teardown(self) -> None:
        try:
            self.services[1].retry(self.study_id)
            self.settle()
            status = self.services[0].study(self.study_id)
            assert {run.state for run in status.runs} == {RunState.DONE}
            for run in status.runs:
                events = RunStore(self.folder / "runs").history(run.run_id).events
                assert [event.kind for event in events].count("round") == N_ROUNDS + 1
        finally:
            for service in self.services:
                service.close()
            self.patch.undo()
            shutil.rmtree(self.folder)


@pytest.mark.slow
class TestCommands(Commands.TestCase):  # type: ignore[misc,name-defined]
    """Histories that Hypothesis makes up."""

    settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
