"""The charts of pairwise comparison and ranks draw their frames, and Vega-Lite accepts them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import vl_convert

from alscope.charts.matrix import (
    BEATEN,
    BEATS,
    block_dots_chart,
    difference_chart,
    matrix_chart,
    matrix_data,
    pair_data,
)
from alscope.charts.ranks import (
    critical_difference_chart,
    critical_difference_data,
    rank_strips_chart,
)
from alscope.results.matrices import matrix_frame, matrix_order
from alscope.results.pairwise import block_tests, pair_blocks
from alscope.results.ranks import rank_table, run_ranks
from tests.charts.test_charts import assert_same_rows, find, plotted
from tests.results.frames_for_statistics import noisy_rounds

GAINS = {"random": 0.0, "margin": 0.05, "badge": 0.06, "bald(n_samples=5)": -0.03}
ROUNDS = noisy_rounds(GAINS)
BLOCKS = block_tests(ROUNDS)
MATRIX = matrix_frame(BLOCKS)


def compiled(chart) -> dict:
    """What Vega-Lite makes of a chart; an error of its compiler is an exception."""
    return vl_convert.vegalite_to_vega(chart.to_dict())


@pytest.mark.parametrize("value", ["share", "penalty"])
def test_a_matrix_draws_its_cells_and_their_means(value: str) -> None:
    order = matrix_order(MATRIX, value)
    data = matrix_data(MATRIX, order, value)
    names = order["strategy"].tolist()
    chart = matrix_chart(data, names, value=value, title="Wins", chosen=("margin", "random"))

    assert_same_rows(plotted(chart), data)
    assert compiled(chart)
    cells, means = data[data["kind"] == "cell"], data[data["kind"] == "mean"]
    assert len(cells) == 12
    for row in means[means["column"] == BEATS].itertuples():
        assert row.value == pytest.approx(cells.loc[cells["row"] == row.row, "value"].mean())
    for row in means[means["row"] == BEATEN].itertuples():
        assert row.value == pytest.approx(cells.loc[cells["column"] == row.column, "value"].mean())


def test_a_click_gives_row_and_column_by_name() -> None:
    order = matrix_order(MATRIX)
    chart = matrix_chart(
        matrix_data(MATRIX, order, "share"), order["strategy"].tolist(), value="share", title="W"
    )
    (param,) = find(chart.to_dict(), "params")[-1]

    assert param["name"] == "cell"
    assert param["select"]["fields"] == ["row", "column"]


def test_cells_that_cannot_show_a_win_say_so() -> None:
    few = matrix_frame(block_tests(noisy_rounds(GAINS, seeds=range(4)), test="sign_flip"))
    data = matrix_data(few, matrix_order(few), "share")

    assert set(data.loc[data["kind"] == "cell", "text"]) == {"n/a"}


def test_the_charts_of_a_pair_draw_its_blocks() -> None:
    pair = ("margin", "bald(n_samples=5)")
    data = pair_data(pair_blocks(BLOCKS, *pair))
    one = data[data["scenario"] == "a"].reset_index(drop=True)
    curve = difference_chart(one, *pair, y_title="Gap")
    dots = block_dots_chart(data, *pair, x_title="Gap")

    assert_same_rows(plotted(curve), one)
    assert_same_rows(plotted(dots), data)
    for chart in (curve, dots, difference_chart(one, *pair, y_title="Gap", budget=30)):
        assert compiled(chart)
    assert set(data["result"]) <= {"margin better", "not shown"}
    assert (data["result"] == "margin better").tolist() == (data["outcome"] == 1).tolist()


def test_blocks_without_a_common_seed_are_not_drawn_and_hopeless_ones_say_so() -> None:
    one = pair_blocks(block_tests(noisy_rounds(GAINS, seeds=range(1))), "margin", "random")
    data = pair_data(pd.concat([one, one.assign(n=0)], ignore_index=True))

    assert len(data) == len(one)
    assert set(data["result"]) == {"cannot be shown"}
    assert compiled(difference_chart(data, "margin", "random", y_title="Gap"))


def test_the_diagram_has_the_better_half_on_the_left_and_no_crossing_lines() -> None:
    names = [f"s{place}" for place in range(5)]
    ranks = [1.2, 1.8, 3.0, 4.1, 4.9]
    data = critical_difference_data(names, ranks, [("s0", "s1"), ("s1", "s2", "s3")])
    chart = critical_difference_chart(data, x_title="Mean rank")
    lines = data[data["kind"] == "strategy"].set_index("strategy")

    assert_same_rows(plotted(chart), data)
    assert compiled(chart)
    assert lines["mean_rank"].tolist() == ranks
    assert (lines["edge"] < lines["mean_rank"]).tolist() == [True, True, True, False, False]
    # Outer names are above inner ones on both sides.
    assert np.diff(lines.loc[["s0", "s1", "s2"], "level"]).tolist() == [1, 1]
    assert np.diff(lines.loc[["s4", "s3"], "level"]).tolist() == [1]
    members = data[data["kind"] == "group"].groupby("group")["strategy"].agg(list)
    assert members.tolist() == [["s0", "s1"], ["s1", "s2", "s3"]]


def test_strips_draw_every_run() -> None:
    data = run_ranks(ROUNDS)
    chart = rank_strips_chart(data, rank_table(ROUNDS).strategies)

    assert_same_rows(plotted(chart), data)
    assert compiled(chart)
    assert len(data) == len(GAINS) * 2 * 6
