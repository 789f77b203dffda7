"""The library behind pages and command line: notes, trash, settings, disk use."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from alscope.engine.service import Service
from alscope.engine.settings import GIB, MIN_ARTIFACTS, Settings, read_settings, write_settings
from alscope.errors import ConfigError, StoreError, UnknownNameError
from alscope.store.about import MAX_NOTE, MAX_TAGS, About, clean_tags
from alscope.store.artifacts import ArtifactCache
from tests.engine.conftest import tiny_study
from tests.ui.records import record, small_study

Open = Callable[..., Service]


@pytest.fixture
def service(open_service: Open) -> Service:
    return open_service(executor="serial")


def test_tags_have_one_form() -> None:
    assert clean_tags([" a  b ", "A B", "", "c", "e\u0301"]) == ("a b", "c", "\u00e9")


def test_what_cannot_be_kept_of_a_note_is_said_at_once() -> None:
    about = About(tags=("x" * 31, "a,b", "\u202e", *map(str, range(MAX_TAGS))), note="n" * 10_001)
    with pytest.raises(ConfigError) as caught:
        about.checked()

    assert len(caught.value.problems) == 5
    assert MAX_NOTE == 10_000


def test_tags_and_note_survive_the_process(service: Service, open_service: Open) -> None:
    study_id = record(service, small_study())
    service.library.describe(study_id, tags=["a", "b"], note="  why\n")
    service.library.tag(study_id, add=["c"], remove=["A"])

    assert open_service().study(study_id).about == About(("b", "c"), "why")


def test_noting_changes_neither_results_nor_identity(service: Service) -> None:
    study_id = record(service, small_study())
    before = [service.runs.records(run.run_id) for run in service.study(study_id).runs]
    service.library.describe(study_id, tags=["a"], note="b")

    assert [service.runs.records(run.run_id) for run in service.study(study_id).runs] == before
    assert service.studies_store.id_of(service.study(study_id).config) == study_id


def test_a_damaged_study_is_listed_apart(service: Service) -> None:
    good, bad = record(service, small_study("good")), record(service, small_study("bad"))
    (service.cache / "studies" / bad / "study.json").write_text("{", encoding="utf-8")

    assert [study.study_id for study in service.studies()] == [good]
    (found,) = service.library.damaged()
    assert found.study_id == bad
    assert "damaged" in found.reason


def test_a_deleted_study_that_is_started_again_finds_its_shared_runs(service: Service) -> None:
    first, second = small_study("first"), small_study("second", n_seeds=3)
    ids = [record(service, study) for study in (first, second)]
    service.delete(ids[0])

    assert service.study(ids[1]).n_done == 9
    assert service.submit(first) == ids[0]
    assert service.study(ids[0]).n_done == 6


def test_a_study_brought_back_has_its_results(service: Service) -> None:
    study_id = record(service, small_study())
    before = service.study(study_id)
    entry_id = service.delete(study_id)
    with pytest.raises(UnknownNameError):
        service.study(study_id)
    service.library.restore(entry_id)

    assert service.study(study_id) == before


def test_a_queued_study_can_be_deleted_and_is_not_executed(service: Service) -> None:
    study_id = service.submit(tiny_study())
    service.delete(study_id)

    assert service.activity().n_queued == 0
    (entry,) = service.library.trash()
    assert len(entry.held) == 4


def test_age_is_counted_in_days_and_the_future_is_never_old(service: Service) -> None:
    entry_id = service.delete(record(service, small_study()))
    now = datetime.now(UTC)

    def old(days: float, moment: datetime) -> list[str]:
        return [e.entry_id for e in service.library.older_than(days, now=moment)]

    assert old(30, now) == []
    assert old(30, now + timedelta(days=31)) == [entry_id]
    assert old(0, now - timedelta(days=1)) == []


def test_settings_survive_the_process_and_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "new" / "settings.json"
    assert read_settings(path) == Settings()
    write_settings(path, Settings(artifact_limit=3 * GIB))
    assert read_settings(path).artifact_limit == 3 * GIB

    for size in (0, -1, MIN_ARTIFACTS - 1, 2**60):
        with pytest.raises(ConfigError, match="artifact_limit"):
            write_settings(path, Settings(artifact_limit=size))
    assert read_settings(path).artifact_limit == 3 * GIB


def test_damaged_settings_are_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "settings.json"
    write_settings(path, Settings(artifact_limit=3 * GIB))
    path.write_bytes(path.read_bytes().replace(b"3221225472", b"3221225473"))

    assert read_settings(path) == Settings()
    assert "the settings are not used" in caplog.text


def test_settings_that_cannot_be_written_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be kept"):
        write_settings(tmp_path / "file" / "settings.json", Settings())


def test_a_smaller_limit_evicts_at_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alscope.engine.settings.MIN_ARTIFACTS", 1)
    cache = ArtifactCache(service.cache / "artifacts")
    for number in range(4):
        arrays = {"x": np.full(50_000, number, dtype=np.float64)}
        cache.get_or_compute(str(number), lambda arrays=arrays: (arrays, {}))
    cache.close()
    service.library.limit_artifacts(1_000_000)

    assert 0 < service.library.disk().artifacts < 1_200_000
    assert service.library.settings().artifact_limit == 1_000_000


def test_clearing_the_artifact_cache_leaves_results_alone(service: Service) -> None:
    study_id = record(service, small_study())
    cache = ArtifactCache(service.cache / "artifacts")
    cache.get_or_compute("key", lambda: ({"x": np.zeros(100_000)}, {}))
    cache.close()
    before = service.library.disk()
    service.library.clear_artifacts()
    after = service.library.disk()

    assert before.artifacts > 800_000
    assert after.artifacts < 200_000
    assert (after.runs, after.studies) == (before.runs, before.studies)
    assert service.study(study_id).n_done == 6


def test_workers_use_the_limit(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    from alscope.engine.runner import make_resources

    made: list[int] = []
    monkeypatch.setattr(
        "alscope.store.artifacts.ArtifactCache", lambda path, size_limit: made.append(size_limit)
    )
    service.library.limit_artifacts(5 * GIB)
    make_resources(service.cache, service.data_root, device="cpu", n_threads=1)

    assert made[-1] == 5 * GIB


def test_disk_use_adds_up(service: Service) -> None:
    ids = [record(service, small_study(name)) for name in ("first", "second")]
    service.delete(ids[0])
    service.delete(ids[1])
    record(service, small_study("third", n_initial=30))
    use = service.library.disk()
    runs, studies = service.cache / "runs", service.cache / "studies"

    def size(folder: Path) -> int:
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

    assert use.trash == size(runs / ".trash") + size(studies / ".trash") > 0
    assert use.runs + use.studies + use.trash == size(runs) + size(studies)
    assert use.studies == size(studies) - size(studies / ".trash")
    assert use.free > 0


def test_clearing_derived_files_keeps_uploads_in_progress(service: Service) -> None:
    derived = service.cache / "derived"
    for name in ("uploads/x/features.csv", "tokens/a.bin"):
        (derived / name).parent.mkdir(parents=True, exist_ok=True)
        (derived / name).write_text("1")
    (derived / "run_summaries.bin").write_text("2")
    service.library.clear_derived()

    assert [path.name for path in derived.iterdir()] == ["uploads"]
    assert (derived / "uploads" / "x" / "features.csv").exists()
