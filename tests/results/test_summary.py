"""The table of a comparison, gains, what figures are made of, and what seconds buy."""

from __future__ import annotations

import pandas as pd
import pytest
from scipy import stats

from alscope.results.cost import growth_table, pareto_table
from alscope.results.coverage import coverage
from alscope.results.curves import aubc
from alscope.results.gains import gain_table
from alscope.results.summary import budget_frame, quantity_table, summary_table
from alscope.rng import generator
from tests.results.records import make_rounds


def noisy(offset: float):
    """A curve whose values differ between seeds and budgets."""
    return lambda seed: (offset + generator(seed, str(offset)).normal(size=3) / 20).tolist()


ROUNDS = make_rounds({"random": noisy(0.5), "margin": noisy(0.6), "badge": noisy(0.61)})


def test_the_value_at_a_budget_is_the_evaluation_there() -> None:
    table = summary_table(ROUNDS, budgets=[20])
    expected = ROUNDS[ROUNDS["n_annotated"] == 20].groupby("strategy")["accuracy"].mean()

    assert table.set_index("strategy")["at_20"].to_dict() == pytest.approx(expected.to_dict())


def test_between_evaluations_there_is_a_value_only_on_request() -> None:
    rounds = make_rounds({"random": [0.2, 0.4]}, seeds=[0, 1])

    assert budget_frame(rounds, budget=15).empty
    assert budget_frame(rounds, budget=15, interpolate=True)["value"].tolist() == pytest.approx(
        [0.3, 0.3]
    )
    assert budget_frame(rounds, budget=21, interpolate=True).empty


def test_intervals_and_ties_are_those_of_the_paired_t_test() -> None:
    n_seen = set()
    for draw in range(20):
        sample = generator(draw, "ties").normal(loc=[0.0, 1.0], size=(5, 2))
        values = pd.DataFrame(
            {
                "scenario": "digits",
                "strategy": ["a"] * 5 + ["b"] * 5,
                "seed": [0, 1, 2, 3, 4] * 2,
                "value": sample.T.ravel(),
            }
        )
        table = quantity_table(values, higher_is_better=True).loc["digits"]
        low, high = stats.t.interval(
            0.95, 4, loc=sample[:, 0].mean(), scale=stats.sem(sample[:, 0])
        )
        p = stats.ttest_rel(sample[:, 0], sample[:, 1]).pvalue

        assert (table.loc["a", "low"], table.loc["a", "high"]) == pytest.approx((low, high))
        assert sorted(table["place"]) == sorted(["best", "tied" if p > 0.05 else ""])
        n_seen.add(bool(p > 0.05))
    assert n_seen == {True, False}


def test_less_is_best_where_less_is_better() -> None:
    rounds = make_rounds({"random": [2.0, 1.0], "margin": [2.0, 0.5]}, metric="nll")
    table = summary_table(rounds, "nll", budgets=[20]).set_index("strategy")

    assert (
        table.loc["margin", ["aubc_place", "at_20_place", "final_place"]].tolist() == ["best"] * 3
    )


def test_a_run_without_the_budget_is_not_counted_there() -> None:
    rounds = make_rounds({"random": lambda seed: [0.1, 0.2, 0.3][: 1 + seed]}, n_rounds=2)
    table = summary_table(rounds, budgets=[20])

    assert table[["n", "n_incomplete", "at_20_n", "aubc_n"]].iloc[0].tolist() == [1, 2, 2, 1]


def test_no_complete_run_still_gives_a_row() -> None:
    table = summary_table(make_rounds({"random": [0.1]}, n_rounds=5), budgets=[10])

    assert table["aubc"].isna().all()
    assert table["at_10"].tolist() == pytest.approx([0.1])
    assert table["aubc_place"].tolist() == [""]


def test_gains_are_paired_differences_with_their_t_interval() -> None:
    table = gain_table(ROUNDS).set_index("strategy")
    areas = {
        name: [
            aubc(run["n_annotated"], run["accuracy"])
            for _, run in ROUNDS[ROUNDS["strategy"] == name].groupby("seed")
        ]
        for name in ("margin", "random")
    }
    interval = stats.ttest_rel(areas["margin"], areas["random"]).confidence_interval(0.95)

    assert table.loc["margin", ["low", "high"]].tolist() == pytest.approx(tuple(interval))
    assert list(table.index) == ["badge", "margin"]


