"""Ranks and their tests against scipy, and what is said when there are too few scenarios."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from alscope.errors import UnknownNameError
from alscope.results.posthoc import (
    PAIR_COLUMNS,
    friedman,
    groups,
    needed_blocks,
    nemenyi_distance,
    pair_frame,
)
from alscope.results.ranks import (
    RankTable,
    missing_for_test,
    rank_table,
    run_ranks,
    stability_frame,
)
from alscope.results.tables import aubc_frame
from tests.results.frames_for_statistics import noisy_rounds

GAINS = {"random": 0.0, "margin": 0.03, "badge": 0.035, "bald": -0.02}
NAMES = [f"s{number}" for number in range(9)]


def table_of(values: np.ndarray, datasets: list[str] | None = None) -> RankTable:
    """A table of these areas, higher is better."""
    ranks = stats.rankdata(-values, axis=1)
    blocks = tuple(NAMES[place] for place in range(len(values)))
    names = tuple(f"t{place}" for place in range(values.shape[1]))
    return RankTable(names, blocks, tuple(datasets or blocks), values, ranks, ())


def coarse(seed: int, n_blocks: int, n_strategies: int) -> np.ndarray:
    """Areas with many ties."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 6, size=(n_blocks, n_strategies)) / 8 + 0.02 * np.arange(n_strategies)


@pytest.mark.parametrize("seed", range(5))
def test_friedman_is_that_of_scipy_with_ties(seed: int) -> None:
    values = np.round(coarse(seed, 7, 4), 1)
    expected = stats.friedmanchisquare(*values.T)
    found = friedman(table_of(values))

    assert found is not None
    assert (found.statistic, found.p) == pytest.approx((expected.statistic, expected.pvalue))


def test_friedman_of_equal_strategies_finds_nothing() -> None:
    assert friedman(table_of(np.full((6, 3), 0.5))) == (0.0, 1.0)


def test_friedman_needs_three_strategies() -> None:
    assert friedman(table_of(coarse(0, 7, 2))) is None


def test_all_pairs_are_wilcoxon_tests_over_the_scenarios_with_holm() -> None:
    values = np.random.default_rng(3).normal(size=(8, 4)) + np.array([0, 0.5, 1, 3])
    table = table_of(values)
    pairs = pair_frame(table)
    raw = [
        stats.wilcoxon(values[:, one], values[:, other], method="exact").pvalue
        for one, other in itertools.combinations(range(4), 2)
    ]
    steps = sorted(raw)
    smallest = min(1.0, steps[0] * 6)

    assert pairs["p"].tolist() == pytest.approx(raw)
    assert pairs["p_corrected"].min() == pytest.approx(smallest)
    assert (pairs["p_corrected"] >= pairs["p"]).all()
    assert dict(pairs.dtypes.astype(str)) == {n: c.dtype for n, c in PAIR_COLUMNS.items()}


@pytest.mark.parametrize(
    ("k", "n", "table_value"), [(2, 10, 1.960), (5, 14, 2.728), (10, 30, 3.164)]
)
def test_the_critical_difference_uses_the_quantiles_of_the_published_table(
    k: int, n: int, table_value: float
) -> None:
    # Demsar 2006, table 5(a): studentized range / sqrt(2) at 0.05.
    expected = table_value * math.sqrt(k * (k + 1) / (6 * n))

    assert nemenyi_distance(k, n) == pytest.approx(expected, abs=1e-3)


def test_nemenyi_calls_those_different_whose_ranks_are_further_apart_than_the_distance() -> None:
    table = table_of(np.random.default_rng(1).normal(size=(9, 5)) + 0.9 * np.arange(5))
    pairs = pair_frame(table, "nemenyi")
    far = pairs["rank_gap"].abs() >= nemenyi_distance(5, 9)

    assert pairs["different"].tolist() == far.tolist()
    assert 0 < far.sum() < len(far)


def test_an_unknown_test_is_refused() -> None:
    with pytest.raises(UnknownNameError):
        pair_frame(table_of(coarse(0, 6, 3)), "tukey")


@pytest.mark.parametrize("seed", range(4))
def test_groups_are_the_largest_sets_without_a_difference(seed: int) -> None:
    names = tuple("abcdef")
    rng = np.random.default_rng(seed)
    rows = [
        {"first": one, "second": other, "different": bool(rng.random() < 0.4)}
        for one, other in itertools.combinations(names, 2)
    ]
    different = {(row["first"], row["second"]) for row in rows if row["different"]}

    def alike(members: tuple[str, ...]) -> bool:
        return not different & set(itertools.combinations(members, 2))

    sets = [m for size in range(2, 7) for m in itertools.combinations(names, size) if alike(m)]
    largest = [m for m in sets if not any(set(m) < set(other) for other in sets)]

    assert groups(pd.DataFrame(rows), names) == sorted(largest)


