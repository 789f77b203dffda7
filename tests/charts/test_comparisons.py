"""Curves with everything on them, the map of gains, growth, and quality against seconds."""

from __future__ import annotations

import pandas as pd
import pytest

from alscope.charts.curves import CurveLook, curve_chart, curve_data
from alscope.charts.heat import gain_map
from alscope.charts.theme import style_of
from alscope.charts.timing import timing_chart, timing_data
from alscope.charts.tradeoff import growth_chart, growth_data, pareto_chart, pareto_data
from alscope.results.cost import growth_table, pareto_table
from alscope.results.curves import mean_curves
from alscope.results.gains import gain_table
from alscope.results.timing import timing_table
from alscope.results.values import value_frame
from tests.charts.test_charts import assert_same_rows, find, plotted
from tests.results.records import make_rounds

STRATEGIES = ("random", "margin", "badge", "entropy")
ROUNDS = pd.concat(
    [
        make_rounds({name: lambda seed, step=step: [0.4, 0.5 + 0.01 * step + 0.02 * seed]}).assign(
            selection_s=1.0 + step, n_pool=[100, 90] * 3, executed_s=4.0
        )
        for step, name in enumerate(STRATEGIES)
    ],
    ignore_index=True,
)
VALUES = value_frame(ROUNDS)
MEANS = mean_curves(VALUES)
POINTING = CurveLook(pointing=True, budget=20)


def chart_of(data: pd.DataFrame, **options: object) -> dict:
    return curve_chart(data, y_title="Accuracy", **options).to_dict()


def test_every_seed_is_a_row_and_a_thin_line() -> None:
    data = curve_data(MEANS, seeds=VALUES)
    spec = curve_chart(data, y_title="Accuracy")

    assert_same_rows(plotted(spec), data)
    assert len(data) == len(MEANS) + len(VALUES)
    single = data[data["seed"] != "mean"]
    assert single["mean"].tolist() == pytest.approx(VALUES["value"].tolist())
    assert single["seed"].unique().tolist() == ["0", "1", "2"]
    assert ["strategy", "seed"] in [
        [item["field"] for item in detail]
        for detail in find(spec.to_dict(), "detail")
        if isinstance(detail, list)
    ]


def test_lines_that_are_not_highlighted_share_one_grey_entry() -> None:
    data = curve_data(MEANS, highlighted=["badge", "random"])
    scale = find(chart_of(data), "color")[-1]["scale"]

    assert scale["domain"] == ["badge (n=3)", "random (n=3)", "other strategies, 2 (n=3)"]
    assert scale["range"][:2] == [style_of("badge").color, style_of("random").color]
    assert scale["range"][2] == "#a3a3a3"
    grey = data[data["label"].str.startswith("other")]
    assert grey["strategy"].unique().tolist() == ["entropy", "margin"]


def test_pointing_lists_every_curve_sorted_and_a_click_takes_the_budget() -> None:
    spec = chart_of(curve_data(MEANS), look=POINTING)
    (rule,) = (layer for layer in spec["layer"] if "transform" in layer)

    places = [item["title"] for item in rule["encoding"]["tooltip"]]
    assert places == ["Annotations", "1.", "2.", "3.", "4."]
    window = next(step for step in rule["transform"] if "window" in step)
    assert window["sort"] == [{"field": "mean", "order": "descending"}]
    names = {param["name"]: param for param in spec["params"]}
    assert names["budget"]["select"]["fields"] == ["n_annotated"]
    assert {"strategy", "hover", "budget"} <= set(names)


def test_the_lowest_curve_is_listed_first_where_less_is_better() -> None:
    look = CurveLook(pointing=True, best_is_low=True)

    assert '"ascending"' in curve_chart(curve_data(MEANS), y_title="N", look=look).to_json()


