"""`alscope doctor`: planted damage is found, what can be made again is repaired, results stay."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from alscope.cli import main
from alscope.engine.checkup import Finding, checkup, file_system
from alscope.engine.defaults import Paths
from alscope.engine.service import Service
from alscope.store.artifacts import ArtifactCache
from alscope.store.runs import RunStore
from alscope.types import RunState
from tests.ui.records import record, small_study


class Patient:
    """A cache folder with a study and a filled artifact cache."""

    def __init__(self, folder: Path) -> None:
        self.paths = Paths(folder)
        with Service.open(folder, executor="serial", offline=True) as service:
            self.study_id = record(service, small_study(), blobs=_blobs)
            service.library.describe(self.study_id, tags=["good"], note="a note")
        self.runs = RunStore(self.paths.runs)
        self.run_ids = self.runs.run_ids()
        cache = ArtifactCache(self.paths.artifacts)
        for number in range(4):
            cache.get_or_compute(f"key {number}", lambda n=number: ({"x": np.arange(9e4) + n}, {}))
        cache.close()

    def look(self, *, repair: bool = False) -> dict[str, Finding]:
        """Findings by what was looked at."""
        return {found.what: found for found in checkup(self.paths, repair=repair)}

    def levels(self, *, repair: bool = False) -> set[str]:
        return {found.level for found in self.look(repair=repair).values()}

    def content(self) -> dict[str, str]:
        """Digest of every file but locks and databases."""
        return {
            str(path.relative_to(self.paths.root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.paths.root.rglob("*"))
            if path.is_file() and not path.name.startswith(("lock", "cache.db", ".changing"))
        }


def _blobs(run: object, number: int) -> dict[str, dict[str, np.ndarray]]:
    arrays = {"queried": np.arange(10) + 10 * number, "labels": np.zeros(10, dtype=np.int64)}
    return {"query": arrays}


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    return Patient(tmp_path / "cache")


def old(path: Path) -> Path:
    """Let a file be two months old."""
    before = time.time() - 60 * 86400
    os.utime(path, (before, before))
    return path


def flip(path: Path, place: int = -40) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)


def test_a_sound_folder_is_left_alone(patient: Patient) -> None:
    before = patient.content()

    assert patient.levels() == patient.levels(repair=True) == {"ok"}
    assert patient.content() == before


def test_looking_changes_nothing_whatever_is_found(patient: Patient) -> None:
    plant_everything(patient)
    before = patient.content()
    found = patient.look()

    assert {"problem", "note"} <= {item.level for item in found.values()}
    assert patient.content() == before


def plant_everything(patient: Patient) -> None:
    """One damage of every kind."""
    first, second, third, fourth, *_ = (patient.runs.path_of(run) for run in patient.run_ids)
    flip(first / "journal.jsonl")
    next((second / "blobs").iterdir()).unlink()
    flip(third / "config.json")
    with (fourth / "journal.jsonl").open("ab") as file:
        file.write(b'{"seq": 99, "ki')
    old(_written(fourth / ".journal.abc.tmp"))
    old(_written(patient.paths.studies / patient.study_id / ".state.json.abc.tmp"))
    flip(patient.paths.studies / patient.study_id / "about.json")
    flip(sorted(patient.paths.artifacts.glob("v1/??/??/*.val"))[0])
    old(_written(patient.paths.artifacts / "v1/aa/bb/0123456789abcdef0123456789.val"))
    _written(patient.paths.artifacts / "v1.corrupt-1/cache.db")
    _written(patient.paths.summaries, b"nonsense")
    _written(patient.paths.settings, b"{}")
    old(_written(patient.paths.logs / "worker-1-0.log"))


def _written(path: Path, data: bytes = b"left") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_everything_that_can_be_made_again_is_repaired_and_said(patient: Patient) -> None:
    whole = {run_id: patient.runs.records(run_id) for run_id in patient.run_ids}
    damaged = patient.runs.path_of(patient.run_ids[0]) / "journal.jsonl"
    plant_everything(patient)
    kept = damaged.read_bytes()
    found = patient.look(repair=True)
    repaired = {what for what, item in found.items() if item.level == "repaired"}

    assert {f"run {run_id}" for run_id in patient.run_ids[:4]} <= repaired
    assert {"artifact cache", "summaries of runs", "settings", "left over", "logs"} <= repaired
    assert f"study {patient.study_id}" in repaired
    assert patient.levels() == {"ok"}
    assert damaged.with_name("journal.damaged-1").read_bytes() == kept
    store = RunStore(patient.paths.runs)
    for run_id in patient.run_ids:
        assert whole[run_id].startswith(store.records(run_id))
    assert store.records(patient.run_ids[2]) == whole[patient.run_ids[2]]
    assert (patient.paths.studies / patient.study_id / "about.json.damaged-1").exists()


def test_sound_entries_of_the_cache_survive_a_repair(patient: Patient) -> None:
    flip(sorted(patient.paths.artifacts.glob("v1/??/??/*.val"))[0])
    finding = patient.look(repair=True)["artifact cache"]
    cache = ArtifactCache(patient.paths.artifacts)

    assert "1 entries are damaged" in finding.found
    assert sum(cache.get(f"key {number}") is not None for number in range(4)) == 3


def test_a_broken_database_is_replaced_by_an_empty_cache(patient: Patient) -> None:
    database = patient.paths.artifacts / "v1" / "cache.db"
    database.write_bytes(b"no database" * 100)
    for more in ("cache.db-wal", "cache.db-shm"):
        database.with_name(more).unlink(missing_ok=True)

    assert "broken" in patient.look()["artifact cache"].found
    assert patient.look(repair=True)["artifact cache"].level == "repaired"
    assert ArtifactCache(patient.paths.artifacts).stats().available


def test_what_is_being_written_is_left_alone(patient: Patient) -> None:
    fresh = _written(patient.paths.runs / patient.run_ids[0] / ".journal.abc.tmp")
    value = _written(patient.paths.artifacts / "v1/aa/bb/0123456789abcdef0123456789.val")
    with patient.runs.open(patient.run_ids[0]):
        fresh.write_bytes(b"half")
        patient.look(repair=True)

        assert fresh.exists()
        assert value.exists()


def test_what_cannot_be_repaired_stays_a_problem_with_advice(patient: Patient) -> None:
    flip(patient.paths.studies / patient.study_id / "study.json")
    found = patient.look(repair=True)

    assert found[f"study {patient.study_id}"].level == "problem"
    assert "runs are not lost" in found[f"study {patient.study_id}"].found
    assert all(patient.runs.verify(run_id) == [] for run_id in patient.run_ids)


def test_a_repaired_run_is_computed_to_its_end(open_service: Callable[..., Service]) -> None:
    from tests.engine.conftest import tiny_study

    service = open_service(executor="serial")
    study_id = service.submit(tiny_study(seeds=(0,)))
    run_id = service.wait(study_id, timeout=60).runs[0].run_id
    truth = service.runs.records(run_id)
    flip(service.runs.path_of(run_id) / "journal.jsonl", -1500)
    list(checkup(Paths(service.cache), repair=True))

    assert len(service.runs.history(run_id).rounds) < 3
    service.retry(study_id)
    assert service.wait(study_id, timeout=60).runs[0].state is RunState.DONE
    assert service.runs.records(run_id) == truth


def test_a_network_folder_is_recognized(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/a / ext4 rw 0 0\nserver:/x /shared nfs4 rw 0 0\n", encoding="utf-8")

    assert file_system(Path("/shared/cache"), mounts) == "nfs4"
    assert file_system(Path("/srv/cache"), mounts) == "ext4"
    assert file_system(Path("/srv"), tmp_path / "none") == ""


def test_the_command_repairs_only_when_asked(
    patient: Patient, capsys: pytest.CaptureFixture[str]
) -> None:
    flip(patient.runs.path_of(patient.run_ids[0]) / "journal.jsonl")
    shared = ["--cache", str(patient.paths.root), "--device", "cpu"]

    assert main(["doctor", *shared]) == 1
    assert re.search(r"problem +run", capsys.readouterr().out)
    assert main(["doctor", "--repair", *shared]) == 0
    assert re.search(r"repaired +run \w+ +entry", capsys.readouterr().out)
    assert main(["doctor", *shared]) == 0