def test_ranks_are_those_of_the_mean_areas_and_blocks_are_scenarios() -> None:
    rounds = noisy_rounds(GAINS, scenarios=("a", "b", "c"))
    table = rank_table(rounds)
    means = aubc_frame(rounds).pivot_table(index="scenario", columns="strategy", values="aubc")
    expected = means.rank(axis=1, ascending=False)

    assert table.scenarios == ("a", "b", "c")
    assert pd.DataFrame(table.ranks, columns=list(table.strategies))[
        expected.columns
    ].to_numpy() == pytest.approx(expected.to_numpy())
    assert table.mean_ranks.tolist() == sorted(table.mean_ranks)
    assert table.strategies[-1] == "bald"


def test_for_a_loss_the_smallest_is_first() -> None:
    rounds = noisy_rounds(GAINS, noise=0.001)
    rounds = rounds.assign(nll=rounds["accuracy"])

    assert rank_table(rounds, "nll").strategies[0] == "bald"


def test_a_scenario_that_lacks_a_strategy_is_left_out_with_the_reason() -> None:
    rounds = noisy_rounds(GAINS, scenarios=("a", "b", "c"))
    rounds = rounds.query("not (scenario == 'b' and strategy == 'margin')")
    rounds = rounds.query("not (scenario == 'c' and strategy == 'bald' and seed < 3)")
    rounds = rounds.query("not (scenario == 'c' and strategy == 'badge' and seed >= 3)")
    table = rank_table(rounds)

    assert table.scenarios == ("a",)
    assert dict(table.left_out) == {
        "b": "no complete run of margin",
        "c": "no seed that all strategies completed",
    }


def test_below_five_scenarios_the_reason_and_what_to_add_are_said() -> None:
    three = rank_table(noisy_rounds(GAINS, scenarios=("a", "b", "c"), seeds=range(10)))
    five = rank_table(noisy_rounds(GAINS, scenarios=tuple("abcde"), seeds=range(2)))

    assert "you have 3 scenarios. Add 2 more data sets or settings" in missing_for_test(three)
    assert "Seeds do not count" in missing_for_test(three)
    assert missing_for_test(five) == ""
    one = rank_table(noisy_rounds({"random": 0.0}))
    assert missing_for_test(one).startswith("Ranks need at least 2 strategies")


def test_the_fewest_scenarios_for_wilcoxon_and_holm_are_known() -> None:
    assert needed_blocks(2) == 6
    assert needed_blocks(4) == 8

    values = np.arange(8)[:, None] / 100 + np.arange(4.0)  # the clearest possible result
    assert pair_frame(table_of(values))["different"].all()
    assert not pair_frame(table_of(values[:7]))["different"].any()


def test_run_ranks_rank_within_a_seed() -> None:
    rounds = noisy_rounds(GAINS)
    data = run_ranks(rounds)
    areas = aubc_frame(rounds)
    areas["rank"] = areas.groupby(["scenario", "seed"])["aubc"].rank(ascending=False)
    keys = ["scenario", "seed", "strategy"]
    both = data.merge(areas, on=keys)

    assert both["rank_x"].tolist() == pytest.approx(both["rank_y"].tolist())
    assert both["aubc_x"].tolist() == pytest.approx(both["aubc_y"].tolist())
    assert data["mean_rank"].is_monotonic_increasing


def test_stability_is_kendalls_tau_without_each_data_set() -> None:
    table = table_of(coarse(2, 6, 5), ["x", "x", "y", "y", "z", "z"])
    found = stability_frame(table).set_index("left_out")
    for name in "xyz":
        kept = [place for place, dataset in enumerate(table.datasets) if dataset != name]
        mean = table.ranks[kept].mean(axis=0)
        expected = stats.kendalltau(table.mean_ranks, mean).statistic

        assert found.loc[name, "tau"] == pytest.approx(expected)
        assert found.loc[name, "best"] == f"t{int(np.argmin(mean))}"
        assert found.loc[name, "n_blocks"] == 4


def test_one_data_set_has_no_stability_and_ties_no_tau() -> None:
    assert stability_frame(table_of(coarse(2, 3, 4), ["x"] * 3)).empty
    assert stability_frame(table_of(np.full((2, 3), 0.5)))["tau"].isna().all()


@pytest.mark.parametrize("case", ["nothing", "one strategy", "nan", "unfinished"])
def test_poor_results_have_no_blocks_and_no_exception(case: str) -> None:
    rounds = noisy_rounds(GAINS, seeds=range(3))
    if case == "nothing":
        rounds = rounds.iloc[:0]
    if case == "one strategy":
        rounds = rounds[rounds["strategy"] == "random"]
    if case == "nan":
        rounds = rounds.assign(accuracy=np.nan)
    if case == "unfinished":
        rounds = rounds[rounds["round"] < 2]

    table = rank_table(rounds)

    assert missing_for_test(table)
    assert len(table.scenarios) == (2 if case == "one strategy" else 0)
    assert len(run_ranks(rounds)) == (6 if case == "one strategy" else 0)
    assert stability_frame(table).empty
