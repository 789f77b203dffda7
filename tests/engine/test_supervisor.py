"""The queue under quick, crossing and failing requests, with an executor that only takes notes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from alscope.config import BackboneConfig, StrategySpec, StudyConfig
from alscope.engine import supervisor
from alscope.engine.executors.protocols import Finished, nobody
from alscope.engine.supervisor import Supervisor
from alscope.errors import StoreError
from alscope.store.runs import RunStore
from alscope.store.studies import QueueWish, StudyStore
from alscope.types import RunState
from tests.engine.conftest import tiny_study, tiny_train

RETRY = (RunState.DONE,)


@dataclass
class Notes:
    """Takes runs and executes none."""

    max_parallel: int = 1
    max_turns: int = 1
    inline: bool = False
    started: list[str] = field(default_factory=list)
    starts: list[tuple[str, ...]] = field(default_factory=list)
    contended: list[bool] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    finished: list[Finished] = field(default_factory=list)
    on_change: Callable[[], None] = nobody

    def start(
        self, run_ids: Sequence[str], *, contended: bool, accept_change: Collection[str]
    ) -> None:
        self.started.extend(run_ids)
        self.starts.append(tuple(run_ids))
        self.contended.append(contended)

    def request(self, run_id: str, action: str) -> None:
        self.requests.append((run_id, action))

    def active(self) -> tuple[str, ...]:
        return ()

    def poll(self) -> tuple[Finished, ...]:
        done, self.finished = tuple(self.finished), []
        return done

    def shutdown(self) -> None:
        return


class Desk:
    """A supervisor with its stores and executor."""

    def __init__(self, folder: Path, *, workers: int = 1, turns: int = 1) -> None:
        self.runs = RunStore(folder / "runs")
        self.studies = StudyStore(folder / "studies")
        self.executor = Notes(max_parallel=workers, max_turns=turns)
        self.supervisor = Supervisor(self.runs, self.studies, self.executor)

    def submit(self, study: StudyConfig) -> str:
        study_id = self.studies.id_of(study)
        self.studies.save(study_id, study)
        self.studies.set_desired(study_id, "active")
        for run in study.runs():
            self.runs.create(run)
            self.supervisor.put((study_id, run.run_id), run, skip=RETRY, accept_change=False)
        return study_id

    def record(self, run_id: str, *kinds: str) -> None:
        with self.runs.open(run_id) as writer:
            for kind in kinds:
                writer.append(kind, {})

    def finish(self, run_id: str, state: RunState) -> None:
        self.record(run_id, "started", state.value)
        self.executor.finished.append(Finished(run_id, state))


MakeDesk = Callable[..., Desk]


@pytest.fixture
def make_desk(tmp_path: Path) -> MakeDesk:
    """Makes desks on one cache folder."""
    return lambda **options: Desk(tmp_path, **options)


def one_seed(name: str = "tiny") -> StudyConfig:
    return tiny_study(name=name, seeds=(0,))


def test_an_unreadable_run_does_not_hold_up_the_others(make_desk: MakeDesk) -> None:
    desk = make_desk()
    study = one_seed()
    desk.submit(study)
    first, second = (run.run_id for run in study.runs())
    (desk.runs._root / first / "journal.jsonl").mkdir()
    desk.supervisor.pump()

    assert desk.executor.started == [second]


def test_a_deleted_run_takes_no_finished_one_with_it(make_desk: MakeDesk) -> None:
    desk = make_desk(workers=2)
    desk.submit(one_seed())
    desk.supervisor.pump()
    gone, done = desk.executor.started
    desk.runs.delete(gone)
    desk.executor.finished.append(Finished(gone, None, "the worker died"))
    desk.finish(done, RunState.DONE)
    desk.supervisor.pump()

    assert desk.supervisor.running == ()


def test_cancelling_one_study_leaves_a_shared_run_to_the_other(make_desk: MakeDesk) -> None:
    desk = make_desk()
    first = desk.submit(one_seed())
    desk.supervisor.pump()
    second = desk.submit(one_seed("other"))
    (shared,) = desk.executor.started
    desk.studies.set_desired(first, "cancelled")
    for run in one_seed().runs():
        desk.supervisor.stop((first, run.run_id), "cancel")
    desk.finish(shared, RunState.CANCELLED)
    desk.supervisor.pump()

    assert (second, shared) in desk.supervisor.held()


def test_a_run_that_fails_after_a_second_submission_is_not_executed_again(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk()
    study_id = desk.submit(one_seed())
    desk.supervisor.pump()
    desk.submit(one_seed())
    (failed,) = desk.executor.started
    desk.finish(failed, RunState.FAILED)
    desk.supervisor.pump()

    assert (study_id, failed) not in desk.supervisor.held()
    assert desk.runs.history(failed).state is RunState.FAILED


def test_a_run_that_failed_in_another_process_is_not_executed_again(make_desk: MakeDesk) -> None:
    desk, other = make_desk(), make_desk()
    study = one_seed()
    desk.submit(study)
    other.submit(study)
    failed = study.runs()[0].run_id
    desk.record(failed, "started", "failed")
    other.supervisor.pump()

    assert failed not in other.executor.started


def test_cancelling_while_a_run_pauses_cancels_it(make_desk: MakeDesk) -> None:
    desk = make_desk()
    study_id = desk.submit(one_seed())
    desk.supervisor.pump()
    (run_id,) = desk.executor.started
    desk.finish(run_id, RunState.PAUSED)
    desk.studies.set_desired(study_id, "cancelled")
    desk.supervisor.stop((study_id, run_id), "cancel")
    desk.supervisor.pump()

    assert desk.runs.history(run_id).state is RunState.CANCELLED


def test_a_wish_that_cannot_be_read_cancels_nothing(make_desk: MakeDesk) -> None:
    desk = make_desk()
    study_id = desk.submit(one_seed())
    desk.supervisor.pump()
    (desk.studies._root / study_id / "state.json").write_bytes(b"{}")
    desk.supervisor.pump()

    assert desk.executor.requests == []


def test_a_higher_priority_goes_first_and_equal_ones_in_order(make_desk: MakeDesk) -> None:
    desk = make_desk()
    desk.submit(tiny_study(name="first"))
    urgent_id = desk.submit(tiny_study(name="urgent", seeds=(7, 8)))
    desk.studies.set_queue(urgent_id, QueueWish(priority=2))
    order = []
    for _ in range(8):
        desk.supervisor.pump()
        order.append(desk.executor.started[-1])
        desk.finish(order[-1], RunState.DONE)

    urgent = [run.run_id for run in tiny_study(name="urgent", seeds=(7, 8)).runs()]
    assert order[:4] == urgent
    assert order[4:] == [run.run_id for run in tiny_study(name="first").runs()]


def test_a_priority_set_in_another_process_is_heard(make_desk: MakeDesk) -> None:
    desk, other = make_desk(), make_desk()
    study = tiny_study()
    study_id = desk.submit(study)
    last = study.runs()[-1].run_id
    other.studies.set_queue(study_id, QueueWish(runs={last: 1}))
    desk.supervisor.pump()

    assert desk.executor.started == [last]


def test_a_study_whose_time_is_over_is_paused(make_desk: MakeDesk) -> None:
    desk = make_desk()
    study_id = desk.submit(one_seed())
    desk.supervisor.pump()
    desk.studies.set_queue(study_id, QueueWish(pause_at="2001-01-01T00:00:00+00:00"))
    desk.supervisor.pump()

    assert desk.executor.requests == [(desk.executor.started[0], "pause")]
    assert desk.studies.desired(study_id) == "paused"


def test_a_damaged_wish_delays_nobody(make_desk: MakeDesk) -> None:
    desk = make_desk()
    study_id = desk.submit(one_seed())
    (desk.studies._root / study_id / "queue.json").write_bytes(b"{}")
    desk.supervisor.pump()

    assert len(desk.executor.started) == 1


@pytest.mark.parametrize("value", [10, -10, 1000])
def test_an_impossible_priority_is_refused(value: int) -> None:
    with pytest.raises(StoreError, match="from -9 to 9"):
        QueueWish(priority=value)


def test_who_waits_is_woken_by_the_end_of_a_run(make_desk: MakeDesk) -> None:
    desk = make_desk()
    desk.submit(one_seed())
    desk.supervisor.pump()
    (run_id,) = desk.executor.started
    woken = threading.Event()

    def wait() -> None:
        desk.supervisor.wait_for_more(0, timeout=30)
        woken.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert not woken.wait(0.05)
    desk.finish(run_id, RunState.DONE)
    desk.supervisor.pump()

    assert woken.wait(5)
    thread.join()
    began = time.monotonic()
    desk.supervisor.wait_for_more(0, timeout=30)  # what has ended already is not waited for
    assert time.monotonic() - began < 5


def heads(seeds: int = 4, **changes: Any) -> StudyConfig:
    """A study of linear heads on frozen features: random, margin; so many seeds."""
    frozen = BackboneConfig(name="frozen", params={"encoder": "tiny_pixels"})
    return tiny_study(backbone=frozen, seeds=tuple(range(seeds)), **changes)


def started(desk: Desk, study: StudyConfig) -> list[list[tuple[str, int]]]:
    """Strategy and seed of what was handed over, start by start."""
    runs = {run.run_id: (run.strategy.name, run.seed) for run in study.runs()}
    return [[runs[run_id] for run_id in start] for start in desk.executor.starts]


def test_seeds_whose_heads_can_be_trained_together_are_handed_over_together(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(turns=16)
    study = heads()
    desk.submit(study)
    desk.supervisor.pump()

    assert started(desk, study) == [[("random", seed) for seed in range(4)]]
    for run_id in desk.executor.starts[0][:3]:
        desk.finish(run_id, RunState.DONE)
    desk.supervisor.pump()
    assert len(desk.executor.starts) == 1  # the worker is busy until the last one has ended
    desk.finish(desk.executor.starts[0][3], RunState.DONE)
    desk.supervisor.pump()
    assert started(desk, study)[1:] == [[("margin", seed) for seed in range(4)]]


@pytest.mark.parametrize(
    ("turns", "backbone"),
    [
        (1, BackboneConfig(name="frozen", params={"encoder": "tiny_pixels"})),
        (16, BackboneConfig(name="frozen", params={"encoder": "tiny_pixels", "hidden": 8})),
        (16, BackboneConfig(name="mlp")),
    ],
    ids=["executor", "hidden", "mlp"],
)
def test_all_others_are_handed_over_one_by_one(
    turns: int, backbone: BackboneConfig, make_desk: MakeDesk
) -> None:
    desk = make_desk(turns=turns)
    desk.submit(replace(heads(), backbone=backbone))
    desk.supervisor.pump()

    assert [len(start) for start in desk.executor.starts] == [1]


def test_workers_share_the_seeds_and_a_start_counts_once(make_desk: MakeDesk) -> None:
    desk = make_desk(workers=2, turns=16)
    study = heads(seeds=5, strategies=(StrategySpec(name="random"),))
    desk.submit(study)
    desk.supervisor.pump()

    assert [len(start) for start in desk.executor.starts] == [3, 2]
    assert desk.executor.contended == [False, True]


def test_no_more_runs_take_turns_than_the_executor_allows(make_desk: MakeDesk) -> None:
    desk = make_desk(turns=3)
    desk.submit(heads(seeds=5))
    desk.supervisor.pump()

    assert [len(start) for start in desk.executor.starts] == [3]


def test_runs_of_another_priority_do_not_take_turns_with_urgent_ones(make_desk: MakeDesk) -> None:
    desk = make_desk(turns=16)
    study = heads()
    study_id = desk.submit(study)
    urgent = next(run for run in study.runs() if run.strategy.name == "margin" and run.seed == 2)
    desk.studies.set_queue(study_id, QueueWish(runs={urgent.run_id: 5}))
    desk.supervisor.pump()

    assert started(desk, study) == [[("margin", 2)]]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room is made at every step."""
    monkeypatch.setattr(supervisor, "_MAKE_ROOM_EVERY_S", 0.0)


