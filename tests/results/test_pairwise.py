"""The pairwise matrices against a loop over blocks, pairs and seeds."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from alscope.errors import IncomparableError, UnknownNameError
from alscope.results.cube import cubes, dropped_frame
from alscope.results.matrices import MATRIX_COLUMNS, matrix_frame, matrix_order
from alscope.results.pairwise import (
    AREA_COLUMNS,
    BLOCK_COLUMNS,
    area_tests,
    block_tests,
    pair_blocks,
)
from alscope.results.tables import aubc_frame
from tests.results.frames_for_statistics import noisy_rounds
from tests.results.records import make_rounds

PAIR = ("margin", "bald")
GAINS = {"random": 0.0, "margin": 0.03, "badge": 0.035, "bald": -0.02}


def step_down(p: list[float]) -> list[float]:
    """Holm's correction: the smallest p times m, the next times m - 1, never decreasing."""
    corrected, largest = [0.0] * len(p), 0.0
    for step, place in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        largest = max(largest, p[place] * (len(p) - step))
        corrected[place] = min(largest, 1.0)
    return corrected


def brute_force(rounds: pd.DataFrame, *, holm: bool) -> dict[tuple[str, str], tuple[int, float]]:
    """Wins and penalty of every ordered pair, one block, pair and seed at a time."""
    names = sorted(rounds["strategy"].unique())
    wins = {pair: (0, 0.0) for pair in itertools.permutations(names, 2)}
    for _, scenario in rounds.groupby("scenario"):
        budgets = sorted(scenario.loc[scenario["round"] > 0, "n_annotated"].unique())
        for budget in budgets:
            block = scenario[scenario["n_annotated"] == budget]
            values = {
                name: dict(zip(part["seed"], part["accuracy"], strict=True))
                for name, part in block.groupby("strategy")
            }
            found = []
            for first, second in itertools.combinations(names, 2):
                seeds = sorted(values[first].keys() & values[second].keys())
                gaps = np.array([values[first][seed] - values[second][seed] for seed in seeds])
                found.append((first, second, gaps.mean(), stats.ttest_1samp(gaps, 0).pvalue))
            p = [item[3] for item in found]
            p = step_down(p) if holm else p
            for (first, second, gap, _), value in zip(found, p, strict=True):
                if value <= 0.05:
                    winner = (first, second) if gap > 0 else (second, first)
                    n, penalty = wins[winner]
                    wins[winner] = (n + 1, penalty + 1 / len(budgets))
    return wins


@pytest.mark.parametrize("correction", ["holm", "none"])
def test_the_matrices_are_those_of_a_loop_over_everything(correction: str) -> None:
    rounds = noisy_rounds(GAINS, n_evaluations=(4, 7), seeds=range(7))
    lost = (rounds["strategy"] == "margin") & (rounds["seed"] == 2)
    rounds = rounds[~lost]
    expected = brute_force(rounds, holm=correction == "holm")

    matrix = matrix_frame(block_tests(rounds, correction=correction))

    for cell in matrix.itertuples():
        n_wins, penalty = expected[cell.row, cell.column]
        assert (cell.n_wins, cell.penalty) == (n_wins, pytest.approx(penalty))
        assert cell.share == pytest.approx(n_wins / 9)
    assert matrix["n_wins"].sum() > 5
    assert dict(matrix.dtypes.astype(str)) == {
        name: column.dtype for name, column in MATRIX_COLUMNS.items()
    }


def test_a_strategy_that_wins_everywhere_has_a_penalty_of_one_per_scenario() -> None:
    gains = {"random": 0.0, "margin": 0.4}
    rounds = noisy_rounds(gains, scenarios=("a", "b", "c"), n_evaluations=(2, 5, 9))
    matrix = matrix_frame(block_tests(rounds)).set_index(["row", "column"])

    assert matrix.loc[("margin", "random"), "penalty"] == pytest.approx(3.0)
    assert matrix.loc[("margin", "random"), "share"] == 1.0
    assert matrix.loc[("random", "margin"), "penalty"] == 0.0


def test_round_0_is_no_block_because_nothing_was_selected() -> None:
    blocks = block_tests(noisy_rounds(GAINS, n_evaluations=4))

    assert sorted(blocks["n_annotated"].unique()) == [20, 30, 40]


def test_each_number_of_a_block_is_that_of_scipy() -> None:
    rounds = noisy_rounds(GAINS, scenarios=("a",))
    row = pair_blocks(block_tests(rounds, correction="none"), "margin", "bald").iloc[-1]
    last = rounds[rounds["n_annotated"] == row["n_annotated"]].pivot_table(
        index="seed", columns="strategy", values="accuracy"
    )
    found = stats.ttest_rel(last["margin"], last["bald"])

    assert row["p"] == pytest.approx(found.pvalue)
    assert (row["low"], row["high"]) == pytest.approx(tuple(found.confidence_interval(0.95)))
    assert row["difference"] == pytest.approx((last["margin"] - last["bald"]).mean())


def test_a_pair_can_be_seen_from_both_sides() -> None:
    blocks = block_tests(noisy_rounds(GAINS))
    one, other = pair_blocks(blocks, "margin", "bald"), pair_blocks(blocks, "bald", "margin")

    assert one["first"].unique().tolist() == ["margin"]
    assert one["difference"].tolist() == (-other["difference"]).tolist()
    assert one["low"].tolist() == (-other["high"]).tolist()
    assert one["outcome"].tolist() == (-other["outcome"]).tolist()


