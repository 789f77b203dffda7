from __future__ import annotations

import json
from dataclasses import replace

import pyarrow as pa
import pytest
import streamlit as st

from alscope.charts.curves import curve_data
from alscope.config import StrategySpec, StudyConfig
from alscope.engine.service import Service
from alscope.registry import strategies
from alscope.results.curves import mean_curves
from alscope.results.export import frame_bytes
from alscope.results.frames import rounds_frame
from alscope.results.summary import summary_table
from alscope.results.values import value_frame
from alscope.ui.text import strategy_link
from tests.ui.records import GAIN, address, page, record, small_study, texts

pytestmark = pytest.mark.slow


def widget(app, key):
    kinds = (app.selectbox, app.multiselect, app.pills, app.segmented_control, app.select_slider)
    return next(item for kind in kinds for item in kind if item.key == key)


CHANGED = {
    "s": ["badge", "random"],
    "seed": ["1"],
    "metric": "macro_f1",
    "mode": "gain",
    "x": "seconds",
    "scale": "log",
    "band": "minmax",
    "b": "30",
}
"""A view in which everything that one scenario lets one choose differs from the default."""


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The CSV files that the page offers, by name."""
    offered: dict[str, bytes] = {}
    original = st.download_button

    def spy(label, data, *args, **kwargs):
        if label == "CSV":
            offered[kwargs["file_name"]] = data()
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
    means = mean_curves(value_frame(rounds)).assign(metric="accuracy", mode="absolute")
    expected = curve_data(means)
    file = downloads["digits-accuracy-absolute-curves.csv"]
    assert file == frame_bytes(expected, "csv")
    assert frame_bytes(drawn[expected.columns], "csv") == file


def test_the_footer_counts_runs_seeds_and_what_is_missing(service: Service) -> None:
    record(service, small_study(), failed=(0,))

    assert "6 runs, 2 seeds each, 2 missing points." in texts(page("compare"))


def test_runs_that_failed_are_counted_and_those_that_diverged_are_told_apart(
    service: Service,
) -> None:
    record(service, small_study(), failed=(0,), diverged=(1,))
    said = [warning.value for warning in page("compare").warning]

    assert any("2 runs of 6 failed, 1 of them because training diverged: " in one for one in said)


def test_without_failures_nothing_is_said_of_them(service: Service) -> None:
    record(service, small_study())

    assert not [one for one in page("compare").warning if "failed" in one.value]


def test_wrong_answers_of_the_annotator_are_part_of_what_is_compared(service: Service) -> None:
    study = small_study(label_noise=0.2, noise_kind="pair")
    record(service, study)
    title = "digits · label noise 0.20 (pair)"

    assert title in widget(page("compare"), "data").value
    assert title in texts(page("home"))


def test_the_best_strategy_is_bold_and_random_is_the_target(service: Service) -> None:
    record(service, small_study())

    table = page("compare", tab="table").table[0].value

    assert table["Strategy"][0] == "**[badge](strategies?s=badge)**"
    assert table["Area"][0].startswith("**0.66")
    assert (
        table.loc[table["Strategy"] == strategy_link("random"), "Labels to target"].item() == "40"
    )


def test_two_seeds_are_said_to_be_too_few_for_a_test(service: Service) -> None:
    record(service, small_study())

    said = texts(page("compare", tab="table"))

    assert "The sign-flip test cannot reach 0.05 with 2 seeds" in said


def test_the_table_holds_the_chosen_columns_and_so_does_its_file(
    service: Service, downloads: dict[str, bytes]
) -> None:
    study = small_study()
    record(service, study)
    rounds = rounds_frame(service.runs, [run.run_id for run in study.runs()])

    app = page("compare", tab="table", cols=["area", "at"], b="30", at="20")

    assert list(app.table[0].value) == ["Strategy", "Area", "At 20", "At 30"]
    frame = summary_table(rounds, budgets=(20, 30))
    ends = ("", "_low", "_high", "_n", "_place")
    columns = [f"{name}{end}" for name in ("aubc", "at_20", "at_30") for end in ends]
    expected = frame[["scenario", "strategy", "n", *columns]]
    assert downloads["digits-accuracy-table.csv"] == frame_bytes(expected, "csv")


def test_a_view_survives_its_own_address(service: Service) -> None:
    first = record(service, small_study("first"))
    record(service, small_study("second", n_seeds=3))
    app = page("compare", exp=first)
    for key, value in CHANGED.items():
        widget(app, key).set_value(value)
    app.run()

    link = {key: address(app, key) for key in (*CHANGED, "exp", "data", "tab")}
    copy = page("compare", **link)

    assert not copy.exception
    assert not copy.warning
    assert {key: address(copy, key) for key in link} == link
    assert {key: widget(copy, key).value for key in CHANGED} == CHANGED
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

    said = app.warning[0].value
    assert "bagde" in said
    assert "Did you mean badge?" in said
    assert widget(app, "s").value == ["margin"]


def test_all_strategies_stay_chosen_when_a_study_with_more_is_added(service: Service) -> None:
    first = record(service, small_study("first"))
    study = small_study("second")
    more = (*study.strategies, type(study.strategies[0])(name="entropy"))
    second = record(service, type(study)(**{**vars(study), "strategies": more}))
    app = page("compare", exp=first)

    widget(app, "exp").set_value([first, second]).run()

    assert widget(app, "s").value == ["badge", "entropy", "margin", "random"]


def test_a_link_to_a_larger_study_shows_all_of_it(service: Service) -> None:
    first = record(service, small_study("one"))
    second = record(
        service,
        replace(
            small_study("two", n_initial=30),
            strategies=tuple(StrategySpec(name=name) for name in (*GAIN, "entropy")),
        ),
    )
    app = page("compare", exp=first)
    assert address(app, "s") == sorted(GAIN)

    app.query_params.clear()
    app.query_params["exp"] = second
    app.run()

    assert address(app, "s") == sorted([*GAIN, "entropy"])


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


@pytest.mark.parametrize("tab", ["curves", "table", "timing", "heat"])
def test_every_tab_opens_from_its_address_with_words_for_every_figure(
    service: Service, tab: str
) -> None:
    record(service, small_study())

    app = page("compare", tab=tab)

    assert not app.exception
    assert not app.error
    assert address(app, "tab") == [tab]
    elements = [*app.get("vega_lite_chart"), *app.get("table")]
    assert elements
    assert all(element.proto.alt for element in app.get("vega_lite_chart"))
    charts = {"curves": 1, "table": 0, "timing": 3, "heat": 1}
    assert len(app.get("vega_lite_chart")) == charts[tab]  # only the open tab is computed


HOSTILE = {key: "<b>\u0000[x](y)" for key in (*CHANGED, "exp", "data", "tab", "facet", "hl")}


def test_an_address_full_of_nonsense_gives_notices_and_the_default_view(service: Service) -> None:
    record(service, small_study())

    app = page("compare", **HOSTILE)

    assert not app.exception
    assert len(app.warning) >= 9
    assert app.get("vega_lite_chart")
    assert "<b>" not in " ".join(item.value.replace("\\<", "") for item in app.warning)


def test_a_chosen_budget_is_a_line_in_the_curves_and_a_column_of_the_table(
    service: Service,
) -> None:
    record(service, small_study())

    spec = json.loads(page("compare", b="30").get("vega_lite_chart")[0].proto.spec)
    table = page("compare", b="30", tab="table").table[0].value

    assert {"datum": 30} in [layer["encoding"].get("x") for layer in spec["layer"]]
    assert "At 30" in table


def test_gains_without_random_say_what_is_missing(service: Service) -> None:
    record(service, small_study())

    for tab in ("curves", "heat"):
        app = page("compare", s=["badge", "margin"], mode="gain", tab=tab)
        assert "needs Random among the strategies" in app.info[0].value


def test_one_seed_has_no_band_and_the_page_says_so(service: Service) -> None:
    record(service, small_study(n_seeds=1))

    said = texts(page("compare"))

    assert "One seed has no spread" in said
    assert "3 runs, 1 seed each, 0 missing points. No band." in said


def test_without_a_chosen_study_the_newest_are_one_click_away(service: Service) -> None:
    record(service, small_study("first <b>"))
    app = page("compare")

    widget(app, "exp").set_value([]).run()

    assert "Choose a study on the left" in app.info[0].value
    labels = [link.proto.label for link in app.get("page_link")]
    assert "Compare first \\<b\\>" in labels


def test_scenarios_have_panels_of_their_own_or_are_averaged(service: Service) -> None:
    both = two_scenarios()
    record(service, both)

    apart, together = page("compare"), page("compare", facet="none")

    assert len(apart.get("vega_lite_chart")) == 2
    assert len(together.get("vega_lite_chart")) == 1
    assert "evaluated at different budgets" in texts(together)
    assert "evaluated at different budgets" not in texts(
        page("compare", facet="none", grid="common")
    )


def two_scenarios() -> StudyConfig:
    study = small_study()
    other = replace(study.scenarios[0], query_size=20)
    return replace(study, scenarios=(*study.scenarios, other))


def test_more_than_eight_lines_leave_eight_in_colour(service: Service) -> None:
    study = small_study(n_seeds=1)
    names = sorted(strategies)[:10]
    record(service, replace(study, strategies=tuple(StrategySpec(name=name) for name in names)))

    app = page("compare", hl=names[:2])

    spec = app.get("vega_lite_chart")[0].proto.spec
    assert f"other strategies, {len(names) - 2} (n=1)" in spec
    assert widget(app, "hl").value == names[:2]
