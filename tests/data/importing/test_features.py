"""Precomputed features: arrays with labels beside them, and what is refused."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from alscope.data.importing import (
    Limits,
    Mapping,
    Refused,
    check,
    import_data,
    inspect_source,
)
from alscope.data.lookup import find_dataset
from tests.data.importing.sources import ARRAYS, arrays, codes, dropping, finding, write_csv


@pytest.fixture
def folder(tmp_path):
    arrays(tmp_path / "vectors")
    return tmp_path / "vectors"


class Trap:
    """Unpickling this leaves a trace."""

    def __reduce__(self):
        return (pytest.fail, ("something was unpickled",))


def test_features_come_back_with_their_labels(folder, root):
    info = import_data(folder, inspect_source(folder).mapping, root, name="v", title="Vectors")
    raw = find_dataset("own:v").load(root)
    source = np.load(folder / "features.npy")

    assert (info.modality, info.shape, info.backbone) == ("features", (5,), "mlp")
    for part in (raw.train, raw.test):
        for row, label in zip(part.inputs, part.targets, strict=True):
            assert np.flatnonzero((source == row).all(axis=1)) % 3 == label


def test_the_array_file_itself_can_be_named(folder):
    assert check(folder / "features.npy", ARRAYS).ok


@pytest.mark.parametrize("type", ["float64", "float16", "int64", ">f4"])
def test_other_types_become_float32_and_this_is_recorded(folder, root, type):
    np.save(folder / "features.npy", np.arange(120).reshape(24, 5).astype(type))
    info = import_data(folder, ARRAYS, root, name="v", title="")

    assert info.changes == (f"converted features from {np.dtype(type)} to float32",)
    assert find_dataset("own:v").load(root).train.inputs.dtype == np.float32


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
def test_numbers_that_are_not_finite_are_errors_unless_left_out(folder, value):
    features = np.load(folder / "features.npy").astype(np.float64)
    features[3, 2] = value
    np.save(folder / "features.npy", features)

    assert finding(check(folder, ARRAYS), "non_finite").examples == ("row 3",)
    assert check(folder, dropping(ARRAYS, "non_finite")).n_train > 0
    assert check(folder, dropping(ARRAYS, "non_finite")).ok


def test_pickles_are_refused_and_never_read(folder):
    (folder / "features.npy").write_bytes(pickle.dumps(Trap()))

    assert codes(check(folder, ARRAYS)) == ["not_an_array"]
    with pytest.raises(Refused, match="no array file, whatever its name says"):
        inspect_source(folder)


@pytest.mark.parametrize("name", ["features.npy", "labels.npy"])
def test_arrays_of_objects_are_refused_and_never_read(folder, name):
    objects = np.empty(24, dtype=object)
    objects[:] = [Trap() for _ in range(24)]
    np.save(folder / name, objects, allow_pickle=True)

    assert codes(check(folder, ARRAYS)) == ["unreadable"]


@pytest.mark.parametrize(
    "values",
    [
        np.zeros(24),
        np.zeros((24, 5, 5)),
        np.zeros((24, 0)),
        np.zeros((24, 5), dtype=complex),
        np.zeros((24, 5), dtype=bool),
        np.full((24, 5), "text"),
    ],
    ids=["flat", "deep", "empty", "complex", "bool", "text"],
)
def test_arrays_of_another_form_are_refused(folder, values):
    np.save(folder / "features.npy", values)

    assert codes(check(folder, ARRAYS)) in (["not_features"], ["not_numbers"])


def test_a_head_that_promises_more_than_there_is_is_refused(folder):
    data = (folder / "features.npy").read_bytes()
    (folder / "features.npy").write_bytes(data.replace(b"(24, 5), ", b"(99, 9999),"[:9]))

    assert codes(check(folder, ARRAYS)) == ["unreadable"]


def test_too_many_features_are_refused(folder):
    assert codes(check(folder, ARRAYS, limits=Limits(features=4))) == ["too_many_features"]


def test_another_number_of_labels_is_refused(folder):
    np.save(folder / "labels.npy", np.zeros(23, dtype=int))

    assert finding(check(folder, ARRAYS), "lengths").message.startswith(
        "features.npy has 24 samples, but labels.npy has 23 labels"
    )


def test_labels_may_be_words(folder):
    np.save(folder / "labels.npy", np.array(["cat", "dog"] * 12))

    assert list(check(folder, ARRAYS).class_counts) == ["cat", "dog"]


def test_labels_may_be_a_table_with_parts(folder):
    (folder / "labels.npy").unlink()
    rows = [(f"c{i % 2}", "train" if i < 16 else "test") for i in range(24)]
    write_csv(folder / "labels.csv", rows, ("class", "split"))
    mapping = inspect_source(folder).mapping

    assert (mapping.label_column, mapping.split_column) == ("class", "split")
    assert check(folder, mapping).class_counts == {"c0": (8, 4), "c1": (8, 4)}


def test_files_that_are_not_unique_have_to_be_named(folder):
    np.save(folder / "others.npy", np.zeros((24, 2)))

    assert codes(check(folder, ARRAYS)) == ["files"]
    assert check(folder, replace(ARRAYS, features_file="features.npy")).ok


@pytest.mark.parametrize("name", ["../labels.npy", "/etc/passwd", "..", ""])
def test_files_outside_of_the_folder_cannot_be_named(folder, name):
    assert codes(check(folder, replace(ARRAYS, labels_file=name))) == ["mapping"]


def test_columns_of_numbers_are_features(tmp_path, root):
    values = np.random.default_rng(0).normal(size=(30, 4)).round(3)
    rows = [(i, *row, "xyz"[i % 3]) for i, row in enumerate(values)]
    path = write_csv(tmp_path / "t.csv", rows, ("id", "f0", "f1", "f2", "f3", "target"))
    mapping = inspect_source(path).mapping
    import_data(path, mapping, root, name="t", title="")
    raw = find_dataset("own:t").load(root)

    assert mapping == Mapping(
        "features", label_column="target", feature_columns=("f0", "f1", "f2", "f3")
    )
    assert np.isin(raw.test.inputs, values.astype(np.float32)).all()


@pytest.mark.parametrize(("value", "code"), [("", "non_finite"), ("x", "damaged")])
def test_fields_that_are_no_numbers_are_errors(tmp_path, value, code):
    rows = [(i, i / 3, "ab"[i % 2]) for i in range(24)]
    path = write_csv(tmp_path / "t.csv", [*rows, (value, 1, "a")], ("x", "y", "label"))
    mapping = Mapping("features", label_column="label", feature_columns=("x", "y"))

    assert codes(check(path, mapping)) == [code]
    assert check(path, dropping(mapping, code)).ok
