"""The files of figures and tables, as the menu makes them."""

from __future__ import annotations

import io
import json

import pandas as pd
import pytest

from alscope.charts.spec import chart_spec
from alscope.reports.files import figure_files, table_files
from alscope.results.export import frame_bytes
from tests.charts.figures import figures

CHART, DATA = figures()["layers"]
FILES = {file.label: file for file in figure_files(CHART, DATA, stem="a-b", title="A figure")}


def test_a_figure_can_be_taken_away_in_every_form() -> None:
    names = [file.name for file in FILES.values()]

    assert list(FILES) == ["SVG", "PNG", "PDF", "CSV", "Vega-Lite", "Python"]
    assert names == ["a-b.svg", "a-b.png", "a-b.pdf", "a-b.csv", "a-b.vl.json", "a-b.py"]
    assert all(file.about and file.mime for file in FILES.values())


def test_the_csv_is_the_plotted_frame_byte_for_byte() -> None:
    plotted = pd.DataFrame(chart_spec(CHART)["datasets"]["data"]).astype(DATA.dtypes.to_dict())

    assert FILES["CSV"].make() == frame_bytes(DATA, "csv") == frame_bytes(plotted, "csv")


@pytest.mark.slow
def test_every_file_is_made_when_asked_and_begins_as_its_kind_does() -> None:
    begins = {"SVG": b"<svg", "PNG": b"\x89PNG", "PDF": b"%PDF", "Python": b'"""'}

    for label, start in begins.items():
        assert FILES[label].make().startswith(start), label
    assert json.loads(FILES["Vega-Lite"].make())["$schema"].startswith("https://vega")


def test_a_table_can_be_taken_away_in_every_form() -> None:
    files = {file.label: file for file in table_files(DATA, stem="t", title="Mean curves")}

    assert list(files) == ["CSV", "LaTeX", "JSON", "Parquet"]
    assert files["CSV"].make() == frame_bytes(DATA, "csv")
    assert b"\\caption{Mean curves}" in files["LaTeX"].make()
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(files["Parquet"].make())), DATA)


def test_texts_that_look_like_formulas_are_offered_in_two_ways() -> None:
    frame = pd.DataFrame({"name": ["=1+1", "x"], "value": [-1.0, 2.0]})
    files = {file.label: file.make() for file in table_files(frame, stem="t")}

    assert b"'=1+1,-1.0" in files["CSV"]
    assert b"\r\n=1+1,-1.0" in files["CSV, raw"]