def urgent_one(desk: Desk, priority: int = 9) -> str:
    """Submit a study of one run with a priority; the run."""
    study = replace(one_seed("urgent"), strategies=(StrategySpec(name="margin"),))
    desk.studies.set_queue(desk.submit(study), QueueWish(priority=priority))
    return study.runs()[0].run_id


@pytest.mark.usefixtures("at_once")
def test_something_urgent_waits_for_one_of_the_runs_that_take_turns(make_desk: MakeDesk) -> None:
    desk = make_desk(turns=16)
    study = heads(strategies=(StrategySpec(name="random"),))
    desk.submit(study)
    desk.supervisor.pump()
    first, *others = desk.executor.starts[0]
    urgent = urgent_one(desk)
    desk.supervisor.pump()
    desk.supervisor.pump()  # it is not asked for again

    assert sorted(desk.executor.requests) == sorted((run_id, "stop") for run_id in others)
    desk.executor.finished += [Finished(run_id, RunState.INTERRUPTED) for run_id in others]
    desk.supervisor.pump()
    assert len(desk.executor.starts) == 1  # the first one goes on to its end
    for run_id in (first, urgent):
        desk.finish(run_id, RunState.DONE)
        desk.supervisor.pump()
    assert desk.executor.starts[1] == (urgent,)
    assert set(desk.executor.starts[2]) == set(others)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("workers", "priority"), [(1, 0), (1, -1), (2, 9)], ids=["equal", "lower", "free place"]
)
def test_nobody_is_let_go_without_need(make_desk: MakeDesk, workers: int, priority: int) -> None:
    desk = make_desk(workers=workers, turns=16)
    desk.submit(heads(seeds=3, strategies=(StrategySpec(name="random"),)))
    desk.supervisor.pump()
    for run_id in [run_id for start in desk.executor.starts[1:] for run_id in start]:
        desk.finish(run_id, RunState.DONE)
    urgent_one(desk, priority)
    for _ in range(3):
        desk.supervisor.pump()

    assert desk.executor.requests == []


