"""What is made of sets from the hub and from authors, and compared before it is taken."""

import hashlib
import json
import tarfile
from io import BytesIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import constants

from alscope.data import _fetch, cifar10, clinc150
from alscope.data._parquet import class_label_metadata
from alscope.data.clinc150 import Clinc150
from alscope.data.imdb import Imdb
from alscope.data.sst5 import Sst5
from alscope.data.tiny_imagenet import TinyImagenet
from alscope.data.trec6 import Trec6
from alscope.errors import DatasetError
from alscope.registry import datasets
from tests.data.servers import serving

PARTS = ("test", "train")


def small(spec, monkeypatch, n_train, n_test):
    """Make a few samples of the first classes the official set."""
    n_more = len(spec.facts.names) - len(n_train)
    counts = {"train": (*n_train, *[0] * n_more), "test": (*n_test, *[0] * n_more)}
    monkeypatch.setattr(type(spec), "facts", spec.facts._replace(counts=counts))
    return spec


def parquet(column, names, *, text="text", **more):
    """A file of two texts with the schema metadata of the hub."""
    rows = {text: ["one", "two"], column: [1, 0], **more}
    return packed(rows, column, names)


def packed(rows, column, names):
    stream = BytesIO()
    table = pa.table(rows).replace_schema_metadata(class_label_metadata(column, tuple(names)))
    pq.write_table(table, stream)
    return stream.getvalue()


@pytest.fixture
def hub(monkeypatch):
    """A server in place of the hub."""
    with serving() as files:
        url = f"{files.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", files.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url)
        yield files


def fetched(spec, root):
    folder = root.path / spec.folder
    folder.mkdir(parents=True)
    spec.fetch(folder)
    return spec.load(root)


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
def test_texts_from_the_hub_are_received_as_they_are(root, name, column, text, monkeypatch, hub):
    spec = small(datasets.get(name)(), monkeypatch, (1, 1), (1, 1))
    data = parquet(column, spec.facts.names, text=text)
    hub.put_hub(spec.hub[0].name, {f"data/{p}-00000-of-00001.parquet": data for p in PARTS})
    raw = fetched(spec, root)

    assert raw.train.inputs == ["one", "two"]
    assert raw.train.targets.tolist() == [1, 0]
    files = sorted((root.path / spec.folder).iterdir())
    assert [path.name for path in files] == [f"{p}-00000-of-00001.parquet" for p in PARTS]
    assert files[0].read_bytes() == data


@pytest.mark.parametrize("lfs", [True, False], ids=["large files", "small files"])
def test_the_conversion_of_the_hub_serves_where_a_set_has_no_parquet(root, monkeypatch, hub, lfs):
    spec = small(Sst5(), monkeypatch, (1, 1), (1, 1))
    data = parquet("label", spec.facts.names)
    hub.put_hub("SetFit/sst5", {f"{part}.jsonl": b"{}" for part in PARTS})
    files = {f"default/{part}/0000.parquet": data for part in (*PARTS, "validation")}
    hub.put_hub("SetFit/sst5", files, revision="refs/convert/parquet", lfs=lfs)

    assert fetched(spec, root).train.inputs == ["one", "two"]
    assert not any("validation" in path for path, _ in hub.requests)


def test_shards_keep_their_order_and_parts_that_are_not_used_are_left(root, monkeypatch, hub):
    spec = small(Imdb(), monkeypatch, (2, 2), (1, 1))
    shards = [
        packed({"text": texts, "label": [1, 0]}, "label", ("neg", "pos")) for texts in ["ab", "cd"]
    ]
    files = {f"plain_text/train-{k:05d}-of-00002.parquet": shards[k] for k in range(2)}
    files |= {
        f"plain_text/{part}-00000-of-00001.parquet": shards[0] for part in ("test", "unsupervised")
    }
    hub.put_hub("stanfordnlp/imdb", files)

    assert fetched(spec, root).train.inputs == ["a", "b", "c", "d"]
    assert not any("unsupervised" in path for path, _ in hub.requests)


def test_tiny_imagenet_from_the_hub_is_read(root, monkeypatch, hub, encode):
    spec = small(TinyImagenet(), monkeypatch, (1, 1), (1, 1))
    image = {"bytes": encode(np.full((64, 64, 3), 7, dtype=np.uint8)), "path": None}
    data = packed({"image": [image] * 2, "label": [0, 1]}, "label", spec.facts.names)
    files = {f"data/{part}-00000-of-00001-0123abcd.parquet": data for part in ("train", "valid")}
    hub.put_hub("zh-plus/tiny-imagenet", files)

    assert (fetched(spec, root).test.inputs == 7).all()


