"""Downloads, without a network: what is placed, what is refused, what is said."""

import hashlib
import os
import subprocess
import sys
import tarfile
import threading
import time

import numpy as np
import pytest

from alscope.data import _cifar, _fetch, _idx, _mat, _stored, cifar10, cifar100
from alscope.data.ag_news import AgNews
from alscope.data.cifar10 import Cifar10
from alscope.data.cifar100 import Cifar100
from alscope.data.downloads import STAGING, Download, active_downloads, report
from alscope.data.mnist import Mnist
from alscope.data.protocols import DataRoot
from alscope.data.svhn import Svhn
from alscope.errors import DatasetError
from tests.data.servers import serving


@pytest.fixture
def open_root(root):
    return DataRoot(root.path, root.cache, allow_download=True)


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        (Mnist(), "mnist/MNIST/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte"),
        (Cifar10(), "cifar10/cifar-10-batches-bin/{data_batch_1..5,test_batch}.bin"),
        (AgNews(), "ag_news/train-*.parquet"),
    ],
)
def test_missing_set_names_the_files_and_what_to_do(root, spec, named):
    with pytest.raises(DatasetError) as caught:
        spec.load(root)

    assert str(root.path / named) in str(caught.value)
    assert "or allow downloads" in str(caught.value)
    assert not spec.available(root)


