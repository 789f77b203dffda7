"""The menu of every figure and table."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def _page() -> None:
    from alscope.ui.figures import download_frame, figure
    from tests.charts.figures import figures

    chart, data = figures()["layers"]
    figure(chart, data, key="one", alt="Curves", stem="Digits: accuracy", caption="8 strategies.")
    figure(chart, data, key="two", alt="Curves", stem="Digits: accuracy")
    download_frame(data, key="table", stem="a <b>table</b>", label="Areas")


def test_figures_and_tables_offer_their_files_without_making_them() -> None:
    app = AppTest.from_function(_page, default_timeout=30).run()
    labels = [button.proto.label for button in app.get("download_button")]
    figure = ["SVG", "PNG", "PDF", "CSV", "Vega-Lite", "Python"]

    assert not app.exception
    assert labels == [*figure, *figure, "CSV", "LaTeX", "JSON", "Parquet"]
    assert "8 strategies." in [caption.value for caption in app.caption]
    assert [item.proto.popover.label for item in app.get("popover")] == [
        "Export",
        "Export",
        "Areas",
    ]
