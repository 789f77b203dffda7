from __future__ import annotations

import json

import pyarrow as pa
import pytest
import streamlit as st

from alscope.charts.curves import curve_data
from alscope.engine.service import Service
from alscope.results.curves import curve_frame
from alscope.results.export import frame_bytes
from alscope.results.frames import rounds_frame
from tests.ui.records import address, page, record, small_study, texts


def widget(app, key):
    return next(item for item in (*app.selectbox, *app.multiselect) if item.key == key)


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What the page offers for download, by label."""
    offered: dict[str, bytes] = {}
    original = st.download_button

    def spy(label, data, *args, **kwargs):
        offered[label] = data
        return original(label, data, *args, **kwargs)

    monkeypatch.setattr(st, "download_button", spy)
    return offered


def test_the_downloaded_curves_are_the_plotted_frame_byte_for_byte(
    service: Service, downloads: dict[str, bytes]
) -> None:
    study = small_study()
    record(service, study)
    rounds = rounds_frame(service.runs, [run.run_id for run in study.runs()])

    app = page("compare")

    plotted = app.get("vega_lite_chart")[0].proto.datasets[0].data.data
    drawn = pa.ipc.open_stream(plotted).read_pandas()
    expected = curve_data(curve_frame(rounds))
    assert downloads["Curves as CSV"] == frame_bytes(expected, "csv")
    assert frame_bytes(drawn[expected.columns], "csv") == downloads["Curves as CSV"]


def test_the_footer_counts_runs_seeds_and_what_is_missing(service: Service) -> None:
    record(service, small_study(), failed=(0,))

    assert "6 runs, 2 seeds each, 1 missing." in texts(page("compare"))


def test_the_best_strategy_is_bold_and_random_is_the_target(service: Service) -> None:
    record(service, small_study())

    table = page("compare").table[0].value

    assert table["Strategy"][0] == "**badge**"
    assert table["Area"][0].startswith("**0.66")
    assert table.loc[table["Strategy"] == "random", "Labels to target"].item() == "40"


def test_two_seeds_are_said_to_be_too_few_for_a_test(service: Service) -> None:
    record(service, small_study())

    said = texts(page("compare"))

    assert "No paired test can reach 0.05 with 2 seeds" in said


def test_a_view_survives_its_own_address(service: Service) -> None:
    first = record(service, small_study("first"))
    record(service, small_study("second", n_seeds=3))
    app = page("compare", exp=first)
    widget(app, "s").set_value(["badge", "random"]).run()
    widget(app, "metric").select("macro_f1").run()
    widget(app, "band").select("minmax").run()

    link = {key: address(app, key) for key in ("exp", "s", "metric", "band", "x", "data")}
    copy = page("compare", **link)

    assert {key: address(copy, key) for key in link} == link
    assert widget(copy, "s").value == ["badge", "random"]
    assert widget(copy, "metric").value == "macro_f1"
    assert widget(copy, "band").value == "minmax"
    assert widget(copy, "exp").value == [first]


def test_every_field_of_the_view_is_in_the_address(service: Service) -> None:
    study_id = record(service, small_study())

    app = page("compare")

    assert address(app, "exp") == [study_id]
    assert address(app, "s") == ["badge", "margin", "random"]
    assert address(app, "metric") == ["accuracy"]
    assert address(app, "band") == ["ci95"]
    assert address(app, "x") == ["labels"]


def test_unknown_values_are_dropped_with_a_notice(service: Service) -> None:
    record(service, small_study())

    app = page("compare", s=["bagde", "margin"])

    assert "Did you mean badge?" in app.warning[0].value
    assert widget(app, "s").value == ["margin"]


def test_all_strategies_stay_chosen_when_a_study_with_more_is_added(service: Service) -> None:
    first = record(service, small_study("first"))
    study = small_study("second")
    more = (*study.strategies, type(study.strategies[0])(name="entropy"))
    second = record(service, type(study)(**{**vars(study), "strategies": more}))
    app = page("compare", exp=first)

    widget(app, "exp").set_value([first, second]).run()

    assert widget(app, "s").value == ["badge", "entropy", "margin", "random"]


def test_different_data_are_refused_in_words(service: Service) -> None:
    first = record(service, small_study("first"))
    second = record(service, small_study("second", n_seeds=3), fingerprint="other")

    app = page("compare", exp=[first, second])

    # Runs 0 and 1 are shared by both studies; seed 2 was recorded on other data.
    assert "different versions of the data" in app.error[0].value
    assert not app.get("vega_lite_chart")


def test_an_open_set_shows_purity_and_may_count_known_labels(service: Service) -> None:
    record(service, small_study(setting="open", n_known=6, ood_ratio=0.4))

    app = page("compare", x="known")

    assert "Purity of the queries" in texts(app)
    assert widget(app, "x").value == "known"
    spec = json.loads(app.get("vega_lite_chart")[0].proto.spec)
    assert "n_labeled" in json.dumps(spec)


def test_every_chart_and_table_has_a_text_alternative(service: Service) -> None:
    record(service, small_study())

    app = page("compare")

    elements = [*app.get("vega_lite_chart"), *app.get("table")]
    assert len(elements) >= 4
    assert all(element.proto.alt for element in app.get("vega_lite_chart"))
