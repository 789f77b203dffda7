"""The door to the engine: submit, watch, stop, resume, retry."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from alscope.config import ScenarioConfig, StrategySpec
from alscope.engine.service import Service
from alscope.engine.supervisor import Supervisor
from alscope.errors import ConfigError, StoreError, UnknownNameError
from alscope.registry import strategies
from alscope.store.runs import RunStore
from alscope.store.studies import StudyStore
from alscope.strategies._base import Strategy
from alscope.types import PoolView, RunState, Selection
from tests.engine.conftest import tiny_scenario, tiny_study, tiny_train

pytestmark = pytest.mark.slow

Open = Callable[..., Service]


@dataclass(frozen=True, kw_only=True)
class Faulty(Strategy):
    """Raises in round 1 until it is mended."""

    broken: ClassVar[bool] = True

    def select(
        self, view: PoolView, query_size: int, rng: np.random.Generator, state: Any
    ) -> Selection:
        if type(self).broken and view.round == 1:
            raise RuntimeError("the strategy stumbled over sample 7")
        return Selection(np.arange(query_size, dtype=np.int64))


@pytest.fixture
def faulty() -> Iterator[type[Faulty]]:
    strategies.register("faulty", title="Faulty", group="test")(Faulty)
    Faulty.broken = True
    yield Faulty
    strategies._entries.pop("faulty")
    strategies._info.pop("faulty")


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_a_study_runs_to_its_end(open_service: Open) -> None:
    service = open_service()
    study_id = service.submit(tiny_study())
    status = service.wait(study_id, timeout=60)

    assert status.state == "done"
    assert status.n_done == status.n_runs == 4
    assert status.fraction == 1.0


def test_a_second_service_sees_the_same(open_service: Open) -> None:
    service = open_service()
    study_id = service.submit(tiny_study())
    service.wait(study_id, timeout=60)

    assert open_service().study(study_id).state == "done"
    assert [s.study_id for s in open_service().studies()] == [study_id]


def test_data_that_are_not_here_are_fetched_by_the_run_and_not_by_the_submission(
    open_service: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run fails here, because nothing comes; what matters is who asked for it, and when."""
    fetching, go_on = threading.Event(), threading.Event()

    def download(name: str, folder: Path) -> None:
        fetching.set()
        assert go_on.wait(20)

    monkeypatch.setattr("alscope.data._stored.download", download)
    service = open_service(offline=False)
    study_id = service.submit(tiny_study(scenarios=(tiny_scenario(dataset="mnist"),)))

    assert fetching.wait(20)
    assert service.study(study_id).n_active > 0
    go_on.set()
    status = service.wait(study_id, timeout=60)
    assert {run.state for run in status.runs} == {RunState.FAILED}
    assert "MNIST was not found" in status.runs[0].message


def test_submitting_again_runs_nothing_twice(open_service: Open) -> None:
    service = open_service()
    study_id = service.submit(tiny_study())
    service.wait(study_id, timeout=60)
    before = [service.runs.history(r.run_id).events for r in service.study(study_id).runs]

    assert service.submit(tiny_study()) == study_id
    service.wait(study_id, timeout=60)
    assert [service.runs.history(r.run_id).events for r in service.study(study_id).runs] == before


def test_runs_are_shared_between_studies(open_service: Open) -> None:
    service = open_service()
    service.wait(service.submit(tiny_study()), timeout=60)
    wider = tiny_study(name="wider", seeds=(0, 1, 2))

    plan = service.preview(wider)
    assert (plan.n_runs, plan.n_done) == (6, 4)


@pytest.mark.slow
def test_serial_thread_and_worker_give_the_same_records(open_service: Open) -> None:
    records = []
    for executor, workers in (("serial", 1), ("thread", 1), ("worker", 2)):
        service = open_service(executor, executor=executor, workers=workers)
        status = service.wait(service.submit(tiny_study(seeds=(0,))), timeout=120)
        assert status.state == "done", [run.message for run in status.runs]
        records.append([service.runs.records(run.run_id) for run in status.runs])

    assert records[0] == records[1] == records[2]


def test_a_failing_run_tells_why_and_the_others_go_on(
    open_service: Open, faulty: type[Faulty]
) -> None:
    service = open_service()
    names = (StrategySpec(name="faulty"), StrategySpec(name="random"))
    status = service.wait(service.submit(tiny_study(strategies=names, seeds=(0,))), timeout=60)
    by_name = {run.strategy: run for run in status.runs}

    assert by_name["faulty"].state is RunState.FAILED
    assert by_name["faulty"].message == "the strategy stumbled over sample 7"
    assert "RuntimeError" in by_name["faulty"].traceback
    assert by_name["faulty"].round == 1
    assert by_name["random"].state is RunState.DONE


