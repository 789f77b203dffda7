"""The menu of every figure and table."""

from __future__ import annotations

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from alscope.charts.spec import chart_spec
from alscope.engine.service import Service
from alscope.reports.files import ExportFile
from tests.charts.test_snippet import drawn, in_order
from tests.ui.records import page, record, small_study


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


@pytest.mark.slow
@pytest.mark.parametrize("tab", ["curves", "table", "pairwise", "ranks", "timing", "heat"])
def test_every_figure_and_table_of_compare_can_be_taken_away(
    service: Service, tab: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    menus: dict[str, dict[str, ExportFile]] = {}

    def menu(files: list[ExportFile], *, key: str, **_: Any) -> None:
        menus[key] = {file.label: file for file in files}

    monkeypatch.setattr("alscope.ui.figures._menu", menu)
    record(service, small_study(n_seeds=3, setting="open", n_known=6, ood_ratio=0.4))
    app = page("compare", tab=tab)

    assert not app.exception
    assert menus or tab == "ranks"  # which needs five scenarios
    for key, files in menus.items():
        for label in {"CSV", "SVG", "LaTeX"} & files.keys():
            assert files[label].make(), (key, label)
        if "Python" in files:
            spec = json.loads(files["Vega-Lite"].make())
            again = json.loads(json.dumps(chart_spec(drawn(files["Python"].make().decode()))))
            assert in_order(again) == in_order(spec), key
