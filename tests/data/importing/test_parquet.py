"""Parquet tables: types, nested columns, class names, damaged files."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alscope.data.importing import Limits, Mapping, check, import_data, inspect_source
from alscope.data.lookup import find_dataset
from tests.data.importing.sources import TEXT, codes, finding, texts


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data.parquet"


def write(path, columns, metadata=None):
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), path)


def columns(n=24):
    words, labels = zip(*texts(n), strict=True)
    return {"text": list(words), "label": list(labels)}


def test_texts_and_labels_are_read(path):
    write(path, columns())

    assert check(path, TEXT).findings == ()


def test_categories_are_labels(path):
    made = columns()
    write(path, {**made, "label": pa.array(made["label"]).dictionary_encode()})

    assert list(check(path, TEXT).class_counts) == ["a", "b"]


def test_numbered_classes_get_the_names_that_the_file_has(path):
    feature = {"names": ["no", "yes"], "_type": "ClassLabel"}
    metadata = {"huggingface": json.dumps({"info": {"features": {"label": feature}}})}
    write(path, {**columns(), "label": [i % 2 for i in range(24)]}, metadata)

    assert list(check(path, TEXT).class_counts) == ["no", "yes"]
    assert inspect_source(path).class_counts == {"no": 12, "yes": 12}


def test_a_number_without_a_name_is_damaged(path):
    feature = {"names": ["no", "yes"], "_type": "ClassLabel"}
    metadata = {"huggingface": json.dumps({"info": {"features": {"label": feature}}})}
    write(path, {**columns(), "label": [i % 3 for i in range(24)]}, metadata)

    assert codes(check(path, TEXT)) == ["damaged"]


def test_nulls_are_missing(path):
    made = columns()
    write(path, {"text": [None, *made["text"][1:]], "label": [*made["label"][:-1], None]})

    assert sorted(codes(check(path, TEXT))) == ["empty_text", "unlabeled"]


@pytest.mark.parametrize(
    "nested", [[{"a": 1}] * 24, [[["x"]]] * 24, [["x"]] * 24], ids=["struct", "lists", "texts"]
)
def test_nested_columns_cannot_be_chosen(path, nested):
    write(path, {**columns(), "label": nested})

    assert codes(check(path, TEXT)) == ["nested"]
    assert {c.name: c.type for c in inspect_source(path).columns}["label"] == "nested"


def test_long_values_are_refused_before_they_are_python_objects(path):
    made = columns()
    write(path, {**made, "text": ["x" * 5_000_000, *made["text"][1:]]})

    assert codes(check(path, TEXT)) == ["long_field"]


def test_a_small_file_with_a_large_content_is_refused(path):
    write(path, {"text": ["x" * 100_000] * 512, "label": ["a", "b"] * 256})
    report = check(path, TEXT, limits=Limits(total_bytes=10_000_000))

    assert path.stat().st_size < 100_000
    assert codes(report) == ["too_large"]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(200) + b"PAR1", b"text,label\n"])
def test_damaged_files_are_errors(path, content):
    path.write_bytes(content)

    assert codes(check(path, TEXT)) == ["unreadable"]


def test_too_many_rows_are_refused_by_the_head_of_the_file(path):
    write(path, columns())

    assert codes(check(path, TEXT, limits=Limits(rows=10))) == ["too_many_rows"]


@pytest.mark.parametrize("kind", [pa.list_(pa.float64()), pa.list_(pa.float32(), 3)])
def test_a_column_of_lists_is_features(path, root, kind):
    features = np.arange(72).reshape(24, 3) / 7
    write(path, {"x": pa.array(features.tolist(), kind), "label": columns()["label"]})
    preview = inspect_source(path)
    info = import_data(path, preview.mapping, root, name="x", title="")
    raw = find_dataset("own:x").load(root)

    assert preview.mapping.feature_columns == ("x",)
    assert info.shape == (3,)
    assert np.isin(raw.train.inputs, features.astype(np.float32)).all()


def test_lists_of_other_lengths_and_missing_lists_are_damaged(path):
    lists = [[1.0 * i, 2.0] for i in range(22)] + [[1.0], None]
    write(path, {"x": lists, "label": columns()["label"]})
    found = finding(
        check(path, Mapping("features", None, "label", feature_columns=("x",))), "damaged"
    )

    assert found.count == 2
    assert found.examples[0] == "row 22: has 1 features, but the first sample has 2"


def test_text_that_is_no_utf8_is_refused(path):
    offsets = pa.py_buffer(np.arange(25, dtype=np.int32).tobytes())
    broken = pa.StringArray.from_buffers(24, offsets, pa.py_buffer(b"\xff" * 24))
    write(path, {**columns(), "text": broken})

    assert codes(check(path, TEXT)) == ["unreadable"]
