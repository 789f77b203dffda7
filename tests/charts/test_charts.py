"""Charts draw exactly the frame they are given, and say what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import pytest

from alscope.charts.composition import class_chart, class_data, purity_chart, purity_data
from alscope.charts.curves import curve_chart, curve_data
from alscope.charts.theme import PARTS
from alscope.charts.timing import timing_chart, timing_data
from alscope.results.curves import curve_frame
from alscope.results.frames import classes_frame
from alscope.results.timing import timing_table
from tests.results.records import make_rounds, make_run, make_store

ROUNDS = make_rounds(
    {"random": lambda seed: [0.4, 0.5, 0.6][: seed + 1], "margin": lambda seed: [0.4, 0.6, 0.8]},
    load_s=0.5,
    inference_s=1.0,
    acquisition_s=0.25,
    purity=0.75,
)
CURVES = curve_data(curve_frame(ROUNDS))


def plotted(chart: alt.TopLevelMixin) -> pd.DataFrame:
    """The rows in the specification of a chart."""
    (rows,) = chart.to_dict()["datasets"].values()
    return pd.DataFrame(rows)


def find(spec: Any, key: str) -> list[Any]:
    """Every value of a key anywhere in a specification."""
    if isinstance(spec, dict):
        below = [
            found
            for name, value in spec.items()
            if name != "datasets"
            for found in find(value, key)
        ]
        return [*below, spec[key]] if key in spec else below
    return [found for item in spec for found in find(item, key)] if isinstance(spec, list) else []


def assert_same_rows(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert list(found.columns) == list(expected.columns)
    pd.testing.assert_frame_equal(found.astype(expected.dtypes.to_dict()), expected)


def test_a_curve_chart_draws_exactly_its_frame() -> None:
    assert_same_rows(plotted(curve_chart(CURVES, y_title="Accuracy")), CURVES)


def test_the_label_states_the_number_of_seeds_and_its_range() -> None:
    assert set(CURVES["label"]) == {"margin (n=3)", "random (n=1 to 3)"}


def test_rows_without_a_mean_are_not_plotted() -> None:
    rounds = make_rounds({"margin": [float("nan"), 0.5]})

    assert curve_data(curve_frame(rounds))["round"].tolist() == [1]


def test_a_curve_chart_is_a_band_under_a_line_with_one_legend_to_click() -> None:
    spec = curve_chart(CURVES, y_title="Accuracy").to_dict()
    marks = [layer["mark"]["type"] for layer in spec["layer"]]
    (param,) = spec["params"]

    assert marks == ["area", "line"]
    assert param["bind"] == "legend"
    assert param["select"]["fields"] == ["label"]
    assert set(find(spec, "strokeDash")[0]["scale"]["domain"]) == set(CURVES["label"])


def test_axes_are_named_and_do_not_start_at_zero() -> None:
    spec = curve_chart(CURVES, y_title="Macro F1", x_title="Labels").to_dict()

    for axis, title in (("x", "Labels"), ("y", "Macro F1")):
        for encoding in find(spec, axis):
            assert encoding["title"] == title
            assert encoding["scale"] == {"zero": False}


def test_the_tooltip_states_seeds_and_kind_of_band() -> None:
    fields = [
        item["field"] for item in find(curve_chart(CURVES, y_title="A").to_dict(), "tooltip")[0]
    ]

    assert {"n", "band", "low", "high", "mean", "strategy"} <= set(fields)


def test_strategies_have_their_colors_in_the_order_of_the_domain() -> None:
    scale = find(curve_chart(CURVES, y_title="A").to_dict(), "color")[0]["scale"]

    assert dict(zip(scale["domain"], scale["range"], strict=True))["random (n=1 to 3)"] == "#7f7f7f"


def test_several_scenarios_become_panels() -> None:
    other = make_rounds({"random": [0.1, 0.2]}, scenario="mnist")
    data = curve_data(curve_frame(pd.concat([ROUNDS, other])))
    chart = curve_chart(data, y_title="Accuracy")

    assert chart.to_dict()["facet"]["field"] == "scenario"
    assert_same_rows(plotted(chart), data)


def test_twenty_five_strategies_fit_in_one_chart() -> None:
    rounds = make_rounds({f"method_{i}": [0.1, 0.2 + i / 100] for i in range(25)})
    spec = curve_chart(curve_data(curve_frame(rounds)), y_title="Accuracy").to_dict()
    color, dash = find(spec, "color")[0]["scale"], find(spec, "strokeDash")[0]["scale"]

    assert len({*zip(color["range"], map(tuple, dash["range"]), strict=True)}) == 25


@pytest.mark.parametrize("band", ["none", "ci95"])
def test_a_chart_of_one_seed_has_no_band_to_draw(band: str) -> None:
    data = curve_data(curve_frame(make_rounds({"random": [0.1, 0.2]}, seeds=[0]), band=band))

    assert plotted(curve_chart(data, y_title="Accuracy"))[["low", "high"]].isna().all(axis=None)


def test_empty_frames_give_empty_charts() -> None:
    rounds = make_rounds({})

    assert curve_chart(curve_data(curve_frame(rounds)), y_title="Accuracy").to_dict()
    assert timing_chart(timing_data(timing_table(rounds))).to_dict()
    assert purity_chart(purity_data(rounds)).to_dict()


def test_every_chart_has_a_description_for_screen_readers() -> None:
    assert curve_chart(CURVES, y_title="Accuracy").to_dict()["description"] == (
        "Accuracy over annotations for margin, random"
    )
    assert timing_chart(timing_data(timing_table(ROUNDS))).to_dict()["description"]


def test_a_timing_chart_stacks_the_parts_of_a_selection_in_seconds() -> None:
    data = timing_data(timing_table(ROUNDS))
    margin = data[data["strategy"] == "margin"]

    assert dict(zip(margin["part"], margin["seconds"], strict=True)) == {
        "load": 0.5,
        "inference": 1.0,
        "acquisition": 0.25,
        "own learners": 0.0,
    }
    assert margin.sort_values("order")["part"].tolist() == list(PARTS)[:4]
    assert_same_rows(plotted(timing_chart(data)), data)


def test_seconds_of_different_devices_stand_in_different_panels() -> None:
    rounds = ROUNDS.copy()
    rounds.loc[rounds["strategy"] == "margin", "n_threads"] = 8
    data = timing_data(timing_table(rounds))

    assert set(data["panel"]) == {"digits, cpu, 1 thread", "digits, cpu, 8 threads"}
    assert timing_chart(data).to_dict()["facet"]["field"] == "panel"


def test_purity_is_shown_for_the_rounds_that_have_a_query() -> None:
    data = purity_data(pd.concat([ROUNDS, ROUNDS]))
    margin = data[data["strategy"] == "margin"]

    assert margin["round"].tolist() == [0, 1]
    assert margin["mean"].tolist() == [0.75, 0.75]
    assert margin["n"].tolist() == [3, 3]
    assert_same_rows(plotted(purity_chart(data)), data)


def test_class_counts_are_means_over_seeds_with_the_names_given(tmp_path: Path) -> None:
    configs = [make_run("margin", 0), make_run("margin", 1)]
    store = make_store(tmp_path, configs)
    classes = classes_frame(store, [config.run_id for config in configs])
    data = class_data(classes, class_names=["cat"])

    assert data["class_name"].tolist() == ["cat", "1"] * 3
    assert data["n_labeled"].tolist() == [5, 4, 6, 5, 7, 6]
    assert set(data["n"]) == {2}
    assert_same_rows(plotted(class_chart(data)), data)