def test_missing_set_is_fetched_once_if_allowed(make, open_root, monkeypatch):
    calls = []

    def download(name, folder):
        calls.append((name, folder))
        make.texts("made")
        (open_root.path / "made").replace(folder)

    monkeypatch.setattr(_stored, "download", download)
    threads = [threading.Thread(target=AgNews().summary, args=(open_root,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert calls == [("ag_news", open_root.path / "ag_news")]
    assert AgNews().available(open_root)


def test_whoever_looks_while_files_are_moved_into_place_waits(make, open_root, monkeypatch):
    found = []

    def look():
        try:
            found.append(AgNews().summary(open_root).train_targets.size)
        except DatasetError as error:
            found.append(error)

    others = [threading.Thread(target=look) for _ in range(2)]

    def download(name, folder):
        make.texts("made")
        folder.mkdir()
        for path in sorted((open_root.path / "made").iterdir()):
            path.replace(folder / path.name)
            others.pop().start()
            time.sleep(0.2)

    monkeypatch.setattr(_stored, "download", download)
    running = list(others)
    AgNews().summary(open_root)
    for thread in running:
        thread.join()

    assert found == [20, 20]


def test_download_that_brings_nothing_is_an_error(open_root, monkeypatch):
    monkeypatch.setattr(_stored, "download", lambda name, folder: None)

    with pytest.raises(DatasetError, match="was not found"):
        AgNews().summary(open_root)


def test_download_moves_complete_files_into_place(tmp_path, monkeypatch):
    monkeypatch.setattr(
        _fetch, "_run", lambda name, staging: (staging / "a.parquet").write_text("data")
    )
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine.txt").write_text("kept")
    _fetch.download("ag_news", tmp_path / "set")

    assert sorted(p.name for p in (tmp_path / "set").iterdir()) == ["a.parquet", "mine.txt"]


def test_download_never_replaces_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(_fetch, "_run", lambda name, staging: (staging / "MNIST").mkdir())
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)

    with pytest.raises(DatasetError, match=r"MNIST is in its place .*; remove it"):
        _fetch.download("mnist", tmp_path)


def test_interrupted_download_is_continued_and_never_taken_for_data(open_root, monkeypatch):
    seen = []

    def interrupted(name, staging):
        seen.append([path.name for path in staging.iterdir()])
        (staging / "train-00000-of-00001.parquet").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(_fetch, "_run", interrupted)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            AgNews().summary(open_root)

    assert seen == [[], ["train-00000-of-00001.parquet"]]
    assert not AgNews().available(open_root)


def test_failed_download_says_why(tmp_path):
    with pytest.raises(DatasetError, match=r"nothing could not be downloaded: .*unknown dataset"):
        _fetch.download("nothing", tmp_path)


@pytest.fixture
def mirror(monkeypatch):
    """A server in place of the authors'."""
    with serving() as files:
        monkeypatch.setenv("ALSCOPE_MIRROR", files.url)
        yield files


@pytest.fixture
def fetched(open_root, mirror):
    """Put files on the mirror as their set names them, and fetch the set."""

    def fetch(spec, source):
        for path in source:
            mirror.files[f"/{spec.key}/{path.name}"] = path.read_bytes()
        folder = open_root.path / STAGING / spec.folder
        folder.mkdir(parents=True)
        spec.fetch(folder)
        assert [asked for _, asked in mirror.requests] == [""] * len(mirror.files)
        return spec.load(DataRoot(folder.parent, open_root.cache, allow_download=False))

    return fetch


def test_mnist_is_fetched_as_its_four_archives(make, monkeypatch, fetched):
    pixels = make.idx("source", packed=True)
    files = sorted((make.path / "source").glob("*.gz"))
    resources = [(path.name, _idx.OFFICIAL_MD5[path.name]) for path in files]
    monkeypatch.setattr("torchvision.datasets.MNIST.resources", resources)

    assert np.array_equal(fetched(Mnist(), files).train.inputs[:, 0], pixels)


def test_what_torchvision_knows_of_mnist_and_svhn_is_what_is_read():
    from torchvision.datasets import MNIST, SVHN

    assert dict(MNIST.resources) == _idx.OFFICIAL_MD5
    assert {SVHN.split_list[p][1]: SVHN.split_list[p][2] for p in ("train", "test")} == (
        _mat.OFFICIAL_MD5
    )


@pytest.mark.parametrize(
    ("spec", "module", "layout", "archive"),
    [
        (Cifar10(), cifar10, _cifar.CIFAR10, "cifar-10-binary.tar.gz"),
        (Cifar100(), cifar100, _cifar.CIFAR100, "cifar-100-binary.tar.gz"),
    ],
    ids=["cifar10", "cifar100"],
)
def test_cifar_is_fetched_as_the_binary_archive(
    make, monkeypatch, fetched, spec, module, layout, archive
):
    folder = "cifar-10-batches-bin" if spec.key == "cifar10" else "cifar-100-binary"
    pixels = make.cifar(f"source/{folder}", layout)
    path = make.path / archive
    with tarfile.open(path, "w:gz") as packed:
        packed.add(make.path / "source" / folder, folder)
    md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    official = {"cifar10": "c32a1d4ab5d03f1284b67883e8d87530"}
    assert official.get(spec.key, "03b5dce01913d631647c71ecec9e9cb8") == module._BINARY_MD5
    monkeypatch.setattr(module, "_BINARY_MD5", md5)
    raw = fetched(spec, [path])

    assert np.array_equal(raw.train.inputs.reshape(-1, 3072), pixels[: len(raw.train.inputs)])


def test_svhn_is_fetched_without_its_extra_images(make, monkeypatch, fetched, mirror):
    pixels = make.mat("source")
    files = sorted((make.path / "source").iterdir())
    known = {
        path.name.split("_")[0]: [f"http://authors.invalid/{path.name}", path.name, md5]
        for path in files
        for md5 in [_mat.OFFICIAL_MD5[path.name]]
    }
    monkeypatch.setattr("torchvision.datasets.SVHN.split_list", known)
    raw = fetched(Svhn(), files)

    assert np.array_equal(raw.train.inputs.transpose(0, 2, 3, 1), pixels)
    assert sorted(path for path, _ in mirror.requests) == [f"/svhn/{p.name}" for p in files]


def test_progress_is_readable_while_a_download_runs(root, monkeypatch):
    work = root.path / "imdb" / STAGING
    work.mkdir(parents=True)
    report(work, "imdb", 1234)

    assert active_downloads(root) == (Download(name="imdb", received=1234),)


@pytest.mark.parametrize("content", ["", "[]", '{"name": "imdb"}', '{"name": 1, "received": "x"}'])
def test_unreadable_progress_is_no_download(root, content):
    work = root.path / "imdb" / STAGING
    work.mkdir(parents=True)
    (work / "progress.json").write_text(content)

    assert active_downloads(root) == ()


def test_old_progress_is_no_download(root):
    work = root.path / "imdb" / STAGING
    work.mkdir(parents=True)
    report(work, "imdb", 1)
    os.utime(work / "progress.json", (0, 0))

    assert active_downloads(root) == ()


def test_failed_download_reports_no_progress_any_more(root):
    folder = root.path / "nothing"

    with pytest.raises(DatasetError):
        _fetch.download("nothing", folder)
    assert sorted(path.name for path in (folder / STAGING).iterdir()) == ["log", "nothing"]


def test_parts_of_another_version_are_not_moved_into_place(tmp_path, monkeypatch):
    def run(name, staging):
        (staging / "a.parquet").write_text("data")
        (staging / "b.parquet.0123.part").write_text("half")

    monkeypatch.setattr(_fetch, "_run", run)
    _fetch.download("ag_news", tmp_path / "set")

    assert [path.name for path in (tmp_path / "set").iterdir()] == ["a.parquet"]


def test_archives_count_and_what_they_are_unpacked_to_does_not(root, monkeypatch):
    staging = root.path / "cifar10" / STAGING / "cifar10"
    for path, size in ((staging / "data.bin", 900), (staging.parent / "received" / "a.part", 300)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    monkeypatch.setattr(_fetch, "_POLL_S", 0.02)
    code = "import time; time.sleep(0.3)"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.DEVNULL)
    _fetch._wait(process, "cifar10", staging)

    assert active_downloads(root) == (Download(name="cifar10", received=300),)


def test_process_reports_bytes_and_ends_with_its_folder(root, monkeypatch):
    staging = root.path / "imdb" / STAGING / "imdb"
    staging.mkdir(parents=True)
    (staging / "part").write_bytes(b"x" * 500)
    monkeypatch.setattr(_fetch, "_POLL_S", 0.02)
    code = "import sys, time; time.sleep(0.3)"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.DEVNULL)
    _fetch._wait(process, "imdb", staging)

    assert process.returncode == 0
    assert active_downloads(root) == (Download(name="imdb", received=500),)


def test_process_of_a_download_ends_when_its_parent_is_gone():
    code = "import time; from alscope.data import _fetch; import threading;" + (
        "threading.Thread(target=_fetch._end_with_parent, daemon=True).start(); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    process.stdin.close()

    assert process.wait(timeout=30) == 1
