"""The trash: back byte for byte, nothing lost whenever the process dies, shared runs stay."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from alscope.config import RunConfig, ScenarioConfig, StrategySpec, StudyConfig
from alscope.errors import StoreError, UnknownNameError
from alscope.store.runs import RunStore
from alscope.store.studies import StudyStore
from alscope.store.trash import Trash, TrashEntry
from tests.store.conftest import CrashError, drive, fail_at, hooked, points_of


def config(name: str, *strategies: str) -> StudyConfig:
    return StudyConfig(
        name=name,
        scenarios=(ScenarioConfig(n_rounds=3),),
        strategies=tuple(StrategySpec(name=strategy) for strategy in strategies),
        seeds=(0,),
    )


def tree(folder: Path, *, trash: bool = False) -> dict[str, str]:
    """Hash of every file below a folder, what is in the trash left out unless it is asked for."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.name not in {".changing", ".reserve"}
        and (trash or ".trash" not in path.parts)
    }


class Desk:
    """Two stores with a trash, as a new process would open them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = RunStore(folder / "runs")
        self.studies = StudyStore(folder / "studies")
        self.trash = Trash(self.runs, self.studies, self.wanted)

    def wanted(self) -> set[str] | None:
        try:
            ids = self.studies.ids()
            return {run for study in ids for run in self.studies.load(study).run_ids}
        except StoreError:
            return None

    def store(self, study: StudyConfig, drive_one: Callable[..., str] = drive) -> str:
        study_id = self.studies.id_of(study)
        self.studies.save(study_id, study)
        for run in study.runs():
            drive_one(self.runs, run)
        return study_id

    def put(self, study_id: str) -> str:
        record = self.studies.load(study_id)
        return self.trash.put(study_id, name=record.config.name, run_ids=record.run_ids)

    def entry(self) -> TrashEntry:
        (entry,) = self.trash.entries()
        return entry


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def runs_of(desk: Desk) -> Callable[[str], tuple[str, ...]]:
    return lambda study_id: desk.studies.load(study_id).run_ids


def test_a_deleted_study_is_gone_and_comes_back_byte_for_byte(desk: Desk) -> None:
    study_id = desk.store(config("first", "random", "margin"))
    desk.studies.set_desired(study_id, "paused")
    before = tree(desk.folder)
    entry_id = desk.put(study_id)

    assert not desk.studies.exists(study_id)
    assert desk.runs.run_ids() == ()
    assert desk.entry().held == tuple(sorted(desk.entry().run_ids))
    assert desk.entry().size > 0
    assert desk.trash.restore(entry_id) == study_id
    assert tree(desk.folder) == before
    assert desk.trash.entries() == ()
    assert desk.runs.verify(desk.studies.load(study_id).run_ids[0]) == []


def test_a_run_that_never_began_comes_back_as_it_was(desk: Desk) -> None:
    study_id = desk.store(config("first", "random"), lambda runs, run: runs.create(run))
    before = tree(desk.folder)

    desk.trash.restore(desk.put(study_id))

    assert tree(desk.folder) == before


def test_runs_of_other_studies_stay(desk: Desk) -> None:
    first = desk.store(config("first", "random", "margin"))
    second = desk.store(config("second", "margin", "entropy"))
    shared = set(desk.studies.load(second).run_ids)
    desk.put(first)

    assert set(desk.runs.run_ids()) == shared
    assert len(desk.entry().held) == 1


def test_all_runs_stay_while_another_study_is_damaged(desk: Desk) -> None:
    first = desk.store(config("first", "random", "margin"))
    second = desk.store(config("second", "margin"))
    (desk.folder / "studies" / second / "study.json").write_text("{", encoding="utf-8")
    desk.put(first)

    assert len(desk.runs.run_ids()) == 2
    assert desk.entry().held == ()


def test_a_run_that_is_written_stays_and_follows_later(desk: Desk) -> None:
    study_id = desk.store(config("first", "random", "margin"))
    run_id = desk.studies.load(study_id).run_ids[0]
    with desk.runs.open(run_id):
        desk.put(study_id)
        assert desk.runs.run_ids() == (run_id,)

    assert len(desk.entry().held) == 2


def test_a_run_shared_by_two_deleted_studies_comes_back_with_either(desk: Desk) -> None:
    for back in (0, 1):
        here = Desk(desk.folder / str(back))
        ids = [
            here.store(config("first", "random", "margin")),
            here.store(config("second", "margin", "entropy")),
        ]
        before = {study: here.studies.load(study).run_ids for study in ids}
        entries = [here.put(study) for study in ids]
        here.trash.restore(entries[back])

        assert all(here.runs.verify(run_id) == [] for run_id in before[ids[back]])
        here.trash.restore(entries[1 - back])
        assert set(here.runs.run_ids()) == {*before[ids[0]], *before[ids[1]]}


def test_deleting_for_ever_keeps_what_another_deleted_study_needs(desk: Desk) -> None:
    first = desk.store(config("first", "random", "margin"))
    needed = set(desk.studies.load(first).run_ids)
    second = desk.store(config("second", "margin", "entropy"))
    kept, purged = desk.put(first), desk.put(second)
    for entry in (purged,):
        desk.trash.purge(entry)
    desk.trash.restore(kept)

    assert set(desk.runs.run_ids()) == needed


def test_deleting_for_ever_frees_the_bytes_it_says(desk: Desk) -> None:
    entry_id = desk.put(desk.store(config("first", "random")))
    size = desk.entry().size

    assert desk.trash.purge(entry_id) == size
    assert desk.trash.entries() == ()
    assert tree(desk.folder / "runs", trash=True) == {}


def test_a_study_that_exists_again_is_not_replaced(desk: Desk) -> None:
    study = config("first", "random")
    entry_id = desk.put(desk.store(study))
    study_id = desk.store(study)
    before = tree(desk.folder)
    with pytest.raises(StoreError, match="again"):
        desk.trash.restore(entry_id)

    assert tree(desk.folder) == before
    again = desk.put(study_id)
    assert {entry.entry_id for entry in desk.trash.entries()} == {entry_id, again}


def test_a_run_that_exists_again_stays_and_the_old_one_is_left_in_the_trash(desk: Desk) -> None:
    entry_id = desk.put(desk.store(config("first", "random", "margin")))
    desk.store(config("second", "margin"))
    (present,) = desk.runs.run_ids()
    before = tree(desk.runs.path_of(present))
    desk.trash.restore(entry_id)

    assert tree(desk.runs.path_of(present)) == before
    assert desk.entry().held == (present,)
    assert not desk.entry().whole
    with pytest.raises(StoreError, match="nothing to bring back"):
        desk.trash.restore(entry_id)
    desk.trash.purge(entry_id)
    assert desk.trash.entries() == ()
    assert len(desk.runs.run_ids()) == 2


def test_a_damaged_study_can_be_deleted_and_comes_back(desk: Desk) -> None:
    study_id = desk.store(config("first", "random"))
    (desk.folder / "studies" / study_id / "study.json").write_text("{", encoding="utf-8")
    before = tree(desk.folder)
    entry_id = desk.trash.put(study_id, name=study_id, run_ids=())

    assert not desk.studies.exists(study_id)
    desk.trash.restore(entry_id)
    assert tree(desk.folder) == before


def test_an_entry_whose_note_is_damaged_is_still_listed_and_comes_back(desk: Desk) -> None:
    study_id = desk.store(config("first", "random"))
    before = tree(desk.folder)
    entry_id = desk.put(study_id)
    (desk.folder / "studies" / ".trash" / entry_id / "entry.json").write_text("{")

    assert desk.entry().study_id == study_id
    desk.trash.restore(entry_id)
    assert tree(desk.folder) == before


def test_an_unknown_entry_is_an_error(desk: Desk) -> None:
    for action in (desk.trash.restore, desk.trash.purge):
        with pytest.raises(UnknownNameError):
            action("../../etc")


def states_after_every_crash(
    folder: Path, prepare: Callable[[Desk], str], action: Callable[[Desk, str], object]
) -> list[Desk]:
    """New processes on what is left when `action` is killed at its first, second, ... point."""

    def begin(name: str) -> tuple[Desk, str]:
        desk = Desk(folder / name)
        return desk, prepare(desk)

    desk, arguments = begin("whole")
    n_points = len(points_of(lambda: action(desk, arguments)))
    assert n_points >= 2
    left = []
    for number in range(n_points):
        desk, arguments = begin(f"crash-{number}")
        with hooked(fail_at(number, CrashError)), pytest.raises(CrashError):
            action(desk, arguments)
        left.append(Desk(folder / f"crash-{number}"))
    return left


TWO = config("first", "random", "margin")


def test_killed_while_deleting_the_study_is_here_or_in_the_trash_whole(tmp_path: Path) -> None:
    whole = Desk(tmp_path / "untouched")
    study_id = whole.store(TWO)
    before = set(tree(whole.folder))
    outcomes = set()

    for desk in states_after_every_crash(tmp_path, lambda d: d.store(TWO), Desk.put):
        entries = desk.trash.entries()
        outcomes.add(len(entries))
        if entries:
            assert not desk.studies.exists(study_id)
            assert len(entries[0].held) == 2
            desk.trash.restore(entries[0].entry_id)
        assert set(tree(desk.folder)) == before
        assert all(desk.runs.verify(run_id) == [] for run_id in desk.studies.load(study_id).run_ids)
        assert desk.trash.entries() == ()

    assert outcomes == {0, 1}


def test_killed_while_restoring_the_study_is_here_or_in_the_trash_whole(tmp_path: Path) -> None:
    whole = Desk(tmp_path / "untouched")
    study_id = whole.store(TWO)
    before = set(tree(whole.folder))

    def restore(desk: Desk, entry_id: str) -> None:
        desk.trash.restore(entry_id)

    for desk in states_after_every_crash(tmp_path, lambda d: d.put(d.store(TWO)), restore):
        for entry in desk.trash.entries():
            assert not desk.studies.exists(study_id)
            assert len(entry.held) == 2
            desk.trash.restore(entry.entry_id)
        assert set(tree(desk.folder)) == before
        assert all(desk.runs.verify(run_id) == [] for run_id in desk.studies.load(study_id).run_ids)


def test_killed_while_deleting_for_ever_the_rest_is_deleted_next_time(tmp_path: Path) -> None:
    def purge(desk: Desk, entry_id: str) -> None:
        desk.trash.purge(entry_id)

    for desk in states_after_every_crash(tmp_path, lambda d: d.put(d.store(TWO)), purge):
        for entry in desk.trash.entries():
            desk.trash.purge(entry.entry_id)
        assert tree(desk.folder / "runs", trash=True) == {}
        assert tree(desk.folder / "studies", trash=True) == {}


def test_a_study_that_cannot_be_moved_stays(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    study_id = desk.store(config("first", "random"))
    before = tree(desk.folder)
    error = OSError(28, "No space left on device")
    with hooked(fail_at(0, lambda: error)), pytest.raises(StoreError, match="No space left"):
        desk.put(study_id)

    assert tree(desk.folder) == before
    assert desk.studies.exists(study_id)


def test_runs_that_cannot_be_moved_now_follow_later(desk: Desk) -> None:
    study_id = desk.store(config("first", "random", "margin"))
    n_points = len(points_of(lambda: desk.trash.restore(desk.put(study_id))))
    error = OSError(13, "Permission denied")
    at_the_first_run = points_of(lambda: desk.put(study_id)).index("move.after") + 1
    desk.trash.restore(desk.entry().entry_id)
    with hooked(fail_at(at_the_first_run, lambda: error)):
        desk.put(study_id)

    assert n_points > at_the_first_run
    assert not desk.studies.exists(study_id)
    assert len(desk.entry().held) == 2


def test_the_trash_is_no_run_and_no_study(desk: Desk) -> None:
    desk.put(desk.store(config("first", "random")))

    assert desk.runs.run_ids() == ()
    assert desk.studies.ids() == ()
    assert not desk.runs.exists(".trash")
    assert not desk.studies.exists(".trash")


def test_a_folder_that_disappeared_from_the_trash_hurts_nobody(desk: Desk) -> None:
    entry_id = desk.put(desk.store(config("first", "random")))
    shutil.rmtree(desk.folder / "runs" / ".trash" / entry_id)
    desk.trash.restore(entry_id)

    assert desk.trash.entries() == ()
    assert desk.runs.run_ids() == ()


def test_runs_are_the_same_experiment_after_a_round_trip(desk: Desk) -> None:
    study_id = desk.store(config("first", "random"))
    run: RunConfig = desk.studies.load(study_id).config.runs()[0]
    records = desk.runs.records(run.run_id)
    desk.trash.restore(desk.put(study_id))

    assert desk.runs.records(run.run_id) == records
