"""Power against statsmodels, spreads against pandas, shares of variance against statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.power import TTestPower

from alscope.errors import ShapeError
from alscope.results.factors import FACTOR_COLUMNS, factor_frame
from alscope.results.power import (
    MAX_SEEDS,
    paired_power,
    power_hint,
    seeds_needed,
    spreads,
)
from alscope.results.tables import aubc_frame
from tests.results.frames_for_statistics import noisy_rounds

GAINS = {"random": 0.0, "margin": 0.03, "badge": 0.035}


@pytest.mark.parametrize("effect", [0.1, 0.4, 1.0])
@pytest.mark.parametrize("n", [2, 5, 30])
def test_power_is_that_of_statsmodels(effect: float, n: int) -> None:
    expected = TTestPower().power(effect, n, 0.05, alternative="two-sided")

    assert paired_power(n, 2 * effect, 2.0) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("effect", [0.05, 0.2, 0.5, 0.9, 1.7])
@pytest.mark.parametrize("level", [0.05, 0.05 / 7])
def test_the_seeds_needed_are_those_of_statsmodels_rounded_up(effect: float, level: float) -> None:
    expected = TTestPower().solve_power(effect_size=effect, alpha=level, power=0.8)

    assert seeds_needed(effect, 1.0, level=level) == math.ceil(expected)


def test_extremes_of_the_spread_are_answered() -> None:
    assert seeds_needed(0.01, 0.0) == 2
    assert seeds_needed(1e-6, 1.0) == MAX_SEEDS
    assert paired_power(30, 100.0, 1.0) == 1.0
    assert paired_power(2, 30.0, 1.0) == pytest.approx(0.9991275941846067)
    assert seeds_needed(100.0, 1.0) == 2
    with pytest.raises(ShapeError):
        seeds_needed(0.0, 1.0)
    with pytest.raises(ShapeError):
        seeds_needed(0.1, float("nan"))


def test_spreads_are_standard_deviations_of_paired_differences() -> None:
    rounds = noisy_rounds(GAINS)
    table = spreads(rounds).set_index(["scenario", "strategy"])
    areas = aubc_frame(rounds).pivot_table(
        index=["scenario", "seed"], columns="strategy", values="aubc"
    )
    gaps = areas["margin"] - areas["random"]
    std = gaps.loc["a"].std()
    low, high = np.sqrt(5 * std**2 / stats.chi2.ppf([0.975, 0.025], 5))

    row = table.loc[("a", "margin")]
    assert (row["std"], row["std_low"], row["std_high"]) == pytest.approx((std, low, high))
    assert row["n"] == 6
    assert len(table) == 4


def test_one_seed_has_no_spread() -> None:
    assert spreads(noisy_rounds(GAINS, seeds=range(1))).empty
    assert spreads(noisy_rounds({"margin": 0.1})).empty


def test_the_hint_pools_the_spreads_and_is_wider_with_fewer_seeds() -> None:
    table = spreads(noisy_rounds(GAINS, seeds=range(8)))
    hint = power_hint(table, 0.01)
    pooled = math.sqrt((table["std"] ** 2).mean())

    assert hint.std == pytest.approx(pooled)
    assert hint.n == seeds_needed(0.01, pooled)
    assert hint.n_low <= hint.n <= hint.n_high
    assert hint.n_comparisons == 2
    assert hint.n_corrected >= hint.n
    assert hint.n_sign_flip == 6
    few = power_hint(table.assign(n=3), 0.01)
    assert few.n_high > hint.n_high


def test_shares_of_variance_are_those_of_an_analysis_of_variance() -> None:
    rounds = noisy_rounds(GAINS, scenarios=("a", "b", "c"), seeds=range(4), digits=9)
    found = factor_frame(rounds).set_index("factor")["share"]
    data = pd.DataFrame(rounds[rounds["round"] > 0]).rename(columns={"round": "step"})
    terms = (
        "C(scenario) + C(scenario):C(step) + C(scenario):C(seed) + C(strategy)"
        " + C(strategy):C(scenario) + C(strategy):C(scenario):C(step)"
    )
    squares = anova_lm(ols(f"accuracy ~ {terms}", data.astype({"strategy": object})).fit())
    shares = squares["sum_sq"] / squares["sum_sq"].sum()

    assert found["scenario"] == pytest.approx(shares["C(scenario)"])
    assert found["budget"] == pytest.approx(shares["C(scenario):C(step)"])
    assert found["seed"] == pytest.approx(shares["C(scenario):C(seed)"])
    assert found["strategy"] == pytest.approx(shares["C(strategy)"])
    assert found["strategy x scenario"] == pytest.approx(shares["C(strategy):C(scenario)"])
    assert found["rest"] == pytest.approx(shares["Residual"])
    assert found.sum() == pytest.approx(1.0)


def test_scenarios_with_other_budgets_and_gaps_still_add_up_to_one() -> None:
    rounds = noisy_rounds(GAINS, n_evaluations=(3, 8)).query(
        "not (strategy == 'margin' and seed == 2)"
    )

    assert factor_frame(rounds)["share"].sum() == pytest.approx(1.0)
    assert (factor_frame(rounds)["share"] >= 0).all()


def test_where_nothing_varies_or_remains_there_are_no_shares() -> None:
    rounds = noisy_rounds(GAINS)
    for poor in (rounds.assign(accuracy=0.5), rounds.iloc[:0], rounds.assign(accuracy=np.nan)):
        assert factor_frame(poor).empty
        assert list(factor_frame(poor).columns) == list(FACTOR_COLUMNS)