def test_next_source_is_tried_if_one_is_not_the_official_set(root, monkeypatch, hub):
    spec = small(Trec6(), monkeypatch, (1, 1), (1, 1))
    wrong = parquet("coarse_label", ("A", "B", "C", "D", "E", "F"))
    right = parquet("coarse_label", spec.facts.names)
    hub.put_hub("SetFit/TREC-QC", {f"{part}/0000.parquet": wrong for part in PARTS})
    files = {f"default/{part}/0000.parquet": right for part in PARTS}
    hub.put_hub("CogComp/trec", files, revision="refs/convert/parquet")

    assert fetched(spec, root).train.inputs == ["one", "two"]


def test_every_source_is_named_with_its_reason_if_none_fits(root, hub):
    data = parquet("coarse_label", Trec6.facts.names)
    files = {f"default/{part}/0000.parquet": data for part in PARTS}
    hub.put_hub("SetFit/TREC-QC", {"README.md": b"no data"})
    hub.put_hub("SetFit/TREC-QC", {"README.md": b""}, revision="refs/convert/parquet")
    hub.put_hub("CogComp/trec", files, revision="refs/convert/parquet")

    with pytest.raises(
        DatasetError,
        match=r"SetFit/TREC-QC: no Parquet files of test and train in main or "
        r"refs/convert/parquet; CogComp/trec: what was received is incomplete: "
        r"local subset: 2 of 5,452",
    ):
        fetched(Trec6(), root)
    assert list((root.path / "trec6").iterdir()) == []


def test_files_of_the_hub_are_continued(root, monkeypatch, hub):
    spec = small(Imdb(), monkeypatch, (1, 1), (1, 1))
    data = parquet("label", ("neg", "pos"))
    hub.put_hub("stanfordnlp/imdb", {f"{p}-00000-of-00001.parquet": data for p in PARTS})
    paths = [path for path in hub.files if "/resolve/" in path]
    hub.cut_after = 500
    hub.cuts.update(dict.fromkeys(paths, 2))

    assert fetched(spec, root).train.inputs == ["one", "two"]
    assert [hub.served[path] for path in paths] == [len(data)] * 2


def test_nothing_is_asked_of_the_hub_while_it_is_switched_off(root, monkeypatch, hub):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    with pytest.raises(DatasetError, match="HF_HUB_OFFLINE"):
        fetched(Imdb(), root)
    assert hub.requests == []


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
    return files


@pytest.fixture
def mirror(monkeypatch):
    """A server in place of the authors'."""
    with serving() as files:
        monkeypatch.setenv("ALSCOPE_MIRROR", files.url)
        yield files


def test_clinc150_is_made_from_the_files_of_the_authors(root, monkeypatch, mirror):
    mirror.files |= {f"/clinc150/{n}": data for n, data in clinc_files(monkeypatch).items()}
    folder = root.path / "clinc150"
    folder.mkdir(parents=True)
    Clinc150().fetch(folder)
    raw = Clinc150().load(root)

    assert raw.train.inputs == ["freeze it", "yes", "what is love"]
    assert raw.train.targets.tolist() == [0, 9, 10]
    assert raw.test.targets.tolist() == [0, 10]


def test_changed_file_of_the_authors_is_refused(root, monkeypatch, mirror):
    files = {**clinc_files(monkeypatch), "domains.json": b"{}"}
    mirror.files |= {f"/clinc150/{name}": data for name, data in files.items()}
    folder = root.path / "clinc150"
    folder.mkdir(parents=True)

    with pytest.raises(DatasetError, match=r"domains\.json is not the expected file"):
        Clinc150().fetch(folder)
    assert [path.name for path in (root.path / "received").iterdir()] == ["data_full.json"]


@pytest.fixture
def lonely(monkeypatch):
    """No thread that ends the process with its parent."""
    monkeypatch.setattr(_fetch, "_end_with_parent", lambda: None)


def test_process_of_a_download_fetches_and_compares(root, monkeypatch, lonely, hub):
    small(Imdb(), monkeypatch, (1, 1), (1, 1))
    data = parquet("label", ("neg", "pos"))
    hub.put_hub("stanfordnlp/imdb", {f"{p}-00000-of-00001.parquet": data for p in PARTS})
    folder = root.path / "imdb"
    folder.mkdir(parents=True)
    _fetch._main("imdb", folder)

    assert Imdb().available(root)


def test_process_of_a_download_refuses_what_is_not_the_official_set(
    root, monkeypatch, lonely, mirror
):
    stream = BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz"):
        pass
    archive = stream.getvalue()
    mirror.files["/cifar10/cifar-10-binary.tar.gz"] = archive
    md5 = hashlib.md5(archive, usedforsecurity=False).hexdigest()
    monkeypatch.setattr(cifar10, "_BINARY_MD5", md5)
    folder = root.path / "cifar10"
    folder.mkdir(parents=True)

    with pytest.raises(SystemExit, match="what was received are not the files of CIFAR-10"):
        _fetch._main("cifar10", folder)
