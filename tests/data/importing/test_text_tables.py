"""CSV and JSON lines: encodings, delimiters, broken rows, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from alscope.data.importing import Limits, Refused, check, import_data, inspect_source
from tests.data.importing.sources import (
    TEXT,
    check_rows,
    codes,
    dropping,
    finding,
    texts,
    write_csv,
)


def lines(rows) -> bytes:
    return "\n".join(["text,label", *(f"{text},{label}" for text, label in rows)]).encode()


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data.csv"


def test_a_sound_file_has_no_findings(tmp_path):
    report = check_rows(tmp_path, texts())

    assert report.findings == ()
    assert report.ok
    assert (report.n_rows, report.n_train + report.n_test) == (24, 24)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found_out(data, delimiter):
    rows = [("text", "label"), *texts()]
    data.write_text("\n".join(delimiter.join(row) for row in rows), encoding="utf-8")

    assert check(data, TEXT).ok


def test_tsv_is_cut_at_tabs_only(tmp_path):
    path = tmp_path / "data.tsv"
    rows = [("text", "label"), *((f"{text}, really, yes", label) for text, label in texts())]
    path.write_text("\n".join("\t".join(row) for row in rows), encoding="utf-8")

    assert inspect_source(path).rows[0]["text"] == "text number 0, really, yes"


def test_a_byte_order_mark_is_no_part_of_the_first_name(data):
    data.write_bytes(b"\xef\xbb\xbf" + lines(texts()))
    report = check(data, TEXT)

    assert report.ok
    assert codes(report, "info") == ["byte_order_mark"]


def test_utf16_is_read_by_its_mark(data):
    data.write_bytes(lines(texts()).decode().encode("utf-16"))

    assert check(data, TEXT).ok


def test_latin1_is_guessed_and_said(data, root):
    rows = [(f"caf\N{LATIN SMALL LETTER E WITH ACUTE} {i}", "ab"[i % 2]) for i in range(24)]
    data.write_bytes(lines(rows).decode().encode("latin-1"))
    report = check(data, TEXT)
    import_data(data, TEXT, root, name="cafe", title="")

    assert report.ok
    assert "latin-1" in finding(report, "encoding_guessed").message
    assert inspect_source(data).rows[0]["text"].startswith("caf\N{LATIN SMALL LETTER E WITH ACUTE}")


def test_a_late_accent_is_found_behind_megabytes_of_ascii(data):
    rows = [(f"{'x' * 900} {i}", "ab"[i % 2]) for i in range(1300)]
    data.write_bytes(lines([*rows, ("\xe9", "a")]).replace(b"\xc3\xa9", b"\xe9"))

    assert "encoding_guessed" in codes(check(data, TEXT), "warning")


def test_a_chosen_encoding_that_does_not_fit_is_an_error(data):
    data.write_bytes(lines([*texts(), ("\xe9", "a")]).replace(b"\xc3\xa9", b"\xe9"))

    assert codes(check(data, replace(TEXT, encoding="utf-8"))) == ["encoding"]


def test_utf32_is_refused(data):
    data.write_bytes(lines(texts()).decode().encode("utf-32"))

    assert codes(check(data, TEXT)) == ["encoding"]


def test_nul_bytes_are_refused_and_cannot_be_left_out(data):
    data.write_bytes(lines([*texts(), ("a\0b", "a")]))
    found = finding(check(data, TEXT), "nul_bytes")

    assert (found.severity, found.drop) == ("error", "")


def test_mixed_line_ends_are_understood_and_said(data):
    data.write_bytes(lines(texts()).replace(b"\n", b"\r\n", 3))
    report = check(data, TEXT)

    assert report.n_rows == 24
    assert codes(report, "info") == ["mixed_line_ends"]


def test_rows_with_another_number_of_fields_are_errors_with_their_lines(data):
    data.write_bytes(lines([*texts(), ("one, two", "a")]))
    found = finding(check(data, TEXT), "damaged")

    assert found.examples == ("line 26: has 3 fields, but the first line has 2",)
    assert found.drop == "damaged"


def test_lines_are_counted_through_fields_with_line_breaks(tmp_path):
    rows = [("two\nlines", "a"), *texts(), ("", "a")]
    report = check_rows(tmp_path, rows)

    assert finding(report, "empty_text").examples == ("line 28",)


@pytest.mark.parametrize("text", ["", "  \t "])
def test_empty_texts_are_errors_unless_left_out(tmp_path, text):
    rows = [*texts(), (text, "a")]

    assert codes(check_rows(tmp_path, rows)) == ["empty_text"]
    report = check_rows(tmp_path, rows, dropping(TEXT, "empty_text"))
    assert report.ok
    assert report.changes == ("left out 1 samples: empty_text",)
    assert report.n_train + report.n_test == 24


def test_an_open_quotation_mark_is_named_with_its_line(data):
    data.write_bytes(lines([*texts(3), ('"open', "a"), *texts(3)]))

    assert finding(check(data, TEXT), "broken_quotes").message.startswith(
        "data.csv cannot be read on from line 5"
    )


def test_fields_over_a_megabyte_are_refused(tmp_path):
    report = check_rows(tmp_path, [*texts(), ("x" * 1_000_001, "a")])

    assert codes(report) in (["broken_quotes"], ["long_field"])


def test_a_row_that_never_ends_is_refused_before_its_fields_fill_the_memory(data):
    data.write_bytes(b'text,label\n"a' + b'","b\n' * 5000)
    found = finding(check(data, TEXT, limits=Limits(line_chars=1000)), "long_line")

    assert "a row has more than 1,000 characters" in found.message


def test_a_file_without_line_ends_is_not_read_as_a_line(data):
    data.write_bytes(b"x" * 5000)

    assert codes(check(data, TEXT, limits=Limits(line_chars=1000))) == ["long_line"]


def test_too_many_columns_are_refused(tmp_path):
    path = write_csv(tmp_path / "wide.csv", [], [f"c{i}" for i in range(10_001)])

    assert codes(check(path, TEXT)) == ["too_many_columns"]
    with pytest.raises(Refused, match=r"10,001 columns; at most 10,000"):
        inspect_source(path)


@pytest.mark.parametrize(
    ("header", "code"),
    [(("text", "text"), "column_twice"), (("text\x07", "label"), "column_name")],
)
def test_impossible_headers_are_refused(tmp_path, header, code):
    path = write_csv(tmp_path / "data.csv", texts(), header)

    assert codes(check(path, TEXT)) == [code]


def test_a_missing_column_is_named_with_the_nearest_one(tmp_path):
    path = write_csv(tmp_path / "data.csv", texts(), ("text", "lable"))

    assert "did you mean 'lable'?" in finding(check(path, TEXT), "column_missing").message


@pytest.mark.parametrize("content", [b"", b"\n\n", b"text,label\n"])
def test_empty_files_are_errors(data, content):
    data.write_bytes(content)

    assert codes(check(data, TEXT)) == ["empty"]


def test_too_large_files_are_not_opened(data):
    data.write_bytes(lines(texts()))

    assert codes(check(data, TEXT, limits=Limits(file_bytes=10))) == ["too_large"]


def test_too_many_rows_are_refused(data):
    data.write_bytes(lines(texts()))

    assert codes(check(data, TEXT, limits=Limits(rows=10))) == ["too_many_rows"]


def test_other_files_are_refused_with_the_known_endings(tmp_path):
    path = tmp_path / "data.xlsx"
    path.write_bytes(b"PK")

    assert ".csv, .tsv" in finding(check(path, TEXT), "unknown_format").message


def json_lines(path, values) -> None:
    path.write_text("\n".join(map(json.dumps, values)), encoding="utf-8")


@pytest.fixture
def jsonl(tmp_path):
    return tmp_path / "data.jsonl"


def records(n=24):
    return [{"text": text, "label": label} for text, label in texts(n)]


def test_json_lines_are_read(jsonl):
    json_lines(jsonl, records())

    assert check(jsonl, TEXT).findings == ()


def test_numbers_and_truth_values_are_labels(jsonl):
    values = [{"text": f"t{i}", "label": [1, 10, 2][i % 3]} for i in range(30)]
    json_lines(jsonl, values)
    numbers = list(check(jsonl, TEXT).class_counts)
    json_lines(jsonl, [{**value, "label": value["label"] > 1} for value in values])

    assert numbers == ["1", "2", "10"]
    assert list(check(jsonl, TEXT).class_counts) == ["false", "true"]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[1, 2]",
        '"a text"',
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"text": ["nested"], "label": "a"}',
        '{"text": "x", "label": {"a": 1}}',
        '{"text": 3, "label": "a"}',
        '{"text": "\\ud800", "label": "a"}',
        '{"text": "a\\u0000b", "label": "a"}',
        '{"text": "a", "text": "b", "label": "a"}',
    ],
    ids=lambda line: line[:30],
)
def test_bad_lines_are_errors_that_can_be_left_out(jsonl, line):
    json_lines(jsonl, records())
    jsonl.write_text(f"{jsonl.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
    report = check(jsonl, TEXT)

    assert codes(report) == ["damaged"]
    assert finding(report, "damaged").examples[0].startswith("line 25: ")
    assert check(jsonl, dropping(TEXT, "damaged")).ok


@pytest.mark.parametrize("label", [None, "", " ", float("nan")])
def test_missing_labels_are_errors_unless_left_out(jsonl, label):
    json_lines(jsonl, [*records(), {"text": "without", "label": label}])

    assert codes(check(jsonl, TEXT)) == ["unlabeled"]
    assert check(jsonl, dropping(TEXT, "unlabeled")).ok


def test_remnants_of_web_pages_are_said_and_kept(tmp_path):
    rows = [*texts(), ("one<br />two", "a"), ("salt &amp; pepper", "b"), ("x < y & y > z", "a")]
    report = check(write_csv(tmp_path / "data.csv", rows), TEXT)
    found = finding(report, "markup")

    assert report.ok
    assert (found.severity, found.count) == ("warning", 2)
    assert found.examples == ("line 26", "line 27")