def test_retry_continues_a_failed_run_from_its_last_round(
    open_service: Open, faulty: type[Faulty]
) -> None:
    service = open_service()
    study = tiny_study(strategies=(StrategySpec(name="faulty"),), seeds=(0,))
    study_id = service.submit(study)
    run = service.wait(study_id, timeout=60).runs[0]
    recorded = service.runs.history(run.run_id).rounds

    faulty.broken = False
    service.retry(study_id)
    status = service.wait(study_id, timeout=60)
    assert status.state == "done"
    assert service.runs.history(run.run_id).rounds[: len(recorded)] == recorded


def test_pause_stops_and_resume_finishes(open_service: Open) -> None:
    service = open_service()
    slow = tiny_study(train=tiny_train(min_steps=400), seeds=(0,))
    study_id = service.submit(slow)
    until(lambda: service.study(study_id).count(RunState.RUNNING) == 1)
    service.pause(study_id)
    until(lambda: service.study(study_id).n_active == 0)
    paused = service.study(study_id)
    assert paused.state == "paused"
    assert paused.n_done < paused.n_runs

    service.resume(study_id)
    assert service.wait(study_id, timeout=120).state == "done"


def test_pause_followed_at_once_by_resume_finishes(open_service: Open) -> None:
    service = open_service()
    study_id = service.submit(tiny_study(train=tiny_train(min_steps=300), seeds=(0,)))
    until(lambda: service.study(study_id).count(RunState.RUNNING) == 1)
    service.pause(study_id)
    service.resume(study_id)

    until(lambda: service.study(study_id).state == "done", 60)


def test_cancel_is_final_until_retried(open_service: Open) -> None:
    service = open_service()
    study_id = service.submit(tiny_study(train=tiny_train(min_steps=400)))
    until(lambda: service.study(study_id).count(RunState.RUNNING) == 1)
    service.cancel(study_id)
    until(lambda: service.study(study_id).n_active == 0)
    assert service.study(study_id).state == "cancelled"

    service.resume(study_id)
    time.sleep(0.3)
    assert service.study(study_id).n_done == 0


def test_a_request_made_in_another_service_reaches_the_run(open_service: Open) -> None:
    service, other = open_service(), open_service()
    study_id = service.submit(tiny_study(train=tiny_train(min_steps=400)))
    until(lambda: service.study(study_id).count(RunState.RUNNING) == 1)
    other.cancel(study_id)

    until(lambda: service.study(study_id).state == "cancelled")


def test_two_services_never_execute_a_run_twice(open_service: Open) -> None:
    first, second = open_service(), open_service()
    study = tiny_study(seeds=(0, 1, 2))
    study_id = first.submit(study)
    second.submit(study)
    first.wait(study_id, timeout=60)
    status = second.wait(study_id, timeout=60)

    assert status.state == "done"
    for run in status.runs:
        kinds = [event.kind for event in first.runs.history(run.run_id).events]
        assert kinds.count("done") == 1
        assert kinds.count("round") == 3


def test_an_invalid_study_is_refused_with_every_problem_and_stored_nowhere(
    open_service: Open,
) -> None:
    service = open_service()
    wrong = tiny_study(
        scenarios=(
            tiny_scenario(n_initial=100, query_size=100, n_rounds=9),
            ScenarioConfig(dataset="digitz"),
        ),
        strategies=(StrategySpec(name="bagde"),),
    )
    with pytest.raises(ConfigError) as caught:
        service.submit(wrong)

    text = str(caught.value)
    assert "did you mean 'badge'" in text
    assert "did you mean 'digits'" in text
    assert len(caught.value.problems) >= 3
    assert service.studies() == ()


def test_delete_keeps_runs_that_another_study_has(open_service: Open) -> None:
    service = open_service()
    first = service.submit(tiny_study())
    service.wait(first, timeout=60)
    second = service.submit(tiny_study(name="again", seeds=(0,)))
    service.wait(second, timeout=60)
    service.delete(first)

    assert service.study(second).state == "done"
    assert len(service.runs.run_ids()) == 2


def test_a_running_study_cannot_be_deleted(open_service: Open) -> None:
    service = open_service()
    study_id = service.submit(tiny_study(train=tiny_train(min_steps=400)))
    until(lambda: service.study(study_id).count(RunState.RUNNING) == 1)

    with pytest.raises(StoreError, match="cancel it first"):
        service.delete(study_id)


def test_an_unknown_study_suggests_the_nearest(open_service: Open) -> None:
    service = open_service()
    study_id = service.submit(tiny_study(seeds=(0,)))
    service.wait(study_id, timeout=60)

    with pytest.raises(UnknownNameError) as caught:
        service.study(study_id[:-1] + "x")
    assert caught.value.suggestion == study_id


