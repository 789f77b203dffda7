"""A pickle that does something, in every place where a file is read: it never does it.

Everything that ALScope stores, takes in or looks for is filled once; then one file after the other
is replaced by a pickle (bare, as an array of objects, in an archive of arrays, as a checkpoint),
and everything that reads files is called. Loading any of them would make a folder.
"""

from __future__ import annotations

import io
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest

from alscope.config_io import read_study
from alscope.data.importing import check, import_data, inspect_source
from alscope.data.lookup import dataset_names, find_dataset
from alscope.data.own import own_sets
from alscope.data.protocols import DataRoot
from alscope.engine.service import Service
from alscope.errors import ALScopeError
from alscope.results.bundle import bundle_bytes, check_bundle
from alscope.results.frames import classes_frame, queries_frame, rounds_frame
from alscope.store.artifacts import ArtifactCache
from tests.data.importing.sources import TEXT, texts, write_csv
from tests.results.records import query_arrays
from tests.ui.records import record, small_study


class Evil:
    """Unpickling an instance makes a folder."""

    def __init__(self, canary: Path) -> None:
        self.canary = str(canary)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.makedirs, (self.canary,)


def bare(canary: Path) -> bytes:
    return pickle.dumps(Evil(canary))


def array(canary: Path) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([Evil(canary)], dtype=object), allow_pickle=True)
    return stream.getvalue()


def arrays(canary: Path) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, data=np.array([Evil(canary)], dtype=object))
    return stream.getvalue()


def checkpoint(canary: Path) -> bytes:
    """As `torch.save` writes it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", bare(canary))
        archive.writestr("archive/byteorder", "little")
        archive.writestr("archive/version", "3\n")
    return stream.getvalue()


FORMS = {"bare": bare, "array": array, "arrays": arrays, "checkpoint": checkpoint}
FORM = pytest.mark.parametrize("form", FORMS)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder with something in every room."""
    folder = tmp_path_factory.mktemp("filled") / "cache"
    with (
        pytest.MonkeyPatch.context() as patch,
        Service.open(folder, executor="serial", offline=True) as service,
    ):
        patch.setattr(os, "fsync", lambda handle: None)
        one = small_study("kept", n_seeds=1)
        study_id = record(service, one, blobs=lambda run, number: {"query": query_arrays(number)})
        service.library.describe(study_id, tags=["a"], note="b")
        service.set_priority(study_id, 3)
        service.pause_after(study_id, 1e6)
        service.guard.owners.claim("study", study_id, "ada")
        service.library.limit_artifacts(2**30)
        service.library.discard(record(service, small_study("gone", n_seeds=1, n_initial=30)))
        with closing(ArtifactCache(folder / "artifacts", size_limit=2**30)) as cache:
            cache.get_or_compute("small", lambda: ({"x": np.ones(3)}, {}))
            cache.get_or_compute("large", lambda: ({"x": np.ones(99_999)}, {}))
        source = write_csv(folder.parent / "t.csv", texts())
        import_data(source, TEXT, service.data_root, name="mine", title="Mine")
        (folder / "logs").mkdir(exist_ok=True)
        (folder / "logs" / "worker-1.log").write_text("2026-01-01 00:00:00,000 INFO hello\n")
        service.studies()
        service._summaries._n_new = 99
        service._summaries.keep()
    return folder


def kinds(folder: Path) -> list[str]:
    """One file of every kind, as paths within the folder."""
    found: dict[tuple[str, ...], str] = {}
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        if path.is_file() and path.name != "lock":
            shape = (place.parts[0], ".trash" in place.parts, path.suffix, len(place.parts))
            name = path.name if path.suffix in {".json", ".toml"} else ""
            found.setdefault((*map(str, shape), name), str(place))
    return sorted(found.values())


def read_everything(folder: Path) -> None:
    """Call whatever reads a file of a cache folder; errors in words are right."""
    calls: list[Callable[[], object]] = []
    with Service.open(folder, executor="serial", offline=True) as service:
        root = service.data_root
        ids = service.runs.run_ids()
        calls += [
            service.studies,
            service.activity,
            service.worker_log,
            service.library.damaged,
            service.library.trash,
            service.library.settings,
            service.library.disk,
            lambda: own_sets(root),
            lambda: find_dataset("own:mine", root).load(root),
            lambda: rounds_frame(service.runs, ids),
            lambda: classes_frame(service.runs, ids),
            lambda: queries_frame(service.runs, ids),
            lambda: list(service.guard.owners.owned("study", "ada")),
        ]
        calls += [lambda run_id=run_id: service.runs.verify(run_id) for run_id in ids]
        calls += [lambda run_id=run_id: service.run_log(run_id) for run_id in ids]
        calls += [lambda name=name: service.remaining(name) for name in service.studies_store.ids()]
        calls += [
            lambda name=name: bundle_bytes(name, runs=service.runs, studies=service.studies_store)
            for name in service.studies_store.ids()
        ]
        for call in calls:
            with suppress(ALScopeError):
                call()
    with closing(ArtifactCache(folder / "artifacts", size_limit=2**30)) as cache:
        for key in ("small", "large"):
            cache.get(key)


