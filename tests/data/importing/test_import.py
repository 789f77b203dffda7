"""Imports: all or nothing, and what goes in comes out."""

from __future__ import annotations

import csv
import json
import os
import string
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alscope.data.importing import (
    ImportRefused,
    Mapping,
    check,
    import_data,
    inspect_source,
)
from alscope.data.lookup import find_dataset
from alscope.data.own import own_sets
from alscope.data.protocols import DataRoot
from alscope.errors import DatasetError
from tests.data.importing.sources import (
    IMAGES,
    TEXT,
    dropping,
    image_folder,
    texts,
    write_csv,
)

CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
LABELS = st.sampled_from(["a", "b", "1", "two words", "\N{GREEK SMALL LETTER OMEGA}", "=1+1", '"'])
ROWS = st.lists(st.tuples(st.text(CHARACTERS, max_size=12), LABELS), min_size=5, max_size=40)


@pytest.fixture
def source(tmp_path):
    return write_csv(tmp_path / "data.csv", texts())


def leftovers(root):
    return [path.name for path in (root.path / "own").glob(".*") if path.name != ".lock"]


@pytest.mark.slow
@given(rows=ROWS, delimiter=st.sampled_from(",;\t|"), share=st.floats(0.1, 0.9))
@settings(max_examples=60)
def test_what_goes_in_comes_out(rows, delimiter, share):
    drop = ("empty_text", "small_class", "contradiction", "duplicate")
    mapping = Mapping("text", "t", "l", test_share=share, drop=drop, delimiter=delimiter)
    with tempfile.TemporaryDirectory() as folder:
        root = DataRoot(Path(folder) / "data", Path(folder) / "cache")
        path = Path(folder) / "data.csv"
        with path.open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream, delimiter=delimiter).writerows([("t", "l"), *rows])
        report = check(path, mapping)
        if report.ok:
            import_data(path, mapping, root, name="x", title="")
            raw = find_dataset("own:x").load(root)
            loaded = [
                (text, raw.class_names[label])
                for part in (raw.train, raw.test)
                for text, label in zip(part.inputs, part.targets, strict=True)
            ]

            assert set(loaded) <= set(rows)
            assert len(loaded) == len(set(loaded)) == report.n_train + report.n_test
            usable = {row for row in rows if row[0].strip()}
            alone = {text for text, _ in usable if len({r[1] for r in usable if r[0] == text}) == 1}
            expected = {row for row in usable if row[0] in alone}
            sizes = {label: sum(row[1] == label for row in expected) for _, label in expected}
            assert set(loaded) == {row for row in expected if sizes[row[1]] > 1}
        else:
            with pytest.raises(ImportRefused):
                import_data(path, mapping, root, name="x", title="")


@pytest.mark.slow
@given(data=st.binary(max_size=400), ending=st.sampled_from([".csv", ".jsonl", ".parquet", ".npy"]))
@settings(max_examples=80)
def test_arbitrary_bytes_are_a_report_or_a_refusal_never_a_crash(data, ending):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"data{ending}"
        path.write_bytes(data)
        report = check(path, Mapping("features" if ending == ".npy" else "text", "a", "b"))
        with suppress(DatasetError):
            inspect_source(path)

    assert report.findings


