"""Scripts that draw a figure: they run, and they draw the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import pytest

from alscope.charts.snippet import chart_script
from alscope.charts.spec import chart_spec
from tests.charts.figures import figures

FIGURES = figures()


def drawn(script: str) -> alt.TopLevelMixin:
    names: dict[str, object] = {"__name__": "imported"}
    exec(compile(script, "figure.py", "exec"), names)
    chart = names["chart"]
    assert isinstance(chart, alt.TopLevelMixin)
    return chart


def in_order(spec: dict[str, Any]) -> dict[str, Any]:
    """The specification with its parameters by name: their order says nothing."""
    return {**spec, "params": sorted(spec.get("params", []), key=lambda item: item["name"])}


@pytest.mark.parametrize("name", FIGURES)
def test_a_script_builds_the_same_chart_from_the_same_numbers(name: str) -> None:
    chart, _ = FIGURES[name]
    script = chart_script(chart, title="A figure", stem="figure")

    assert in_order(chart_spec(drawn(script))) == in_order(chart_spec(chart))


@pytest.mark.slow
def test_a_script_runs_on_its_own_and_saves_its_figure(tmp_path: Path) -> None:
    chart, data = FIGURES["facets"]
    (tmp_path / "figure.py").write_text(
        chart_script(chart, title="Curves", stem="figure"), encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-I", "figure.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    asked = "import figure, json; print(json.dumps(figure.data.to_dict('list')))"
    read = subprocess.run(
        [sys.executable, "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")
    assert "vegaEmbed" in (tmp_path / "figure.html").read_text(encoding="utf-8")
    assert "https://cdn" not in (tmp_path / "figure.html").read_text(encoding="utf-8")
    assert json.loads(read.stdout) == json.loads(json.dumps(data.to_dict("list")))


def test_a_script_is_laid_out_for_people() -> None:
    script = chart_script(FIGURES["layers"][0], title="A figure", stem="figure")

    assert script.startswith('"""A figure\n')
    assert ".mark_line(" in script
    assert "alt.X(" in script
    code = [line for line in script.splitlines() if '\\n"' not in line]
    assert max(map(len, code)) <= 200
    assert sum(len(line) > 100 for line in code) < 4


HOSTILE = '"""\nimport os\\\r\u2028{x} \U0001f600 \'\'\' \x07,";'


def test_texts_in_the_data_stay_data() -> None:
    frame = pd.DataFrame({"x": [1.5, None], "name": [HOSTILE, "NA"]})
    chart = alt.Chart(frame).mark_point().encode(x="x:Q", color="name:N")
    names: dict[str, object] = {"__name__": "imported"}
    exec(chart_script(chart, title=HOSTILE, stem="x"), names)
    data = names["data"]

    assert isinstance(data, pd.DataFrame)
    pd.testing.assert_frame_equal(data, frame)
