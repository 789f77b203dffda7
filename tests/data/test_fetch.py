"""Downloads, without a network: what is placed, what is refused, what is said."""

import threading

import pytest

from alscope.data import _fetch, _stored
from alscope.data.ag_news import AgNews
from alscope.data.cifar10 import Cifar10
from alscope.data.mnist import Mnist
from alscope.data.protocols import DataRoot
from alscope.errors import DatasetError
from alscope.registry import datasets


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
        make.texts()

    monkeypatch.setattr(_stored, "download", download)
    threads = [threading.Thread(target=AgNews().summary, args=(open_root,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert calls == [("ag_news", open_root.path / "ag_news")]
    assert AgNews().available(open_root)


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


def test_interrupted_download_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupted(name, staging):
        (staging / "half").write_text("data")
        raise KeyboardInterrupt

    monkeypatch.setattr(_fetch, "_run", interrupted)

    with pytest.raises(KeyboardInterrupt):
        _fetch.download("ag_news", tmp_path / "set")
    assert list((tmp_path / "set").iterdir()) == []


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


@pytest.mark.parametrize("name", ["ag_news", "trec6"])
def test_texts_from_the_hub_are_saved_in_the_form_that_is_read(root, name, monkeypatch):
    from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

    spec = datasets.get(name)()
    column = "coarse_label" if name == "trec6" else "label"
    names = list(spec.facts.names)
    features = Features({"text": Value("string"), column: ClassLabel(names=names)})
    rows = {"text": ["one", "two"], column: [1, 0]}
    parts = DatasetDict({p: Dataset.from_dict(rows, features) for p in ("train", "test")})
    monkeypatch.setattr("datasets.load_dataset", lambda *args, **options: parts)
    folder = root.path / spec.folder
    folder.mkdir(parents=True)
    spec.fetch(folder)

    assert spec.load(root).train.inputs == ["one", "two"]
    assert spec.summary(root).train_targets.tolist() == [1, 0]
