"""The first look: what is proposed, and what is shown of a source."""

from __future__ import annotations

import json

import pytest

from alscope.data.importing import Refused, check, inspect_source
from tests.data.importing.sources import arrays, image_folder, texts, write_csv


@pytest.mark.parametrize(
    ("header", "text", "label"),
    [
        (("text", "label"), "text", "label"),
        (("Sentence", "Intent"), "Sentence", "Intent"),
        (("what", "which"), "what", "which"),
    ],
)
def test_columns_are_proposed_by_name_then_by_content(tmp_path, header, text, label):
    mapping = inspect_source(write_csv(tmp_path / "data.csv", texts(), header)).mapping

    assert (mapping.kind, mapping.text_column, mapping.label_column) == ("text", text, label)


def test_numbered_rows_are_neither_text_nor_label(tmp_path):
    rows = [(i, *row) for i, row in enumerate(texts())]
    mapping = inspect_source(write_csv(tmp_path / "d.csv", rows, ("", "what", "which"))).mapping

    assert (mapping.text_column, mapping.label_column) == ("what", "which")


@pytest.mark.parametrize(("test", "values"), [("test", ("test", "testing")), ("dev", None)])
def test_a_column_with_words_for_parts_is_proposed(tmp_path, test, values):
    rows = [(*row, "train" if i % 4 else test) for i, row in enumerate(texts())]
    path = write_csv(tmp_path / "data.csv", rows, ("text", "label", "split"))
    mapping = inspect_source(path).mapping

    assert mapping.split_column == "split"
    assert values in (None, mapping.test_values)
    assert check(path, mapping).n_test == 6


def test_a_column_with_other_words_is_no_part(tmp_path):
    rows = [(*row, "xyz"[i % 3]) for i, row in enumerate(texts())]
    path = write_csv(tmp_path / "data.csv", rows, ("text", "label", "split"))

    assert inspect_source(path).mapping.split_column is None


def test_columns_have_types_and_examples(tmp_path):
    rows = [(*row, i, "") for i, row in enumerate(texts())]
    path = write_csv(tmp_path / "data.csv", rows, ("text", "label", "n", "none"))
    columns = {column.name: column for column in inspect_source(path).columns}

    assert [column.type for column in columns.values()] == ["text", "text", "number", "empty"]
    assert columns["label"].examples == ("a", "b")
    assert (columns["label"].n_distinct, columns["none"].n_missing) == (2, 24)


def test_only_the_first_rows_are_read_and_that_is_said(tmp_path):
    preview = inspect_source(write_csv(tmp_path / "data.csv", texts(10_001)))

    assert (preview.n_rows, preview.complete) == (10_000, False)
    assert sum(preview.class_counts.values()) == 10_000
    assert len(preview.rows) == 20


def test_what_is_shown_is_short_and_printable(tmp_path):
    rows = [(f"\x1b[31m{'long ' * 100}{i}", "ab"[i % 2]) for i in range(9)]
    preview = inspect_source(write_csv(tmp_path / "data.csv", rows))

    assert len(preview.rows[0]["text"]) <= 80
    assert preview.rows[0]["text"].isprintable()


def test_nested_json_can_be_looked_at(tmp_path):
    path = tmp_path / "data.jsonl"
    records = [{"text": text, "label": label, "x": {"a": [1]}} for text, label in texts()]
    path.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")

    assert [column.type for column in inspect_source(path).columns] == ["text", "text", "nested"]


def test_formats_are_named(tmp_path):
    write_csv(tmp_path / "data.csv", texts())
    image_folder(tmp_path / "pictures", 2)
    arrays(tmp_path / "vectors")
    sources = ("data.csv", "pictures", "vectors")

    assert [(p.kind, p.format) for p in (inspect_source(tmp_path / s) for s in sources)] == [
        ("text", "CSV"),
        ("images", "folder"),
        ("features", "arrays"),
    ]


def test_a_missing_source_is_refused_with_its_path(tmp_path):
    with pytest.raises(Refused, match="nothing does not exist"):
        inspect_source(tmp_path / "nothing")
