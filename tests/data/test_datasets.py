"""What holds for every registered data set."""

import subprocess
import sys

import numpy as np
import pytest

from alscope.data import _mat
from alscope.data.docstrings import Docstrings
from alscope.data.protocols import DatasetSpec, RawData
from alscope.hashing import digest
from alscope.registry import datasets


def names_of(name: str) -> tuple[str, ...]:
    return datasets.get(name).facts.names


STORED = {
    "ag_news": lambda make: make.texts(),
    "cifar10": lambda make: make.images(),
    "cifar100": lambda make: make.images(
        "cifar100", label="fine_label", names=names_of("cifar100")
    ),
    "clinc150": lambda make: make.texts(
        "clinc150", names=names_of("clinc150"), label="domain", n_classes=11, intent="?"
    ),
    "dbpedia14": lambda make: make.texts(
        "dbpedia14", names=names_of("dbpedia14"), n_classes=14, column="content", title="Title"
    ),
    "imdb": lambda make: make.texts("imdb", names=("neg", "pos"), n_classes=2),
    "mnist": lambda make: make.idx(),
    "sst5": lambda make: make.jsonl(
        "sst5",
        [
            {"text": f"about {name}", "label": label, "label_text": name}
            for label, name in enumerate(names_of("sst5"))
        ],
    ),
    "svhn": lambda make: make.mat(),
    "tiny_imagenet": lambda make: make.images(
        "tiny_imagenet",
        column="image",
        shape=(64, 64, 3),
        names=names_of("tiny_imagenet"),
        test="valid",
    ),
    "trec6": lambda make: make.texts(
        "trec", names=("ABBR", "ENTY", "DESC", "HUM", "LOC", "NUM"), n_classes=6
    ),
    "yelp5": lambda make: make.texts("yelp5", names=names_of("yelp5"), n_classes=5),
}


@pytest.fixture(params=datasets.names())
def spec(request, make) -> DatasetSpec:
    if request.param == "docstrings":
        return Docstrings(packages=("networkx", "sympy"), max_files=8, max_texts=20)
    STORED.get(request.param, lambda make: None)(make)
    return datasets.get(request.param)()


@pytest.fixture
def raw(spec, root) -> RawData:
    return spec.load(root)


def test_catalogue_facts_are_complete(spec):
    facts = (spec.key, spec.title, spec.modality, spec.licence, spec.citation, spec.backbone)

    assert all(facts)
    assert datasets.info(spec.key)["title"] == spec.title


def test_available_set_says_so(spec, root):
    assert spec.available(root)


def test_summary_agrees_with_what_is_loaded(spec, root, raw):
    summary = spec.summary(root)

    assert summary.fingerprint == raw.fingerprint
    assert summary.class_names == raw.class_names
    assert summary.sample == raw.sample
    assert np.array_equal(summary.train_targets, raw.train.targets)
    assert np.array_equal(summary.test_targets, raw.test.targets)


def test_fingerprint_can_be_part_of_a_key(raw):
    assert digest(raw.fingerprint)


@pytest.mark.parametrize("part", ["train", "test"])
def test_examples_have_the_documented_form(raw, part):
    examples = getattr(raw, part)

    assert len(examples.inputs) == examples.targets.size
    assert examples.targets.dtype == np.int64
    if raw.sample.modality == "image":
        assert examples.inputs.dtype == np.uint8
        assert examples.inputs.shape[1:] == raw.sample.shape
        assert len(raw.mean) == len(raw.std) == raw.sample.shape[0]
    else:
        assert all(isinstance(text, str) and text for text in examples.inputs)


def test_names_counts_and_statistics_fit_together(spec, root):
    summary = spec.summary(root)
    facts = getattr(spec, "facts", None)

    assert len(set(summary.class_names)) == len(summary.class_names)
    assert tuple(summary.class_names[c] for c in summary.never_known) == spec.never_known
    if facts is not None:
        assert all(len(counts) == len(facts.names) for counts in facts.counts.values())


def test_targets_cannot_be_changed(spec, root):
    with pytest.raises(ValueError, match="read-only"):
        spec.summary(root).train_targets[0] = 1


@pytest.mark.slow
def test_summaries_load_no_torch(tmp_path, make):
    for write in STORED.values():
        write(make)
    code = f"""
import sys
from pathlib import Path
from alscope.data import _mat
from alscope.data.docstrings import Docstrings
from alscope.data.protocols import DataRoot
from alscope.registry import datasets
import alscope.data.views
_mat.OFFICIAL_MD5.update({_mat.OFFICIAL_MD5!r})
root = DataRoot(Path({str(make.path)!r}), Path({str(tmp_path)!r}), allow_download=False)
for name in datasets.names():
    spec = datasets.get(name)()
    spec = Docstrings(packages=("networkx",), max_files=3) if name == "docstrings" else spec
    spec.summary(root)
for module in ("torch", "torchvision", "transformers", "datasets"):
    assert module not in sys.modules, module
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
