"""What is made of sets from the hub and from authors, and compared before it is taken."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from alscope.data import _fetch, clinc150
from alscope.data.clinc150 import Clinc150
from alscope.data.imdb import Imdb
from alscope.data.tiny_imagenet import TinyImagenet
from alscope.data.trec6 import Trec6
from alscope.errors import DatasetError
from alscope.registry import datasets


def small(spec, monkeypatch, n_train, n_test):
    """Make a few samples of the first classes the official set."""
    n_more = len(spec.facts.names) - len(n_train)
    counts = {"train": (*n_train, *[0] * n_more), "test": (*n_test, *[0] * n_more)}
    monkeypatch.setattr(type(spec), "facts", spec.facts._replace(counts=counts))
    return spec


def hub_parts(column, names, *, text="text", **more):
    from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

    extra = dict.fromkeys(more, Value("string"))
    features = Features({text: Value("string"), column: ClassLabel(names=list(names)), **extra})
    rows = {text: ["one", "two"], column: [1, 0], **more}
    return DatasetDict({p: Dataset.from_dict(rows, features) for p in ("train", "test")})


@pytest.mark.parametrize(
    ("name", "column", "text"),
    [
        ("ag_news", "label", "text"),
        ("trec6", "coarse_label", "text"),
        ("imdb", "label", "text"),
        ("yelp5", "label", "text"),
        ("dbpedia14", "label", "content"),
        ("sst5", "label", "text"),
    ],
)
def test_texts_from_the_hub_are_saved_in_the_form_that_is_read(
    root, name, column, text, monkeypatch
):
    spec = small(datasets.get(name)(), monkeypatch, (1, 1), (1, 1))
    parts = hub_parts(column, spec.facts.names, text=text)
    monkeypatch.setattr("datasets.load_dataset", lambda *args, **options: parts)
    folder = root.path / spec.folder
    folder.mkdir(parents=True)
    spec.fetch(folder)

    assert spec.load(root).train.inputs == ["one", "two"]
    assert spec.summary(root).train_targets.tolist() == [1, 0]
    assert sorted(path.suffix for path in folder.iterdir()) == [".parquet"] * 2


def test_tiny_imagenet_from_the_hub_is_saved_in_the_form_that_is_read(root, monkeypatch, encode):
    from datasets import ClassLabel, Dataset, DatasetDict, Features, Image

    spec = small(TinyImagenet(), monkeypatch, (1, 1), (1, 1))
    features = Features({"image": Image(), "label": ClassLabel(names=list(spec.facts.names))})
    image = {"bytes": encode(np.full((64, 64, 3), 7, dtype=np.uint8)), "path": None}
    part = Dataset.from_dict({"image": [image] * 2, "label": [0, 1]}, features)
    monkeypatch.setattr(
        "datasets.load_dataset", lambda *_, **__: DatasetDict({"train": part, "valid": part})
    )
    folder = root.path / spec.folder
    folder.mkdir(parents=True)
    spec.fetch(folder)

    assert (spec.load(root).test.inputs == 7).all()


def test_next_source_is_tried_if_one_is_not_the_official_set(root, monkeypatch):
    spec = small(Trec6(), monkeypatch, (1, 1), (1, 1))
    tried = []

    def load(name, config, *, revision, cache_dir):
        tried.append((name, revision))
        wrong = ("A", "B", "C", "D", "E", "F")
        return hub_parts("coarse_label", wrong if len(tried) == 1 else spec.facts.names)

    monkeypatch.setattr("datasets.load_dataset", load)
    folder = root.path / "trec6"
    folder.mkdir(parents=True)
    spec.fetch(folder)

    assert tried == [("SetFit/TREC-QC", None), ("CogComp/trec", "refs/convert/parquet")]
    assert spec.available(root)


def test_every_source_is_named_with_its_reason_if_none_fits(root, monkeypatch):
    def load(name, config, **_):
        if name.startswith("SetFit"):
            raise ConnectionError("no route")
        return hub_parts("coarse_label", Trec6.facts.names)

    monkeypatch.setattr("datasets.load_dataset", load)
    folder = root.path / "trec6"
    folder.mkdir(parents=True)

    with pytest.raises(
        DatasetError,
        match=r"SetFit/TREC-QC: no route; CogComp/trec: what was received is incomplete: "
        r"local subset: 2 of 5,452",
    ):
        Trec6().fetch(folder)


def clinc_files(monkeypatch):
    """What the authors publish, with two intents and their checksums."""
    queries = {
        "train": [["freeze it", "freeze_account"], ["yes", "yes"]],
        "test": [["no money", "freeze_account"]],
        "oos_train": [["what is love", "oos"]],
        "oos_test": [["why", "oos"]],
    }
    files = {
        "data_full.json": json.dumps(queries).encode(),
        "domains.json": json.dumps({"banking": ["freeze_account"], "meta": ["yes"]}).encode(),
    }
    checksums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    monkeypatch.setattr(clinc150, "_SHA256", checksums)
    monkeypatch.setattr(
        "torchvision.datasets.utils.download_url",
        lambda url, folder, name: (Path(folder) / name).write_bytes(files[name]),
    )
    return files


def test_clinc150_is_made_from_the_files_of_the_authors(root, monkeypatch):
    clinc_files(monkeypatch)
    folder = root.path / "clinc150"
    folder.mkdir(parents=True)
    Clinc150().fetch(folder)
    raw = Clinc150().load(root)

    assert raw.train.inputs == ["freeze it", "yes", "what is love"]
    assert raw.train.targets.tolist() == [0, 9, 10]
    assert raw.test.targets.tolist() == [0, 10]


def test_changed_file_of_the_authors_is_refused(root, monkeypatch):
    files = clinc_files(monkeypatch)
    files["domains.json"] = b"{}"
    folder = root.path / "clinc150"
    folder.mkdir(parents=True)

    with pytest.raises(DatasetError, match=r"domains\.json has the SHA-256 .*, but expected"):
        Clinc150().fetch(folder)
    assert not (root.path / "domains.json").exists()


@pytest.fixture
def lonely(monkeypatch):
    """No thread that ends the process with its parent."""
    monkeypatch.setattr(_fetch, "_end_with_parent", lambda: None)


def test_process_of_a_download_fetches_and_compares(root, monkeypatch, lonely):
    small(Imdb(), monkeypatch, (1, 1), (1, 1))
    monkeypatch.setattr(
        "datasets.load_dataset", lambda *_, **__: hub_parts("label", ("neg", "pos"))
    )
    folder = root.path / "imdb"
    folder.mkdir(parents=True)
    _fetch._main("imdb", folder)

    assert Imdb().available(root)


def test_process_of_a_download_refuses_what_is_not_the_official_set(root, monkeypatch, lonely):
    monkeypatch.setattr(
        "torchvision.datasets.utils.download_and_extract_archive", lambda *_, **__: 0
    )
    folder = root.path / "cifar10"
    folder.mkdir(parents=True)

    with pytest.raises(SystemExit, match="what was received are not the files of CIFAR-10"):
        _fetch._main("cifar10", folder)
