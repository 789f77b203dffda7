"""Downloads, without a network: what is placed, what is refused, what is said."""

import os
import subprocess
import sys
import threading
import time

import pytest

from alscope.data import _fetch, _mat, _stored
from alscope.data.ag_news import AgNews
from alscope.data.cifar10 import Cifar10
from alscope.data.cifar100 import Cifar100
from alscope.data.downloads import STAGING, Download, active_downloads, report
from alscope.data.mnist import Mnist
from alscope.data.protocols import DataRoot
from alscope.data.svhn import Svhn
from alscope.errors import DatasetError


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


def test_mnist_is_fetched_through_torchvision(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(
        "torchvision.datasets.MNIST", lambda *args, **opts: calls.append((args, opts))
    )
    Mnist().fetch(tmp_path)

    assert calls == [((tmp_path,), {"download": True})]


def test_cifar10_is_fetched_as_the_binary_archive(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(
        "torchvision.datasets.utils.download_and_extract_archive",
        lambda url, folder, **opts: calls.append((url, opts["md5"])),
    )
    Cifar10().fetch(tmp_path)

    assert calls == [
        (
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            "c32a1d4ab5d03f1284b67883e8d87530",
        )
    ]


def test_cifar100_is_fetched_as_the_binary_archive(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(
        "torchvision.datasets.utils.download_and_extract_archive",
        lambda url, folder, **opts: calls.append((url, opts["md5"])),
    )
    Cifar100().fetch(tmp_path)

    assert calls == [
        (
            "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
            "03b5dce01913d631647c71ecec9e9cb8",
        )
    ]


def test_svhn_is_fetched_without_its_extra_images(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(
        "torchvision.datasets.utils.download_url",
        lambda url, folder, name, checksum: calls.append((name, checksum)),
    )
    Svhn().fetch(tmp_path)

    assert dict(calls) == _mat.OFFICIAL_MD5


def test_hub_files_are_kept_beside_the_download_unless_the_user_has_a_cache(tmp_path, monkeypatch):
    for name in ("HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example")
    own = _fetch._environment(tmp_path)
    monkeypatch.setenv("HF_HOME", "/somewhere")

    assert own["HF_HUB_CACHE"] == str(tmp_path / "hub")
    assert own["HF_ENDPOINT"] == "https://mirror.example"
    assert "HF_HUB_CACHE" not in _fetch._environment(tmp_path)


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


def test_parts_that_cannot_be_continued_are_removed(root):
    blobs = root.path / "nothing" / STAGING / "hub" / "datasets--a--b" / "blobs"
    blobs.mkdir(parents=True)
    for name in ("abc", "abc.incomplete", "abc.0123abcd.incomplete"):
        (blobs / name).write_text("part")

    with pytest.raises(DatasetError):
        _fetch.download("nothing", root.path / "nothing")
    assert sorted(path.name for path in blobs.iterdir()) == ["abc", "abc.incomplete"]


def test_process_reports_bytes_and_ends_with_its_folder(root, monkeypatch):
    staging = root.path / "imdb" / STAGING / "imdb"
    staging.mkdir(parents=True)
    (staging / "part").write_bytes(b"x" * 500)
    (staging / "link").symlink_to("part")
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
