"""What is found whatever the kind of data: labels, duplicates, parts, classes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alscope.data.importing import DROPPABLE, Mapping, check
from tests.data.importing.sources import (
    TEXT,
    check_rows,
    codes,
    dropping,
    finding,
    texts,
    write_csv,
)

SPLIT = replace(TEXT, split_column="split")


def check_parts(folder, rows, mapping=SPLIT):
    return check(write_csv(folder / "data.csv", rows, ("text", "label", "split")), mapping)


def parted(n=24):
    return [
        (text, label, "train" if i < 16 else "test") for i, (text, label) in enumerate(texts(n))
    ]


def test_copies_with_the_same_label_are_a_warning(tmp_path):
    rows = [*texts(), texts()[3], texts()[3]]
    report = check_rows(tmp_path, rows)
    found = finding(report, "duplicate")

    assert report.ok
    assert (found.severity, found.count) == ("warning", 2)
    assert found.examples == ("line 26: like line 5 (b)", "line 27: like line 5 (b)")


def test_copies_can_be_left_out(tmp_path):
    report = check_rows(tmp_path, [*texts(), texts()[3]], dropping(TEXT, "duplicate"))

    assert report.n_train + report.n_test == 24
    assert report.changes == ("left out 1 samples: duplicate",)


def test_copies_with_another_label_are_a_contradiction(tmp_path):
    rows = [*texts(), (texts()[3][0], "a")]
    report = check_rows(tmp_path, rows)

    assert codes(report, "warning") == ["contradiction"]
    assert finding(report, "contradiction").examples == (
        "line 5: like line 26 (a)",
        "line 26: like line 5 (b)",
    )
    report = check_rows(tmp_path, rows, dropping(TEXT, "contradiction"))
    assert report.n_train + report.n_test == 23


def test_texts_in_both_parts_are_a_leak(tmp_path):
    rows = [*parted(), (*texts()[0], "test")]
    report = check_parts(tmp_path, rows)

    assert codes(report, "warning") == ["leak"]
    assert finding(report, "leak").examples == ("line 2",)


def test_leaks_are_left_out_of_the_training_part(tmp_path):
    report = check_parts(tmp_path, [*parted(), (*texts()[0], "test")], dropping(SPLIT, "leak"))

    assert (report.n_train, report.n_test) == (15, 9)


def test_given_parts_are_kept(tmp_path):
    report = check_parts(tmp_path, parted())

    assert report.findings == ()
    assert (report.n_train, report.n_test) == (16, 8)


def test_words_for_parts_are_read_in_any_case(tmp_path):
    rows = [(text, label, f" {part.upper()} ") for text, label, part in parted()]

    assert check_parts(tmp_path, rows).n_test == 8


def test_other_words_for_parts_are_errors_unless_left_out(tmp_path):
    rows = [*parted(), ("new", "a", "dev"), ("newer", "b", "")]

    assert finding(check_parts(tmp_path, rows), "other_split").examples == (
        "line 26: 'dev'",
        "line 27: ''",
    )
    assert check_parts(tmp_path, rows, dropping(SPLIT, "other_split")).ok


def test_a_class_without_training_samples_is_an_error(tmp_path):
    rows = [*parted(), ("new", "c", "test"), ("newer", "c", "test")]

    assert finding(check_parts(tmp_path, rows), "no_training").examples == ("c",)


def test_a_class_without_test_samples_is_a_warning(tmp_path):
    rows = [*parted(), ("new", "c", "train"), ("newer", "c", "train")]
    report = check_parts(tmp_path, rows)

    assert report.ok
    assert finding(report, "no_test").examples == ("c",)


def test_a_source_without_test_rows_is_an_error(tmp_path):
    rows = [(text, label, "train") for text, label in texts()]

    assert "no_test_part" in codes(check_parts(tmp_path, rows))


def test_a_class_of_one_is_an_error_unless_left_out(tmp_path):
    rows = [*texts(), ("alone", "c")]

    assert codes(check_rows(tmp_path, rows)) == ["small_class"]
    report = check_rows(tmp_path, rows, dropping(TEXT, "small_class"))
    assert list(report.class_counts) == ["a", "b"]


def test_a_class_of_two_has_one_in_either_part(tmp_path):
    report = check_rows(tmp_path, [*texts(), ("one", "c"), ("two", "c")])

    assert report.class_counts["c"] == (1, 1)
    assert finding(report, "few_samples").examples == ("c: 2",)


def test_one_class_is_not_enough(tmp_path):
    assert codes(check_rows(tmp_path, texts(classes=("a",)))) == ["one_class"]


def test_unequal_classes_are_a_warning_with_their_sizes(tmp_path):
    rows = [(f"t{i}", "rare" if i % 20 == 0 else "common") for i in range(400)]

    assert "19 times" in finding(check_rows(tmp_path, rows), "imbalance").message


def test_class_names_are_normalized_and_this_is_recorded(tmp_path):
    composed, decomposed = (
        "caf\N{LATIN SMALL LETTER E WITH ACUTE}",
        "cafe\N{COMBINING ACUTE ACCENT}",
    )
    report = check_rows(tmp_path, texts(classes=(composed, decomposed, "tea")))

    assert list(report.class_counts) == [composed, "tea"]
    assert report.changes == ("normalized 1 class names (Unicode NFC)",)
    assert codes(report, "info") == ["names_normalized"]


@pytest.mark.parametrize("name", ["a\x07b", "a\N{RIGHT-TO-LEFT OVERRIDE}b", "a\x9bb", "x" * 201])
def test_impossible_class_names_are_errors(tmp_path, name):
    assert codes(check_rows(tmp_path, texts(classes=("ok", name)))) == ["class_name"]


def test_names_that_differ_in_case_or_spaces_stay_apart_with_a_warning(tmp_path):
    report = check_rows(tmp_path, texts(48, ("Cat", "cat ", "dog")))

    assert len(report.class_counts) == 3
    assert finding(report, "similar_classes").examples == ("'Cat' / 'cat '",)


def test_names_that_look_like_a_missing_label_are_a_warning(tmp_path):
    report = check_rows(tmp_path, texts(classes=("NaN", "b")))

    assert finding(report, "label_like_missing").examples == ("NaN",)


def test_too_many_classes_are_an_error(tmp_path):
    rows = [(f"t{i}", f"c{i % 10_001}") for i in range(20_002)]

    assert codes(check_rows(tmp_path, rows)) == ["too_many_classes"]


def test_errors_come_first_and_examples_are_few_and_printable(tmp_path):
    rows = [*texts(), *[("", "a\x1b[31m")] * 30, texts()[0]]
    report = check_rows(tmp_path, rows)
    severities = [found.severity for found in report.findings]

    assert severities == sorted(severities, key=["error", "warning", "info"].index)
    assert all(len(found.examples) <= 5 for found in report.findings)
    assert all(text.isprintable() for found in report.findings for text in found.examples)


def test_a_missing_source_is_an_error(tmp_path):
    assert codes(check(tmp_path / "nothing.csv", TEXT)) == ["missing"]


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (Mapping("video"), "kind is 'video'"),
        (Mapping("text", "text"), "label_column is not chosen"),
        (Mapping("text", "text", "text"), "the column 'text' is chosen twice"),
        (replace(TEXT, test_share=1.0), "test_share is 1.0"),
        (replace(TEXT, drop=("bad",)), "drop has the word 'bad'"),
        (replace(TEXT, encoding="rot13"), "encoding is 'rot13'"),
        (replace(TEXT, delimiter="x"), "delimiter is 'x'"),
        (replace(TEXT, seed=-1), "seed is -1"),
        (replace(TEXT, train_values=("test",)), "'test' means both parts"),
        (Mapping("images", size=5000), "size is 5000"),
        (Mapping("images", color="cmyk"), "color is 'cmyk'"),
        (Mapping("images", crop_padding=-1), "crop_padding is -1"),
    ],
)
def test_mistakes_in_the_mapping_are_errors(tmp_path, mapping, message):
    path = write_csv(tmp_path / "data.csv", texts())
    report = check(path, mapping)

    assert codes(report) == ["mapping"]
    assert report.findings[0].message.startswith(message)


def test_every_word_for_leaving_out_is_explained():
    assert all(DROPPABLE.values())
    assert not Mapping("text", "a", "b", drop=tuple(DROPPABLE)).problems()
