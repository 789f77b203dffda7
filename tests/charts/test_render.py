"""Charts as files: complete, print-friendly, repeatable, and independent of global settings."""

from __future__ import annotations

import io
import threading

import altair as alt
import pandas as pd
import pytest
from PIL import Image

from alscope.charts.curves import curve_chart, curve_data
from alscope.charts.render import PRINT, render
from alscope.charts.spec import chart_spec
from alscope.results.curves import curve_frame
from tests.charts.figures import NAMES, figures, made_anew, rounds

FIGURES = figures()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["facets", "two frames"])
def test_an_svg_is_the_same_every_time(name: str) -> None:
    chart, _ = FIGURES[name]

    assert render(chart, "svg") == render(chart, "svg")


def test_a_chart_built_anew_from_equal_numbers_is_the_same_specification() -> None:
    again = made_anew()

    assert chart_spec(FIGURES["layers"][0], PRINT) == chart_spec(again["layers"][0], PRINT)
    assert chart_spec(FIGURES["facets"][0]) == chart_spec(again["facets"][0])


@pytest.mark.slow
def test_a_png_is_the_same_every_time_sharp_and_white() -> None:
    chart, _ = FIGURES["layers"]
    data = render(chart, "png")
    image = Image.open(io.BytesIO(data)).convert("RGB")

    assert render(chart, "png") == data
    assert image.width > 2000
    assert image.getpixel((2, 2)) == (255, 255, 255)


def test_a_pdf_is_one_page_with_its_font_in_it() -> None:
    data = render(FIGURES["layers"][0], "pdf")

    assert data.startswith(b"%PDF-")
    assert b"/FontFile" in data
    assert b"LiberationSans" in data


def test_every_strategy_is_named_in_full_in_a_file() -> None:
    svg = render(FIGURES["layers"][0], "svg").decode()

    for name in NAMES:
        assert f"{name} (n=5)" in svg
    assert "…" not in svg
    assert "Liberation Sans" in svg


def test_a_specification_holds_exactly_the_plotted_rows() -> None:
    for name, (chart, data) in FIGURES.items():
        values = chart_spec(chart)["datasets"]["data"]
        kept = pd.DataFrame(values).astype(data.dtypes.to_dict())

        pd.testing.assert_frame_equal(kept, data, obj=name)


def test_more_than_five_thousand_rows_are_no_problem() -> None:
    frame = pd.DataFrame({"x": range(6000), "y": range(6000)})
    chart = alt.Chart(frame).mark_point().encode(x="x:Q", y="y:Q")

    assert len(chart_spec(chart)["datasets"]["data"]) == 6000


def test_what_the_chart_configures_comes_before_the_theme() -> None:
    chart = FIGURES["layers"][0].configure_axis(labelFontSize=20)  # type: ignore[attr-defined]
    config = chart_spec(chart, PRINT)["config"]

    assert config["axis"]["labelFontSize"] == 20
    assert config["axis"]["titleFontSize"] == PRINT["axis"]["titleFontSize"]


def test_global_settings_of_altair_neither_matter_nor_change() -> None:
    chart, _ = FIGURES["layers"]
    plain = chart_spec(chart, PRINT)
    alt.data_transformers.register("refuse", lambda data: pytest.fail("was asked"))
    with alt.data_transformers.enable("refuse"), alt.theme.enable("dark"):
        inside = chart_spec(chart, PRINT)
        assert alt.data_transformers.active == "refuse"

    assert inside == plain


@pytest.mark.slow
def test_charts_are_rendered_in_any_thread() -> None:
    chart, _ = FIGURES["layers"]
    made: list[bytes] = []
    threads = [threading.Thread(target=lambda: made.append(render(chart, "svg"))) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert made == [render(chart, "svg")] * 2


def test_the_chart_itself_is_left_as_it_was() -> None:
    curves = curve_data(curve_frame(rounds()))
    chart = curve_chart(curves, y_title="Accuracy")
    render(chart, "svg")

    assert chart.data is curves