@pytest.mark.usefixtures("at_once")
def test_who_is_let_go_may_be_paused_all_the_same(make_desk: MakeDesk) -> None:
    desk = make_desk(turns=16)
    desk.submit(heads(seeds=2, strategies=(StrategySpec(name="random"),)))
    desk.supervisor.pump()
    first, other = desk.executor.starts[0]
    urgent = urgent_one(desk)
    desk.supervisor.pump()
    desk.finish(other, RunState.PAUSED)
    for run_id in (first, urgent):
        desk.finish(run_id, RunState.DONE)
        desk.supervisor.pump()

    assert other not in desk.executor.started[2:]


def test_after_its_process_died_a_run_is_executed_alone(make_desk: MakeDesk) -> None:
    desk = make_desk(turns=16)
    study = heads(seeds=3, strategies=(StrategySpec(name="random"),))
    desk.submit(study)
    desk.supervisor.pump()
    dead, other, done = desk.executor.starts[0]
    desk.finish(done, RunState.DONE)
    for run_id in (dead, other):
        desk.executor.finished.append(Finished(run_id, None, "the worker died"))
    desk.supervisor.pump()
    desk.supervisor._elsewhere.clear()  # instead of waiting for the second attempt
    desk.supervisor.pump()

    assert desk.executor.starts[1:] == [(dead,)]