def test_gains_at_a_budget_are_read_there_and_turned_where_less_is_better() -> None:
    rounds = make_rounds({"random": [2.0, 1.0], "margin": [2.0, 0.5]}, metric="nll")

    assert gain_table(rounds, "nll", budget=20)["gain"].tolist() == [0.5]
    assert gain_table(rounds, "nll", budget=15).empty


def test_a_scenario_without_random_has_no_gains() -> None:
    assert gain_table(make_rounds({"margin": [0.1, 0.2]})).empty


def test_coverage_counts_runs_seeds_and_missing_points() -> None:
    rounds = make_rounds(
        {"a": [0.1, 0.2], "b": lambda seed: [0.1, 0.2][: 1 + (seed > 0)]}, n_rounds=1
    )

    assert str(coverage(rounds, {})) == "6 runs, 3 seeds each, 1 missing point"
    planned = {"digits-a-0": 2, "never started": 2}
    assert coverage(rounds, planned).n_missing == 3


def test_unequal_seeds_are_stated_as_a_range() -> None:
    rounds = pd.concat([make_rounds({"a": [0.1]}, seeds=[0]), make_rounds({"b": [0.1]})])

    assert str(coverage(rounds, {})) == "4 runs, 1 to 3 seeds each, 0 missing points"
    assert str(coverage(rounds.iloc[:0], {})) == "0 runs, 0 seeds each, 0 missing points"


def timed(seconds: dict[str, float], heights: dict[str, float], **values: float) -> pd.DataFrame:
    """Runs of two queries whose selections take the given seconds."""
    parts = [
        make_rounds({name: [height] * 3}, **values).assign(selection_s=seconds[name])
        for name, height in heights.items()
    ]
    return pd.concat(parts, ignore_index=True)


def test_a_strategy_is_dominated_by_one_that_is_better_and_faster() -> None:
    seconds = {"slow": 3.0, "fast": 1.0, "good": 2.0, "bad": 2.5}
    heights = {"slow": 0.9, "fast": 0.5, "good": 0.8, "bad": 0.8}
    table = pareto_table(timed(seconds, heights)).set_index("strategy")

    assert table.index.tolist() == ["fast", "good", "bad", "slow"]
    assert table["dominated"].to_dict() == {
        "fast": False,
        "good": False,
        "bad": True,
        "slow": False,
    }


def test_domination_agrees_with_a_brute_force_over_random_points() -> None:
    rng = generator(0, "pareto")
    names = [f"s{place}" for place in range(12)]
    seconds = dict(zip(names, rng.integers(1, 6, 12).astype(float), strict=True))
    heights = dict(zip(names, rng.integers(1, 6, 12) / 10, strict=True))
    found = pareto_table(timed(seconds, heights)).set_index("strategy")["dominated"]

    for name in names:
        beaten = any(
            heights[other] >= heights[name]
            and seconds[other] <= seconds[name]
            and (heights[other] > heights[name] or seconds[other] < seconds[name])
            for other in names
        )
        assert found[name] == beaten


def test_training_once_is_shared_by_all_queries_of_a_run() -> None:
    rounds = timed({"ccal": 1.0}, {"ccal": 0.5})
    rounds.loc[rounds["round"] == 0, "aux_s"] = 10.0

    assert pareto_table(rounds)["seconds"].tolist() == [6.0]


def test_growth_is_the_median_per_pool_size_without_contended_rounds() -> None:
    rounds = timed({"a": 1.0}, {"a": 0.5})
    rounds = rounds.assign(n_pool=100 - rounds["n_annotated"], selection_s=rounds["seed"] + 1.0)
    rounds.loc[rounds["seed"] == 2, "contended"] = True
    table = growth_table(rounds)

    assert table["n_pool"].tolist() == [80, 90]
    assert table["seconds"].tolist() == [1.5, 1.5]
    assert table["n"].tolist() == [2, 2]


def test_machines_are_not_compared() -> None:
    rounds = timed({"a": 1.0, "b": 2.0}, {"a": 0.9, "b": 0.5})
    rounds.loc[rounds["strategy"] == "a", "device"] = "cuda:X"

    assert not pareto_table(rounds)["dominated"].any()


@pytest.mark.parametrize("make", [summary_table, gain_table, growth_table, pareto_table])
def test_no_rounds_give_an_empty_table(make) -> None:
    assert make(make_rounds({})).empty
