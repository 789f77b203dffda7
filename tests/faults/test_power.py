"""C4: power loss at any point, with whatever the disk had not yet written gone or torn."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from alscope.store import _faults, journal, writer
from alscope.store.runs import RunStore
from alscope.store.studies import StudyStore
from tests.engine.conftest import tiny_study
from tests.faults.power import Disk, forgetful
from tests.store.conftest import drive, hooked


def cuts(root: Path, work: Callable[[], object], see: Callable[[Disk], None]) -> int:
    """Work on a forgetful disk and look at it at every fault point; returns their number."""
    names: list[str] = []
    root.mkdir()
    with forgetful(root) as disk, hooked(lambda name: (names.append(name), see(disk))):
        work()
    return len(names)


def resumed(root: Path) -> bytes:
    """The records after the run was continued on what is left."""
    with pytest.MonkeyPatch.context() as patch, hooked(lambda name: None):
        patch.setattr(os, "fsync", lambda handle: None)
        store = RunStore(root)
        run_id = drive(store)
        assert store.verify(run_id) == []
        return store.records(run_id)


class Witness:
    """Notes what was acknowledged, and holds it against what a power loss left."""

    def __init__(
        self, folder: Path, dice: random.Random, patch: pytest.MonkeyPatch, *, on_its_way: int = 0
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.dice, self.on_its_way = folder, dice, on_its_way
        self.n_cuts = self.n_acknowledged = 0
        whole = RunStore(folder / "whole")
        self.run_id = drive(whole)
        self.truth = whole.records(self.run_id)
        append = writer.RunWriter.append

        def noted(self_: writer.RunWriter, kind: str, *args: object, **options: object) -> None:
            append(self_, kind, *args, **options)
            self.n_acknowledged += kind == "round"

        patch.setattr(writer.RunWriter, "append", noted)

    def see(self, disk: Disk) -> None:
        hook, n_acknowledged = _faults._hook, self.n_acknowledged
        left = self.folder / "left"
        for _ in range(2):
            shutil.rmtree(left, ignore_errors=True)
            disk.cut(left, self.dice)
            store = RunStore(left)
            found = store.history(self.run_id) if store.exists(self.run_id) else None
            assert len(found.rounds if found else ()) >= n_acknowledged - self.on_its_way
            assert found is None or found.damaged is None
            assert self.truth.startswith(store.records(self.run_id) if found else b"")
            self.n_cuts += 1
        if self.dice.random() < 0.3:  # the rest of the time goes into more cuts
            assert resumed(left) == self.truth
        shutil.rmtree(left)
        _faults.install(hook)
        self.n_acknowledged = n_acknowledged


def test_a_power_loss_at_any_point_loses_no_acknowledged_round(
    tmp_path: Path, dice: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = Witness(tmp_path, dice, monkeypatch)
    n_points = cuts(tmp_path / "disk", lambda: drive(RunStore(tmp_path / "disk")), witness.see)

    assert n_points > 40
    assert witness.n_acknowledged == 4


@pytest.mark.slow
def test_a_power_loss_loses_no_more_than_the_round_that_nobody_waited_for(
    tmp_path: Path, dice: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = Witness(tmp_path, dice, monkeypatch, on_its_way=1)
    root = tmp_path / "disk"
    n_points = cuts(root, lambda: drive(RunStore(root), wait=False), witness.see)

    assert n_points > 30
    assert witness.n_acknowledged == 4


def test_a_power_loss_leaves_a_study_as_it_was_or_as_it_shall_be(
    tmp_path: Path, dice: random.Random
) -> None:
    study, left, wishes = tiny_study(), tmp_path / "left", ["active"]
    store = StudyStore(tmp_path / "disk")
    study_id = store.id_of(study)

    def work() -> None:
        store.save(study_id, study)
        for wish in ("paused", "cancelled", "active"):
            wishes.append(wish)
            store.set_desired(study_id, wish)

    def see(disk: Disk) -> None:
        for _ in range(5):
            disk.cut(left, dice)
            found = StudyStore(left)
            if found.exists(study_id):
                assert found.load(study_id).config == study
                assert found.desired(study_id) in wishes[-2:]
            else:
                assert wishes == ["active"]
            shutil.rmtree(left)

    assert cuts(tmp_path / "disk", work, see) == 12


@pytest.mark.slow
@pytest.mark.parametrize("step", ["arrays", "folder", "line"])
def test_the_model_notices_every_sync_that_is_left_out(
    tmp_path: Path, dice: random.Random, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    careless = SimpleNamespace(**{**vars(os), "fsync": lambda handle: None})
    write = journal.write_file
    if step == "arrays":
        monkeypatch.setattr(
            journal, "write_file", lambda *args, **options: write(*args, **options, durable=False)
        )
    elif step == "folder":
        monkeypatch.setattr("alscope.store.files.sync_folder", lambda folder: None)
    else:
        monkeypatch.setattr(writer, "os", careless)
    witness = Witness(tmp_path, dice, monkeypatch)

    with pytest.raises(AssertionError):
        cuts(tmp_path / "disk", lambda: drive(RunStore(tmp_path / "disk")), witness.see)