def test_the_chosen_budget_is_a_dashed_line_or_a_ring() -> None:
    by_labels = chart_of(curve_data(MEANS), look=POINTING)
    by_seconds = chart_of(curve_data(mean_curves(VALUES, x="spent_s")), x="spent_s", look=POINTING)

    assert {"datum": 20} in [layer["encoding"].get("x") for layer in by_labels["layer"]]
    tests = [item["test"] for item in find(by_seconds, "condition") if "test" in item]
    assert "(datum.n_annotated === 20)" in tests or "datum.n_annotated === 20" in tests


def test_ranks_stand_with_the_best_on_top() -> None:
    ranks = curve_data(mean_curves(value_frame(ROUNDS, mode="rank")))
    spec = chart_of(ranks, look=CurveLook(turned=True, best_is_low=True))

    scale = find(spec, "y")[0]["scale"]
    assert scale["reverse"] is True
    assert scale["domain"] == [1, 4]


def test_a_logarithmic_axis_leaves_out_what_has_no_logarithm() -> None:
    spec = chart_of(curve_data(MEANS), look=CurveLook(log=True))

    assert find(spec, "x")[0]["scale"]["type"] == "log"
    assert {"filter": "datum.n_annotated > 0"} in find(spec, "transform")[0]


def test_curves_without_a_band_have_no_layer_for_it() -> None:
    data = curve_data(mean_curves(VALUES, band="none"))

    assert not [mark for mark in find(chart_of(data), "mark") if mark.get("type") == "area"]


def test_the_map_of_gains_draws_its_frame_centred_on_no_difference() -> None:
    data = gain_table(ROUNDS)
    chart = gain_map(data, title="Gain")

    assert_same_rows(plotted(chart), data)
    low, middle, high = find(chart.to_dict(), "color")[0]["scale"]["domain"]
    assert middle == 0
    assert low == -high == -data["gain"].abs().max()
    assert find(chart.to_dict(), "y")[0]["sort"] == ["entropy", "badge", "margin"]


def test_more_scenarios_than_fit_have_no_numbers_in_their_cells() -> None:
    data = gain_table(ROUNDS)
    many = pd.concat([data.assign(scenario=f"set {place}") for place in range(9)])

    assert len(gain_map(data, title="Gain").to_dict()["layer"]) == 2
    assert len(gain_map(many, title="Gain").to_dict()["layer"]) == 1


def test_growth_has_logarithmic_axes_and_counts_its_queries() -> None:
    data = growth_data(growth_table(ROUNDS.assign(query_size=10)))
    chart = growth_chart(data)

    assert_same_rows(plotted(chart), data)
    assert data["label"].iloc[0] == "badge (n=6)"
    assert {axis["scale"]["type"] for name in "xy" for axis in find(chart.to_dict(), name)} == {
        "log"
    }


def test_the_trade_off_draws_its_frame_with_beaten_strategies_grey() -> None:
    data = pareto_data(pareto_table(ROUNDS))
    chart = pareto_chart(data, y_title="Area")

    assert_same_rows(plotted(chart), data)
    shapes = [item["shape"] for item in find(chart.to_dict(), "encoding") if "shape" in item]
    assert shapes[0]["condition"]["value"] == "cross"


def test_seconds_as_executed_are_one_bar() -> None:
    data = timing_data(timing_table(ROUNDS), executed=True)

    assert data["part"].unique().tolist() == ["whole round"]
    assert data["seconds"].tolist() == [4.0] * 4
    domain = find(timing_chart(data).to_dict(), "color")[0]["scale"]["domain"]
    assert domain == ["whole round"]


@pytest.mark.parametrize("band", ["ci95", "seeds"])
def test_no_values_give_charts_without_marks(band: str) -> None:
    empty = value_frame(make_rounds({}))
    seeds = empty if band == "seeds" else None
    data = curve_data(mean_curves(empty, band=band), seeds=seeds, highlighted=["badge"])

    assert chart_of(data, look=POINTING)
    assert gain_map(gain_table(make_rounds({})), title="Gain").to_dict()
