"""What lists know of runs: exact, seen at the next look, dropped when the files change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from alscope.errors import StoreError
from alscope.store.runs import RunStore
from alscope.store.summaries import RunSummaries
from alscope.types import RunState
from tests.store.conftest import N_ROUNDS, drive, python, run_config

N_MANY = 25


class Desk:
    """A store, summaries of it, and how often journals were read."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = root.parent / "derived" / "summaries.bin"
        self.store = RunStore(root)
        self.read: list[str] = []
        history = RunStore.history

        def counted(store: RunStore, run_id: str):
            self.read.append(run_id)
            return history(store, run_id)

        monkeypatch.setattr(RunStore, "history", counted)

    def summaries(self) -> RunSummaries:
        return RunSummaries(self.store, self.path)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path / "runs", monkeypatch)


@pytest.fixture
def many(desk: Desk) -> list[str]:
    """Enough finished runs to be worth a file."""
    return [drive(desk.store, run_config(seed)) for seed in range(N_MANY)]


def test_a_summary_says_what_the_journal_says(desk: Desk) -> None:
    run_id = drive(desk.store)
    summary = desk.summaries().get(run_id)

    assert summary is not None
    assert summary.state is RunState.DONE
    assert summary.n_rounds == N_ROUNDS + 1
    assert summary.damaged is None
    assert summary.size == sum(
        path.stat().st_size for path in desk.store.path_of(run_id).rglob("*") if path.is_file()
    )


def test_points_are_annotations_and_accuracy_and_seconds_are_added(desk: Desk) -> None:
    run_id = desk.store.create(run_config())
    with desk.store.open(run_id) as writer:
        writer.append("started", {})
        for number in (0, 1):
            result = {"n_annotated": 20 + 10 * number, "metrics": {"accuracy": 0.5 + number / 4}}
            writer.append("round", {"result": result, "timing": {"executed_s": 1.5}})
    summary = desk.summaries().get(run_id)

    assert summary is not None
    assert summary.points == ((20, 0.5), (30, 0.75))
    assert summary.elapsed_s == 3.0


def test_a_run_that_does_not_exist_has_no_summary(desk: Desk) -> None:
    summaries = desk.summaries()

    assert summaries.get("0" * 20) is None
    assert summaries.get("../../etc") is None


def test_a_journal_is_read_once_while_it_stays_the_same(desk: Desk) -> None:
    run_id = drive(desk.store)
    summaries = desk.summaries()
    first = [summaries.get(run_id) for _ in range(3)]

    assert desk.read == [run_id]
    assert first[0] == first[2]


def test_another_process_reads_no_journal_of_finished_runs(desk: Desk, many: list[str]) -> None:
    first = desk.summaries()
    found = [first.get(run_id) for run_id in many]
    first.keep()
    desk.read.clear()
    later = desk.summaries()

    assert [later.get(run_id) for run_id in many] == found
    assert desk.read == []


def test_what_another_process_writes_is_seen_at_the_next_look(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    run_id = store.create(run_config())
    summaries = RunSummaries(store, tmp_path / "summaries.bin")
    before = summaries.get(run_id)
    code = (
        "import sys; from pathlib import Path; from alscope.store.runs import RunStore\n"
        "with RunStore(Path(sys.argv[1])).open(sys.argv[2]) as writer:\n"
        "    writer.append('started', {}); writer.append('failed', {'message': 'why'})"
    )
    with python(code, tmp_path / "runs", run_id) as process:
        process.communicate(timeout=60)
        assert process.returncode == 0
    after = summaries.get(run_id)

    assert before is not None
    assert before.state is RunState.QUEUED
    assert after is not None
    assert after.state is RunState.FAILED
    assert after.error == {"message": "why"}


def test_a_damaged_journal_is_found_although_a_summary_was_kept(
    desk: Desk, many: list[str]
) -> None:
    first = desk.summaries()
    for run_id in many:
        first.get(run_id)
    first.keep()
    journal = desk.store.path_of(many[3]) / "journal.jsonl"
    data = bytearray(journal.read_bytes())
    data[-20] ^= 1
    journal.write_bytes(data)
    found = desk.summaries().get(many[3])

    assert found is not None
    assert "unusable" in str(found.damaged)
    assert found.state is RunState.RUNNING


def test_a_deleted_array_is_found_although_a_summary_was_kept(desk: Desk, many: list[str]) -> None:
    first = desk.summaries()
    for run_id in many:
        first.get(run_id)
    first.keep()
    next((desk.store.path_of(many[5]) / "blobs").iterdir()).unlink()
    desk.store = RunStore(desk.store.path_of(many[0]).parent)

    found = desk.summaries().get(many[5])

    assert found is not None
    assert "are missing" in str(found.damaged)


def test_a_deleted_run_is_gone_although_a_summary_was_kept(desk: Desk, many: list[str]) -> None:
    summaries = desk.summaries()
    for run_id in many:
        summaries.get(run_id)
    summaries.keep()
    shutil.rmtree(desk.store.path_of(many[0]))

    assert summaries.get(many[0]) is None
    assert desk.summaries().get(many[0]) is None


def test_only_finished_and_sound_runs_are_kept(desk: Desk, many: list[str]) -> None:
    unfinished = desk.store.create(run_config(N_MANY))
    with desk.store.open(unfinished) as writer:
        writer.append("started", {})
    first = desk.summaries()
    for run_id in (*many, unfinished):
        first.get(run_id)
    first.keep()
    desk.read.clear()
    desk.summaries().get(unfinished)

    assert desk.read == [unfinished]


def test_a_few_new_runs_are_not_worth_writing_the_file(desk: Desk) -> None:
    summaries = desk.summaries()
    summaries.get(drive(desk.store))
    summaries.keep()

    assert not desk.path.exists()


def test_a_damaged_file_of_summaries_is_made_again(desk: Desk, many: list[str]) -> None:
    first = desk.summaries()
    found = [first.get(run_id) for run_id in many]
    first.keep()
    data = bytearray(desk.path.read_bytes())

    for place in range(0, len(data), max(1, len(data) // 40)):
        harmed = data.copy()
        harmed[place] ^= 0x10
        desk.path.write_bytes(harmed)
        assert [desk.summaries().get(many[0])] == found[:1]
    desk.path.write_bytes(data[: len(data) // 2])
    assert [desk.summaries().get(run_id) for run_id in many] == found


def test_summaries_that_cannot_be_written_disturb_nobody(desk: Desk, many: list[str]) -> None:
    desk.path.parent.write_text("a file where the folder should be", encoding="utf-8")
    summaries = desk.summaries()
    for run_id in many:
        summaries.get(run_id)
    summaries.keep()

    assert summaries.get(many[0]) is not None


def test_a_journal_that_cannot_be_read_is_an_error_every_time(desk: Desk) -> None:
    run_id = drive(desk.store)
    journal = desk.store.path_of(run_id) / "journal.jsonl"
    journal.unlink()
    journal.mkdir()
    summaries = desk.summaries()

    for _ in range(2):
        with pytest.raises(StoreError):
            summaries.get(run_id)