def test_closing_leaves_runs_that_can_be_resumed(open_service: Open) -> None:
    service = open_service()
    study_id = service.submit(tiny_study(train=tiny_train(min_steps=400), seeds=(0,)))
    until(lambda: service.study(study_id).count(RunState.RUNNING) == 1)
    service.close()
    fresh = open_service()
    assert fresh.study(study_id).state == "interrupted"

    fresh.resume(study_id)
    assert fresh.wait(study_id, timeout=120).state == "done"


def test_what_another_process_works_on_is_waiting_not_interrupted(open_service: Open) -> None:
    service = open_service()
    study_id = service.submit(tiny_study(train=tiny_train(min_steps=400), seeds=(0, 1)))
    until(lambda: service.study(study_id).count(RunState.RUNNING) == 1)
    seen = open_service().study(study_id)
    service.close()

    assert seen.count(RunState.RUNNING) == 1
    assert seen.count(RunState.INTERRUPTED) == 0
    assert seen.count(RunState.QUEUED) == 3


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_its_run_resumed(
    open_service: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    service = open_service("killed", executor="worker")
    study = tiny_study(seeds=(0,), train=tiny_train(min_steps=300))
    study_id = service.submit(study)
    until(lambda: any(run.stage for run in service.study(study_id).runs), 60)
    executor: Any = service._supervisor._executor
    executor._slots[0].process._popen.kill()
    status = service.wait(study_id, timeout=120)
    assert status.state == "done"

    calm = open_service("calm", executor="serial")
    calm.wait(calm.submit(study), timeout=120)
    for run in status.runs:
        assert service.runs.records(run.run_id) == calm.runs.records(run.run_id)


def test_a_damaged_study_does_not_keep_others_from_being_deleted(open_service: Open) -> None:
    service = open_service()
    study_id = service.submit(tiny_study(seeds=(0,)))
    service.wait(study_id, timeout=60)
    damaged = service.submit(tiny_study(name="damaged", seeds=(0,)))
    (service.cache / "studies" / damaged / "study.json").write_bytes(b"{}")
    service.delete(study_id)

    assert study_id not in service.studies_store.ids()
    assert len(service.runs.run_ids()) == 2


def test_a_damaged_run_does_not_keep_others_from_being_planned(open_service: Open) -> None:
    service = open_service()
    study_id = service.submit(tiny_study(seeds=(0,)))
    status = service.wait(study_id, timeout=60)
    (service.cache / "runs" / status.runs[0].run_id / "config.json").write_bytes(b"{}")

    assert service.preview(tiny_study(name="next", seeds=(1,))).seconds is not None


def test_a_list_reads_every_study_file_and_finished_journal_once(
    open_service: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = open_service()
    study_id = service.submit(tiny_study())
    service.wait(study_id, timeout=60)
    first = service.studies()
    read: list[object] = []
    monkeypatch.setattr("alscope.store.runs.read_journal", lambda *args: read.append(args))
    monkeypatch.setattr("alscope.store.studies.read_sealed", lambda *args: read.append(args))
    monkeypatch.setattr(StudyStore, "desired", lambda *_: "active")

    assert service.studies() == first
    assert read == []


def test_activity_looks_at_no_study_that_is_not_worked_on(
    open_service: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = open_service(executor="serial")
    done = service.submit(tiny_study())
    service.wait(done, timeout=60)
    waiting = service.submit(tiny_study(name="other", seeds=(7, 8)))
    looked: list[str] = []
    load = StudyStore.load
    monkeypatch.setattr(StudyStore, "load", lambda s, i: looked.append(i) or load(s, i))
    activity = service.activity()

    assert (activity.n_running, activity.n_queued, activity.fraction) == (0, 4, 0.0)
    assert set(looked) == {waiting}


def test_activity_of_nothing_is_complete(open_service: Open) -> None:
    assert open_service().activity().fraction == 1.0


def test_seeds_are_added_as_a_larger_study_that_shares_its_runs(open_service: Open) -> None:
    service = open_service()
    small = service.submit(tiny_study(seeds=(3, 0)))
    service.wait(small, timeout=60)
    before = {run.run_id for run in service.study(small).runs}

    large = service.add_seeds(small, 2)
    grown = service.wait(large, timeout=60)

    assert large != small
    assert grown.config.seeds == (3, 0, 4, 5)
    assert grown.name == "tiny (4 seeds)"
    assert before < {run.run_id for run in grown.runs}
    assert (grown.n_runs, grown.n_done) == (8, 8)
    kinds = [event.kind for run_id in before for event in service.runs.history(run_id).events]
    assert kinds.count("started") == len(before)
    assert service.study(small).n_runs == 4


def test_growing_twice_counts_the_seeds_in_the_name_once(open_service: Open) -> None:
    service = open_service(executor="serial")
    small = service.submit(tiny_study(seeds=(0,)))

    larger = service.add_seeds(service.add_seeds(small, 1), 3)

    assert service.study(larger).name == "tiny (5 seeds)"
    assert service.study(larger).config.seeds == (0, 1, 2, 3, 4)


@pytest.mark.parametrize("n_more", [0, -1, 1000])
def test_an_impossible_number_of_seeds_is_refused(open_service: Open, n_more: int) -> None:
    service = open_service(executor="serial")
    study_id = service.submit(tiny_study(seeds=(0,)))

    with pytest.raises(ConfigError, match="at least 1"):
        service.add_seeds(study_id, n_more)


def test_a_serial_run_is_paused_from_another_thread_at_once(open_service: Open) -> None:
    service = open_service(executor="serial")
    # The first run is finished when the pause comes, so the request has to pass it by.
    slow = tiny_study(train=tiny_train(min_steps=3000), seeds=(0,))
    study_id = service.submit(slow)
    worker = threading.Thread(target=service.wait, args=(study_id,), kwargs={"timeout": 120})
    worker.start()
    until(lambda: any(run.stage == "train" for run in service.study(study_id).runs))
    began = time.monotonic()
    service.pause(study_id)
    took = time.monotonic() - began
    worker.join(timeout=60)
    status = service.study(study_id)

    assert took < 5
    assert not worker.is_alive()
    assert status.state == "paused"
    assert status.n_done < status.n_runs


def test_a_run_is_never_lost_between_deleting_one_study_and_submitting_another(
    open_service: Open,
) -> None:
    service = open_service(executor="serial")
    first, second = tiny_study(), tiny_study(name="again")
    study_id = service.submit(first)
    began, go_on = threading.Event(), threading.Event()
    trash = service.library._trash
    wanted = trash._wanted

    def slow() -> set[str] | None:
        found = wanted()
        began.set()
        go_on.wait(timeout=20)
        return found

    trash._wanted = slow
    deleting = threading.Thread(target=service.delete, args=(study_id,))
    deleting.start()
    began.wait(timeout=20)
    submitted: list[str] = []
    submitting = threading.Thread(target=lambda: submitted.append(service.submit(second)))
    submitting.start()
    time.sleep(0.2)
    go_on.set()
    deleting.join(timeout=20)
    submitting.join(timeout=20)

    assert [service.runs.exists(run.run_id) for run in second.runs()] == [True] * 4
    assert service.study(submitted[0]).n_active == 4


def test_a_priority_is_stored_with_the_study_and_seen_by_another_service(
    open_service: Open,
) -> None:
    service, other = open_service(executor="serial"), open_service(executor="serial")
    study_id = service.submit(tiny_study())
    last = service.study(study_id).runs[-1].run_id
    service.set_priority(study_id, 2)
    service.set_priority(study_id, 5, [last])
    seen = [run.priority for run in other.study(study_id).runs]
    service.set_priority(study_id, -1)

    assert seen == [2, 2, 2, 5]
    assert [run.priority for run in other.study(study_id).runs] == [-1] * 4


def test_resuming_a_study_whose_time_was_over_ends_the_cap(open_service: Open) -> None:
    service = open_service(executor="serial")
    study_id = service.submit(tiny_study(seeds=(0,)))
    service.pause_after(study_id, -1.0)
    assert service.wait(study_id, timeout=30).state == "paused"

    service.resume(study_id)

    assert service.wait(study_id, timeout=60).state == "done"


def test_runs_done_before_the_study_was_submitted_are_reused(open_service: Open) -> None:
    service = open_service()
    first = service.submit(tiny_study(seeds=(0,)))
    service.wait(first, timeout=60)
    larger = service.wait(service.add_seeds(first, 1), timeout=60)

    assert [run.reused for run in larger.runs] == [True, True, False, False]
    assert not any(run.reused for run in service.study(first).runs)
    assert all(run.n_annotated == 24 and run.started <= run.ended for run in larger.runs)


def test_the_most_urgent_run_begins_while_the_others_are_made(
    open_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = open_service(executor="serial")
    study_id = service.submit(tiny_study(seeds=(0,)))
    first, last = (run.run_id for run in service.study(study_id).runs)
    service.pause(study_id)
    service.set_priority(study_id, 5, [last])
    seen: list[str] = []
    monkeypatch.setattr(RunStore, "create", lambda self, run: seen.append(run.run_id))
    monkeypatch.setattr(Supervisor, "start", lambda self: seen.append("start"))
    service.resume(study_id)

    assert seen == [last, "start", first, "start"]