def test_for_a_loss_smaller_wins() -> None:
    curves = {"good": lambda seed: [2.0, 1.0 + 0.001 * seed], "bad": [2.0, 2.0]}
    rounds = make_rounds(curves, seeds=range(8), metric="nll")
    matrix = matrix_frame(block_tests(rounds, "nll", test="sign_flip")).set_index(["row", "column"])

    assert matrix.loc[("good", "bad"), "n_wins"] == 1
    assert matrix.loc[("bad", "good"), "n_wins"] == 0


def test_a_test_that_cannot_reach_the_level_leaves_the_cell_empty_not_zero() -> None:
    rounds = noisy_rounds({"random": 0.0, "margin": 0.4}, seeds=range(5))
    matrix = matrix_frame(block_tests(rounds, test="sign_flip"))

    assert matrix["n_reachable"].tolist() == [0, 0]
    assert matrix[["share", "penalty"]].isna().all(axis=None)
    assert matrix_order(matrix)["net"].isna().all()


def test_strategies_that_beat_most_stand_first() -> None:
    order = matrix_order(matrix_frame(block_tests(noisy_rounds(GAINS, noise=0.005))))

    assert order["strategy"].tolist()[-1] == "bald"
    assert order["net"].is_monotonic_decreasing


def test_only_common_seeds_count_and_the_others_are_listed_with_the_reason() -> None:
    rounds = noisy_rounds(GAINS, scenarios=("a",), seeds=range(6))
    undefined = "strategy == 'margin' and seed == 3 and round == 2"
    rounds.loc[rounds.eval(undefined), "accuracy"] = np.nan
    rounds = rounds.query("not (strategy == 'margin' and seed == 1)")
    rounds = rounds.query("not (strategy == 'margin' and seed == 2 and round == 3)")

    blocks = pair_blocks(block_tests(rounds), "margin", "random")
    dropped = dropped_frame(rounds, "accuracy")

    assert blocks["n"].tolist() == [4, 3, 4]
    assert dropped[["strategy", "seed", "reason"]].to_numpy().tolist() == [
        ["margin", 1, "not recorded"],
        ["margin", 2, "not finished"],
        ["margin", 3, "no value of the measure"],
    ]


def test_the_areas_are_those_of_the_table() -> None:
    rounds = noisy_rounds(GAINS, n_evaluations=(3, 6))
    areas = aubc_frame(rounds)
    for cube in cubes(rounds, "accuracy"):
        own = areas[areas["scenario"] == cube.scenario]
        wide = own.pivot_table(index="strategy", columns="seed", values="aubc")

        assert cube.areas == pytest.approx(wide.to_numpy())


def test_a_pair_is_compared_on_the_area_in_every_scenario_with_both() -> None:
    rounds = noisy_rounds(GAINS, scenarios=("a", "b", "c"))
    rounds = rounds[~((rounds["scenario"] == "c") & (rounds["strategy"] == "margin"))]
    table = area_tests(rounds, "margin", "bald")
    areas = aubc_frame(rounds)
    wide = areas[areas["scenario"] == "b"].pivot_table(
        index="seed", columns="strategy", values="aubc"
    )
    raw = [
        stats.ttest_rel(*(part.loc[part["strategy"] == name, "aubc"] for name in PAIR)).pvalue
        for _, part in areas[areas["scenario"] != "c"].groupby("scenario")
    ]

    assert table["scenario"].tolist() == ["a", "b"]
    assert table["difference"].iloc[1] == pytest.approx((wide["margin"] - wide["bald"]).mean())
    assert table["p_corrected"].tolist() == pytest.approx(step_down(raw))
    assert set(table["verdict"]) == {"margin is better"}
    assert list(table.columns) == list(AREA_COLUMNS)


@pytest.mark.parametrize("case", ["one strategy", "one seed", "no complete run", "nothing", "nan"])
def test_poor_results_give_typed_frames_and_no_exception(case: str) -> None:
    rounds = noisy_rounds(GAINS, seeds=range(1 if case == "one seed" else 4))
    if case == "one strategy":
        rounds = rounds[rounds["strategy"] == "random"]
    if case == "no complete run":
        rounds = rounds[rounds["round"] < 2]
    if case == "nothing":
        rounds = rounds.iloc[:0]
    if case == "nan":
        rounds = rounds.assign(accuracy=np.nan)

    blocks = block_tests(rounds)
    matrix = matrix_frame(blocks)

    assert dict(blocks.dtypes.astype(str)) == {n: c.dtype for n, c in BLOCK_COLUMNS.items()}
    assert not matrix["share"].notna().any()
    assert len(area_tests(rounds, "margin", "bald")) in {0, 2}
    assert list(matrix_order(matrix).columns) == ["strategy", "beats", "beaten", "net"]


def test_unknown_words_and_mixed_data_are_refused() -> None:
    rounds = noisy_rounds(GAINS)
    with pytest.raises(UnknownNameError, match="test"):
        block_tests(rounds, test="z")
    with pytest.raises(UnknownNameError, match="correction"):
        area_tests(rounds, "margin", "bald", correction="fdr")
    rounds.loc[rounds["seed"] == 1, "data_fingerprint"] = "other"
    with pytest.raises(IncomparableError):
        block_tests(rounds)


@pytest.mark.slow
def test_25_strategies_12_scenarios_and_10_seeds_take_under_a_second() -> None:
    gains = {f"s{number:02d}": 0.002 * number for number in range(25)}
    scenarios = [f"scenario {number}" for number in range(12)]
    rounds = noisy_rounds(gains, scenarios=scenarios, seeds=range(10), n_evaluations=11)
    for test in ("t", "sign_flip", "wilcoxon"):
        start = time.process_time()
        matrix = matrix_frame(block_tests(rounds, test=test))

        assert time.process_time() - start < 1.0
        assert len(matrix) == 600