def test_the_pickles_would_do_it_if_they_were_loaded(tmp_path: Path) -> None:
    for name, form in FORMS.items():
        data, canary = form(tmp_path / name), tmp_path / name
        if name in {"array", "arrays"}:
            loaded = np.load(io.BytesIO(data), allow_pickle=True)
            _ = loaded["data"] if name == "arrays" else None
        elif name == "checkpoint":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                pickle.loads(archive.read("archive/data.pkl"))
        else:
            pickle.loads(data)

        assert canary.is_dir()


def test_every_room_of_the_cache_folder_has_something_to_replace(filled: Path) -> None:
    rooms = {Path(place).parts[0] for place in kinds(filled)}

    assert rooms >= {
        "runs", "studies", "artifacts", "derived", "datasets", "owners", "logs", "settings.json"
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("first", [0, 2])
def test_nothing_of_a_cache_folder_is_unpickled(filled: Path, tmp_path: Path, first: int) -> None:
    canary = tmp_path / "canary"
    forms = list(FORMS.values())

    for number, place in enumerate(kinds(filled)):
        # A bare pickle first, then one of the others, which every kind of file gets in turn.
        data = forms[0 if not first else 1 + number % (len(forms) - 1)](canary)
        folder = tmp_path / str(number)
        shutil.copytree(filled, folder)
        (folder / place).write_bytes(data)
        read_everything(folder)
        shutil.rmtree(folder)
        assert not canary.exists(), place


@FORM
@pytest.mark.parametrize(
    "name", ["x.npy", "x.csv", "x.tsv", "x.jsonl", "x.parquet", "x.zip", "x.npz", "x.pkl", "x.pt"]
)
def test_no_upload_is_unpickled(tmp_path: Path, form: str, name: str) -> None:
    canary, path = tmp_path / "canary", tmp_path / name
    path.write_bytes(FORMS[form](canary))
    np.save(tmp_path / "labels.npy", np.arange(4))

    with suppress(ALScopeError):
        report = check(path, inspect_source(path).mapping)
        assert not report.ok
    with suppress(ALScopeError):
        read_study(path)
    with suppress(ALScopeError), Service.open(tmp_path / "cache", executor="serial") as service:
        check_bundle(path, runs=service.runs, studies=service.studies_store)

    assert not canary.exists()


@FORM
def test_a_pickle_inside_a_zip_of_images_is_left_alone(tmp_path: Path, form: str) -> None:
    canary, path = tmp_path / "canary", tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("cats/1.png", "cats/2.pkl", "dogs/1.jpg", "dogs/x.npy", "__init__.py"):
            archive.writestr(name, FORMS[form](canary))

    with suppress(ALScopeError):
        assert not check(path, inspect_source(path).mapping).ok

    assert not canary.exists()


def looked_for(places: tuple[str, ...]) -> Iterator[str]:
    """Names of files that stand in descriptions such as `train-*.parquet and valid-*.parquet`."""
    for place in places:
        folder = place.rpartition("/")[0] if " and " in place else ""
        for word in place.replace(",", " ").split():
            if "." in word or "*" in word or "/" in word:
                name = word.strip("()").replace("*", "00000-of-00001")
                yield name
                if folder and "/" not in name:
                    yield f"{folder.split()[0]}/{name}"


@FORM
def test_no_data_set_is_unpickled(tmp_path: Path, form: str) -> None:
    canary = tmp_path / "canary"
    data = FORMS[form](canary)
    root = DataRoot(tmp_path / "data", tmp_path / "derived", allow_download=False)
    planted = 0
    for name in dataset_names(root):
        for place in looked_for(getattr(find_dataset(name, root), "places", ())):
            path = root.path / place
            if place.endswith("/") or not path.suffix:
                path = path / "data_batch_1"
            with suppress(OSError):  # a file where another set has a folder
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                planted += 1

    for name in dataset_names(root):
        spec = find_dataset(name, root)
        if getattr(spec, "places", ()):
            spec.available(root)
            with suppress(ALScopeError):
                spec.load(root)

    assert planted > 20
    assert not canary.exists()
