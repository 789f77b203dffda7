"""Files of frames: exact, whole, and harmless to spreadsheets."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alscope.errors import StoreError, UnknownNameError
from alscope.results.export import FORMATS, frame_bytes, has_formulas, write_frame
from tests.results.records import make_rounds

FRAME = pd.DataFrame(
    {
        "text": ["=1+1", "+x", "-x", "@x", "\tx", "\rx", "plain", "a=b"],
        "number": [-1.5, 0.1 + 0.2, np.nan, 1e-17, 3.0, -0.0, 1e22, 2.0],
        "count": range(-4, 4),
        "flag": [True, False] * 4,
    }
)


def test_a_csv_reads_back_the_same_numbers() -> None:
    back = pd.read_csv(io.BytesIO(frame_bytes(FRAME, "csv")))

    pd.testing.assert_frame_equal(
        back[["number", "count", "flag"]], FRAME[["number", "count", "flag"]]
    )


def test_texts_that_a_spreadsheet_would_run_are_disarmed() -> None:
    back = pd.read_csv(io.BytesIO(frame_bytes(FRAME, "csv")))

    assert back["text"].tolist() == ["'=1+1", "'+x", "'-x", "'@x", "'\tx", "'\rx", "plain", "a=b"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('=HYPERLINK("http://evil.example")', '\'=HYPERLINK("http://evil.example")'),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("a;=1+1", "a;'=1+1"),  # where a semicolon ends a cell
        ("a\t@x", "a\t'@x"),
        ("a\n-x", "a\n'-x"),
        ("\r\n=1", "'\r\n'=1"),
        ("a - b", "a - b"),
        ("x+y", "x+y"),
        ("me@lab", "me@lab"),
    ],
)
def test_formulas_are_disarmed_wherever_a_cell_may_begin(text: str, shown: str) -> None:
    frame = pd.DataFrame({text: [text]})

    back = pd.read_csv(io.BytesIO(frame_bytes(frame, "csv")))

    assert back.columns.tolist() == [shown]
    assert back.iloc[0, 0] == shown
    assert has_formulas(frame) is (text != shown)
    assert frame.columns.tolist() == [text]


def test_the_raw_variant_leaves_texts_alone() -> None:
    back = pd.read_csv(io.BytesIO(frame_bytes(FRAME, "csv", safe=False)))

    assert back["text"].tolist() == FRAME["text"].tolist()


def test_a_parquet_file_reads_back_equal_with_its_types(tmp_path: Path) -> None:
    rounds = make_rounds({"margin": [0.1, 0.2]})
    write_frame(rounds, "parquet", tmp_path / "rounds.parquet")

    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "rounds.parquet"), rounds)


def test_json_has_one_record_per_row_and_null_for_nan() -> None:
    rows = json.loads(frame_bytes(FRAME, "json"), parse_constant=pytest.fail)

    assert rows[0] == {"text": "=1+1", "number": -1.5, "count": -4, "flag": True}
    assert rows[1]["number"] == 0.1 + 0.2
    assert rows[2]["number"] is None


@pytest.mark.parametrize("fmt", FORMATS)
def test_an_empty_frame_can_be_written(fmt: str, tmp_path: Path) -> None:
    write_frame(make_rounds({}), fmt, tmp_path / "empty")

    assert (tmp_path / "empty").stat().st_size > 0


def test_an_existing_file_is_replaced_and_nothing_is_left_over(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    write_frame(FRAME, "csv", path)

    assert path.read_bytes() == frame_bytes(FRAME, "csv")
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)

    with pytest.raises(StoreError, match=r"cannot write '.*out\.csv': No space left"):
        write_frame(FRAME, "csv", path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file or directory"):
        write_frame(FRAME, "csv", tmp_path / "none" / "out.csv")


def test_an_unknown_format_gets_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'parquet'"):
        write_frame(FRAME, "parkett", tmp_path / "x")
