"""The results that come with the package."""

from __future__ import annotations

from pathlib import Path

import pytest

from alscope.config_io import read_study
from alscope.engine.defaults import Paths
from alscope.hashing import digest
from alscope.results import samples
from alscope.results.frames import rounds_frame
from alscope.results.tables import aubc_table
from alscope.store.runs import RunStore
from alscope.store.studies import StudyStore
from tests.source import ROOT

Stores = tuple[RunStore, StudyStore]


@pytest.fixture
def stores(cache_folder: Path) -> Stores:
    paths = Paths(cache_folder)
    return RunStore(paths.runs), StudyStore(paths.studies)


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Only one bundle, so that a test takes a second."""
    sha256, path = min(samples.bundles().items(), key=lambda item: item[1].stat().st_size)
    monkeypatch.setattr(samples, "bundles", lambda: {sha256: path})
    return path


def test_every_bundle_is_small() -> None:
    assert len(samples.bundles()) == 4
    assert all(path.stat().st_size < 10**6 for path in samples.bundles().values())


@pytest.mark.slow
def test_they_are_the_finished_grid_that_their_study_files_describe(
    cache_folder: Path, stores: Stores
) -> None:
    runs, studies = stores
    wanted = [read_study(path) for path in (ROOT / "benchmarks/studies/samples").glob("*.toml")]

    added = samples.install(cache_folder, runs=runs, studies=studies)

    records = [studies.load(study_id) for study_id in added]
    assert {digest(record.config) for record in records} == {digest(study) for study in wanted}
    rounds = rounds_frame(runs, [run_id for record in records for run_id in record.run_ids])
    table = aubc_table(rounds)
    assert rounds["dataset"].nunique() == 4
    assert (table["n"] == 10).all()
    assert (table.groupby("scenario")["strategy"].nunique() == 8).all()


@pytest.mark.slow
def test_they_are_taken_over_once_and_known_as_samples(
    cache_folder: Path, stores: Stores, one: Path
) -> None:
    runs, studies = stores
    assert samples.missing(cache_folder) == (one,)

    (study_id,) = samples.install(cache_folder, runs=runs, studies=studies)

    assert samples.missing(cache_folder) == ()
    assert samples.install(cache_folder, runs=runs, studies=studies) == ()
    origin = studies.origin(study_id)
    assert origin is not None
    assert samples.is_sample(origin.sha256)


@pytest.mark.slow
def test_a_sample_that_was_deleted_stays_deleted(
    cache_folder: Path, stores: Stores, one: Path
) -> None:
    runs, studies = stores
    (study_id,) = samples.install(cache_folder, runs=runs, studies=studies)

    studies.delete(study_id)

    assert samples.install(cache_folder, runs=runs, studies=studies) == ()
    assert not studies.exists(study_id)


@pytest.mark.slow
def test_a_damaged_note_only_means_looking_again(
    cache_folder: Path, stores: Stores, one: Path
) -> None:
    runs, studies = stores
    (study_id,) = samples.install(cache_folder, runs=runs, studies=studies)

    (cache_folder / "samples.json").write_bytes(b"{}")

    assert samples.install(cache_folder, runs=runs, studies=studies) == (study_id,)
