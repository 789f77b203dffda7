"""C11 to C13: clocks that jump, stores of other versions, exports that are interrupted."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from alscope.cli import main
from alscope.config import SCHEMA
from alscope.engine.service import Service
from alscope.errors import NewerFormatError
from alscope.results.export import write_frame
from alscope.store import writer as writer_module
from alscope.store.files import seal, unseal
from alscope.store.runs import RunStore
from alscope.store.studies import StudyStore
from alscope.types import RunState
from tests.engine.conftest import Bench, tiny_run, tiny_study
from tests.store.conftest import CrashError, drive, fail_at, hooked, points_of, run_config

RELEASED = Path(__file__).parent / "released"
"""One store of every format that was ever released: a study of one finished run."""
Open = Callable[..., Service]


class Clock(datetime):
    """Jumps back an hour, on a year, and back again."""

    jumps = itertools.cycle((timedelta(0), timedelta(hours=-1), timedelta(days=366)))

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return datetime.now(UTC) + next(cls.jumps)


def test_a_clock_that_jumps_changes_neither_results_nor_durations(
    bench: Bench, make_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, calm = tiny_run(), make_bench("calm")
    calm.execute(config)
    real, jumps = time.time, itertools.cycle((0.0, -3600.0, 3.2e7))
    monkeypatch.setattr(writer_module, "datetime", Clock)
    monkeypatch.setattr(time, "time", lambda: real() + next(jumps))
    assert bench.execute(config) is RunState.DONE
    history = bench.store.history(config.run_id)
    times = [event.at for event in history.events]

    assert times != sorted(times)
    assert [event.seq for event in history.events] == list(range(len(times)))
    assert bench.records(config) == calm.records(config)
    for event in history.rounds:
        assert all(value >= 0 for name, value in event.data["timing"].items() if name[-2:] == "_s")


@pytest.mark.parametrize("schema", [path.name for path in sorted(RELEASED.iterdir())])
def test_a_store_of_every_released_format_can_be_read_and_goes_on(
    tmp_path: Path, schema: str
) -> None:
    shutil.copytree(RELEASED / schema, tmp_path / "cache")
    known = json.loads((RELEASED / schema / "known.json").read_text(encoding="utf-8"))
    runs, studies = RunStore(tmp_path / "cache/runs"), StudyStore(tmp_path / "cache/studies")
    (run_id,), (study_id,) = runs.run_ids(), studies.ids()

    assert runs.verify(run_id) == []
    assert runs.history(run_id).state is RunState.DONE
    assert runs.records(run_id).decode() == known["records"]
    assert studies.load(study_id).run_ids == (run_id,)
    with runs.open(run_id) as writer:
        writer.append("requeued", {})
    assert runs.verify(run_id) == []


def test_the_formats_that_were_released_are_all_kept() -> None:
    assert sorted(path.name for path in RELEASED.iterdir()) == [
        f"schema-{number}" for number in range(1, SCHEMA + 1)
    ]


def newer(path: Path) -> bytes:
    """Turn a stored configuration into that of a version to come; returns its bytes."""
    record = unseal(path.read_bytes())
    del record["check"]
    record["config"] = {**record["config"], "schema": SCHEMA + 1, "colour": "mauve"}
    path.write_bytes(seal(record))
    return path.read_bytes()


def test_a_run_of_a_newer_version_is_only_looked_at(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run_id = drive(store)
    config = newer(tmp_path / run_id / "config.json")
    journal = tmp_path / run_id / "journal.jsonl"
    line = unseal(journal.read_bytes().splitlines()[0])
    del line["check"]
    journal.write_bytes(seal({**line, "mood": "good"}) + b"\n")
    before = journal.read_bytes()
    fresh = RunStore(tmp_path)

    for touch in (fresh.open, fresh.history, lambda _: fresh.create(run_config())):
        with pytest.raises(NewerFormatError, match=r"newer version of ALScope .* update ALScope"):
            touch(run_id)
    assert ["newer version" in problem for problem in fresh.verify(run_id)] == [True]
    assert (tmp_path / run_id / "config.json").read_bytes() == config
    assert journal.read_bytes() == before
    assert not list(tmp_path.rglob("journal.damaged*"))


def test_a_study_of_a_newer_version_is_named_and_the_others_can_be_used(
    open_service: Open,
) -> None:
    service = open_service(executor="serial")
    first, second = (service.submit(tiny_study(name=name, seeds=(0,))) for name in ("a", "b"))
    path = service.cache / "studies" / first / "study.json"
    kept = newer(path)
    for run in service.study(second).runs:
        newer(service.cache / "runs" / run.run_id / "config.json")
    again = open_service(executor="serial")
    status = again.study(second)

    assert [study.study_id for study in again.studies()] == [second]
    assert "newer version" in again.library.damaged()[0].reason
    assert all("newer version" in run.message for run in status.runs if run.message)
    assert path.read_bytes() == kept


def test_a_crash_at_any_point_of_an_export_leaves_the_old_file_or_the_new_one(
    tmp_path: Path,
) -> None:
    frame = pd.DataFrame({"x": range(1000)})
    for form in ("csv", "json", "parquet"):
        path = tmp_path / f"rounds.{form}"
        write_frame(frame, form, path)
        whole = path.read_bytes()
        n_points = len(points_of(lambda form=form, path=path: write_frame(frame, form, path)))
        assert n_points >= 3
        for n in range(n_points):
            path.write_bytes(b"old")
            with hooked(fail_at(n, CrashError)), pytest.raises(CrashError):
                write_frame(frame, form, path)

            assert path.read_bytes() in {b"old", whole}


@pytest.mark.slow
def test_a_crash_while_a_report_or_a_bundle_is_written_leaves_no_part_of_it(
    open_service: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = open_service("cache", executor="serial")
    study_id = service.submit(tiny_study(seeds=(0, 1)))
    service.wait(study_id, timeout=60)
    shared = ["--cache", str(tmp_path / "cache"), "--offline"]
    commands = {
        "page.html": ["report", study_id, "--out", str(tmp_path / "page.html")],
        "study.zip": ["bundle", study_id, "--out", str(tmp_path / "study.zip")],
    }
    replace = os.replace

    def died(source: object, target: object) -> None:
        if str(target).startswith(str(tmp_path / "page")) or str(target).endswith(".zip"):
            raise CrashError
        replace(source, target)  # type: ignore[arg-type]

    for name, command in commands.items():
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", died)
            with pytest.raises(CrashError):
                main([*command, *shared])
        assert not (tmp_path / name).exists()
        assert main([*command, *shared]) == 0
        assert (tmp_path / name).stat().st_size > 1000