def test_an_unreadable_run_does_not_hold_up_those_it_would_take_turns_with(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(turns=16)
    study = heads(seeds=3, strategies=(StrategySpec(name="random"),))
    desk.submit(study)
    first, second, third = (run.run_id for run in study.runs())
    (desk.runs._root / second / "journal.jsonl").mkdir()
    desk.supervisor.pump()

    assert desk.executor.starts == [(first, third)]


def test_a_lead_that_comes_back_does_not_free_the_place_of_its_companions(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(workers=2, turns=2)
    desk.submit(heads(seeds=5, strategies=(StrategySpec(name="random"),)))
    desk.supervisor.pump()
    lead, _ = desk.executor.starts[0]
    desk.executor.finished.append(Finished(lead, None))  # held by another process for a moment
    desk.supervisor.pump()
    desk.supervisor._elsewhere.clear()
    desk.supervisor.pump()

    assert [len(start) for start in desk.executor.starts] == [2, 2]


def test_a_backbone_that_cannot_be_asked_is_executed_alone(make_desk: MakeDesk) -> None:
    desk = make_desk(turns=16)
    broken = BackboneConfig(name="frozen", params={"no_such_field": 1})
    desk.submit(replace(heads(), backbone=broken))
    desk.supervisor.pump()

    assert [len(start) for start in desk.executor.starts] == [1]


@pytest.mark.parametrize(
    "changes",
    [
        {"train": tiny_train(label_smoothing=0.1)},
        {"train": tiny_train(precision="bf16")},
        {"strategies": (StrategySpec(name="learning_loss"),)},
    ],
    ids=["smoothed", "bf16", "attachments"],
)
def test_runs_that_would_not_share_a_step_take_no_turns(
    changes: dict[str, Any], make_desk: MakeDesk
) -> None:
    desk = make_desk(turns=16)
    desk.submit(heads(**changes))
    desk.supervisor.pump()

    assert [len(start) for start in desk.executor.starts] == [1]


def test_workers_get_equal_parts_of_all_work(make_desk: MakeDesk) -> None:
    desk = make_desk(workers=4, turns=16)
    desk.submit(heads(seeds=16))
    desk.supervisor.pump()

    assert [len(start) for start in desk.executor.starts] == [8, 8, 8, 8]