@given(st.text(string.printable, max_size=200))
@settings(max_examples=60)
def test_arbitrary_tables_are_looked_at_without_a_crash(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.csv"
        path.write_bytes(content.encode())
        with suppress(DatasetError):
            report = check(path, inspect_source(path).mapping)
            assert report.ok != bool(report.errors)


def test_the_manifest_says_what_was_imported_and_what_was_changed(tmp_path, root):
    path = write_csv(tmp_path / "data.csv", [*texts(), ("", "a")])
    import_data(path, dropping(TEXT, "empty_text"), root, name="mine", title="My texts")
    text = (root.path / "own" / "mine" / "manifest.json").read_text(encoding="utf-8")
    body = json.loads(text)["body"]

    assert (body["title"], body["source"]) == ("My texts", "data.csv")
    assert body["changes"] == ["left out 1 samples: empty_text"]
    assert body["mapping"]["text_column"] == "text"
    assert [finding["code"] for finding in body["findings"]] == ["empty_text"]
    assert str(tmp_path) not in text


def test_an_upload_is_recorded_under_the_name_its_owner_gave_it(tmp_path, root):
    path = write_csv(tmp_path / "features.csv", texts())
    info = import_data(path, TEXT, root, name="mine", title="Mine", came_as="tickets.csv")

    assert info.source == "tickets.csv"


def test_errors_are_refused_with_all_of_them_and_nothing_is_written(tmp_path, root):
    path = write_csv(tmp_path / "data.csv", [*texts(), ("", "a"), ("x", "")])

    with pytest.raises(ImportRefused, match=r"no label(.|\n)*no text") as refused:
        import_data(path, TEXT, root, name="mine", title="")
    assert [found.code for found in refused.value.report.errors] == ["unlabeled", "empty_text"]
    assert own_sets(root) == ()
    assert leftovers(root) == []


def test_the_source_is_left_as_it_is(tmp_path, root):
    folder = image_folder(tmp_path / "pictures", 3)
    before = {path: path.read_bytes() for path in folder.rglob("*.png")}
    import_data(folder, IMAGES, root, name="pictures", title="")

    assert {path: path.read_bytes() for path in folder.rglob("*.png")} == before


def test_a_name_that_is_taken_is_refused(source, root):
    import_data(source, TEXT, root, name="mine", title="")

    with pytest.raises(DatasetError, match="a data set 'mine' already"):
        import_data(source, TEXT, root, name="mine", title="")


def test_a_set_can_be_replaced(source, root):
    first = import_data(source, TEXT, root, name="mine", title="Old")
    write_csv(source, texts(30))
    second = import_data(source, TEXT, root, name="mine", title="New", replace=True)

    assert (first.title, second.title) == ("Old", "New")
    assert first.fingerprint != second.fingerprint
    assert [info.n_train + info.n_test for info in own_sets(root)] == [30]
    assert leftovers(root) == []


def test_a_failed_replacement_leaves_the_old_set(source, root):
    first = import_data(source, TEXT, root, name="mine", title="")
    write_csv(source, [("", "a")])

    with pytest.raises(ImportRefused):
        import_data(source, TEXT, root, name="mine", title="", replace=True)
    assert own_sets(root) == (first,)


def test_a_replacement_that_was_cut_short_is_undone_by_the_next_one(source, root):
    import_data(source, TEXT, root, name="mine", title="")
    own = root.path / "own"
    (own / "mine").rename(own / ".old-mine")  # killed between the two renamings

    with pytest.raises(DatasetError, match="already"):
        import_data(source, TEXT, root, name="mine", title="")
    assert [info.slug for info in own_sets(root)] == ["mine"]


def test_old_leftovers_of_killed_imports_are_removed(source, root):
    old, young = root.path / "own" / ".new-old", root.path / "own" / ".new-young"
    for folder in (old, young):
        folder.mkdir(parents=True)
    os.utime(old, (time.time() - 10**6,) * 2)
    import_data(source, TEXT, root, name="mine", title="")

    assert leftovers(root) == [".new-young"]


@pytest.mark.parametrize("name", ["", "Mine", "../x", "a b", ".x", "x" * 65, "a/b", "own:x"])
def test_impossible_names_are_refused(source, root, name):
    with pytest.raises(DatasetError, match="cannot name a data set"):
        import_data(source, TEXT, root, name=name, title="")


def test_a_folder_that_is_no_set_is_never_replaced(source, root):
    (root.path / "own" / "mine").mkdir(parents=True)

    with pytest.raises(DatasetError, match="no imported data set"):
        import_data(source, TEXT, root, name="mine", title="", replace=True)


def test_an_import_can_be_stopped_and_leaves_nothing(tmp_path, root):
    def stop(stage, fraction):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_data(
            image_folder(tmp_path / "p", 2), IMAGES, root, name="mine", title="", progress=stop
        )
    assert own_sets(root) == ()
    assert leftovers(root) == []


def test_progress_ends_with_everything_written(source, root):
    told = []
    import_data(source, TEXT, root, name="m", title="", progress=lambda *facts: told.append(facts))

    assert told[-1] == ("write", 1.0)
    assert all(0 <= fraction <= 1 for _, fraction in told)


def test_equal_sources_have_equal_fingerprints_whatever_they_are_called(source, root):
    first = import_data(source, TEXT, root, name="one", title="One")
    second = import_data(source, TEXT, root, name="two", title="Two")

    assert first.fingerprint == second.fingerprint
