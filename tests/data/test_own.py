"""Imported sets are data sets like any other: found by name, verified, trained on."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from alscope.data._manifest import MANIFEST
from alscope.data.importing import import_data, inspect_source
from alscope.data.lookup import dataset_names, find_dataset
from alscope.data.own import OwnDataset, OwnInfo, delete_own, origins, own_sets
from alscope.data.views import prepare
from alscope.errors import DatasetError, UnknownNameError
from alscope.registry import datasets
from tests.data.importing.sources import (
    ARRAYS,
    IMAGES,
    TEXT,
    arrays,
    image_folder,
    texts,
    write_csv,
)


@pytest.fixture(params=["text", "images", "features"])
def info(request, tmp_path, root):
    sources = {
        "text": lambda: (write_csv(tmp_path / "t.csv", texts()), TEXT),
        "images": lambda: (image_folder(tmp_path / "pictures"), replace(IMAGES, flip=True)),
        "features": lambda: (arrays(tmp_path / "v") is not None and tmp_path / "v", ARRAYS),
    }
    path, mapping = sources[request.param]()
    return import_data(path, mapping, root, name="mine", title="My data")


@pytest.fixture
def mine(tmp_path, root):
    path = write_csv(tmp_path / "t.csv", texts())
    return import_data(path, TEXT, root, name="mine", title="My data")


def test_summary_agrees_with_what_is_loaded(info, root):
    spec = find_dataset(info.name, root)
    summary, raw = spec.summary(root), spec.load(root)

    assert summary.fingerprint == raw.fingerprint == info.fingerprint
    assert summary.class_names == raw.class_names == tuple(info.class_counts)
    assert summary.sample == raw.sample
    assert np.array_equal(summary.train_targets, raw.train.targets)
    assert np.array_equal(summary.test_targets, raw.test.targets)
    assert (info.n_train, info.n_test) == (len(raw.train.inputs), len(raw.test.inputs))
    assert spec.available(root)


def test_every_training_sample_knows_its_place_in_the_source(tmp_path, root):
    lines = ["text,label", *(f"text {row},{'ab'[row % 2]}" for row in range(20))]
    (tmp_path / "mine.csv").write_text("\n".join(lines), encoding="utf-8")
    mapping = inspect_source(tmp_path / "mine.csv").mapping
    import_data(tmp_path / "mine.csv", mapping, root, name="placed", title="")

    texts = find_dataset("own:placed").load(root).train.inputs
    places = origins(root, "placed")
    assert [lines[int(place.removeprefix("line ")) - 1].split(",")[0] for place in places] == texts


def test_targets_cannot_be_changed(mine, root):
    with pytest.raises(ValueError, match="read-only"):
        find_dataset(mine.name).summary(root).train_targets[0] = 1


def test_catalogue_facts_are_complete_with_the_data_folder(info, root):
    spec = find_dataset(info.name, root)

    assert (spec.key, spec.title, spec.licence) == ("own:mine", "My data", "your own")
    assert spec.modality == info.modality
    assert spec.backbone == info.backbone != ""


def test_a_set_can_be_named_without_the_data_folder(mine, root):
    spec = find_dataset("own:mine")

    assert spec.title == "mine"
    assert spec == OwnDataset(slug="mine")
    assert len(spec.load(root).class_names) == 2


def test_names_are_those_of_the_registry_then_the_users(mine, root):
    assert dataset_names(root) == (*datasets.names(), "own:mine")


def test_registered_names_are_found(root):
    assert find_dataset("digits").key == "digits"
    with pytest.raises(UnknownNameError, match="did you mean 'digits'"):
        find_dataset("digit", root)


@pytest.mark.parametrize("name", ["own:", "own:../x", "own:A", "own:a/b"])
def test_impossible_names_are_refused(root, name):
    with pytest.raises(DatasetError, match="cannot name a data set"):
        find_dataset(name, root)


def test_a_set_that_does_not_exist_is_said_when_it_is_read(root):
    spec = find_dataset("own:nothing", root)

    assert not spec.available(root)
    with pytest.raises(DatasetError, match="holds no imported data set"):
        spec.summary(root)


def test_an_empty_data_folder_has_no_own_sets(root):
    assert own_sets(root) == ()


def test_training_views_are_those_of_the_mapping(tmp_path, root):
    mapping = replace(IMAGES, flip=True, crop_padding=2)
    import_data(image_folder(tmp_path / "p"), mapping, root, name="p", title="")
    raw = find_dataset("own:p").load(root)

    assert (raw.flip, raw.crop_padding) == (True, 2)


@pytest.mark.parametrize(
    ("modality", "shape", "backbone"),
    [
        ("text", (), "text_bag"),
        ("features", (5,), "mlp"),
        ("image", (1, 4, 4), "mlp"),
        ("image", (3, 32, 32), "small_cnn"),
        ("image", (3, 224, 224), "resnet18"),
        ("", (), ""),
    ],
)
def test_a_backbone_is_proposed_by_kind_and_size(modality, shape, backbone):
    assert OwnInfo(slug="x", title="x", modality=modality, shape=shape).backbone == backbone


def test_a_changed_file_is_noticed(info, root):
    name = "train.parquet" if info.modality == "text" else "train.npy"
    path = root.path / "own" / "mine" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))

    with pytest.raises(DatasetError, match=rf"{name} was changed since it was imported"):
        find_dataset("own:mine").load(root)


def test_a_missing_file_is_noticed_at_once(mine, root):
    (root.path / "own" / "mine" / "test.parquet").unlink()

    assert not find_dataset("own:mine").available(root)
    assert "is missing or has another size" in own_sets(root)[0].problem
    with pytest.raises(DatasetError, match=r"test\.parquet is missing"):
        find_dataset("own:mine").summary(root)


@pytest.mark.parametrize("damage", ["cut", "edited", "nested", "other layout"])
def test_a_damaged_manifest_is_noticed_and_the_set_still_listed(mine, root, damage):
    path = root.path / "own" / "mine" / MANIFEST
    text = path.read_text(encoding="utf-8")
    document = json.loads(text)
    contents = {
        "cut": text[:-20],
        "edited": text.replace('"a"', '"z"'),
        "nested": "[" * 100_000,
        "other layout": json.dumps({**document, "body": {**document["body"], "layout": 9}}),
    }
    path.write_text(contents[damage], encoding="utf-8")
    (listed,) = own_sets(root)

    assert "is damaged" in listed.problem
    assert dataset_names(root) == datasets.names()
    with pytest.raises(DatasetError, match="is damaged"):
        find_dataset("own:mine", root).summary(root)


def test_a_deleted_set_is_gone(mine, root):
    delete_own(root, "mine")

    assert own_sets(root) == ()
    with pytest.raises(DatasetError, match="no imported data set 'mine'"):
        delete_own(root, "mine")


@pytest.mark.parametrize("slug", ["..", ".", "../data", ""])
def test_nothing_else_can_be_deleted(root, slug):
    with pytest.raises(DatasetError, match="cannot name a data set"):
        delete_own(root, slug)


def test_a_link_in_place_of_a_set_is_not_deleted(root, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (root.path / "own").mkdir(parents=True)
    (root.path / "own" / "linked").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(DatasetError, match="is a link"):
        delete_own(root, "linked")
    assert (tmp_path / "elsewhere").is_dir()


def test_batches_are_made_from_mapped_images(tmp_path, root):
    import_data(image_folder(tmp_path / "p"), IMAGES, root, name="p", title="")
    raw = find_dataset("own:p").load(root)
    prepared = prepare(raw, None, augment=False, cache=root.cache)
    batch = prepared.train.eval_batch(np.arange(raw.train.targets.size))["pixel_values"]

    assert abs(float(batch.mean())) < 1e-4
    assert not raw.train.inputs.flags.writeable


def test_looking_checking_importing_and_summaries_load_no_torch(tmp_path):
    image_folder(tmp_path / "p", 3)
    code = f"""
import sys
from pathlib import Path
from alscope.data.importing import check, import_data, inspect_source
from alscope.data.lookup import dataset_names, find_dataset
from alscope.data.protocols import DataRoot
path, root = Path({str(tmp_path)!r}) / "p", DataRoot(Path({str(tmp_path)!r}), Path("."))
import_data(path, inspect_source(path).mapping, root, name="p", title="")
find_dataset(dataset_names(root)[-1], root).summary(root)
for module in ("torch", "torchvision", "transformers", "datasets", "sklearn"):
    assert module not in sys.modules, module
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_folder_of_drawn_images_is_imported_and_learned(tmp_path, root):
    import torch

    from alscope.backbones.small_cnn import SmallCnnSpec
    from alscope.config import TrainConfig
    from alscope.learn.evaluate import evaluate
    from alscope.learn.passes import Batches
    from alscope.learn.trainer import fit
    from tests.learn.fakes import RecordingControl

    path = image_folder(tmp_path / "pictures", 150)
    import_data(path, inspect_source(path).mapping, root, name="drawn", title="Drawn")
    raw = find_dataset("own:drawn").load(root)
    data = prepare(raw, None, augment=True, cache=root.cache)
    shared = {"device": torch.device("cpu"), "control": RecordingControl()}
    fitted = fit(
        SmallCnnSpec(width=4, hidden=16),
        data.sample,
        data.train,
        indices=np.arange(40, raw.train.targets.size),
        labels=raw.train.targets[40:],
        n_classes=2,
        train=TrainConfig(epochs=1, min_steps=40, batch_size=32),
        seed=0,
        **shared,
    )
    batches = Batches(data.test, np.arange(data.test.n), batch_size=64, **shared)

    assert evaluate(fitted.model, batches, raw.test.targets)["accuracy"] > 0.95
