"""Paired comparison with Random against brute force, and what may be said."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from alscope.errors import IncomparableError, ShapeError
from alscope.results.checks import data_conflict
from alscope.results.compare import (
    COMPARISON_COLUMNS,
    compare_with_random,
    holm,
    sign_flip_p,
    smallest_p,
)
from tests.results.records import make_rounds

DIFFERENCES = st.lists(
    st.integers(-8, 8).map(lambda value: value / 8) | st.floats(-1, 1), max_size=9
)


def brute_force_p(differences: list[float]) -> float:
    """All sign patterns, one by one."""
    total = abs(sum(differences)) - 1e-12 * sum(map(abs, differences))
    patterns = list(itertools.product([-1, 1], repeat=len(differences)))
    reached = [
        abs(sum(sign * d for sign, d in zip(pattern, differences, strict=True))) >= total
        for pattern in patterns
    ]
    return sum(reached) / len(patterns)


def gains(gain: float, *, n_seeds: int) -> pd.DataFrame:
    """Margin better than Random by `gain` and some noise, the same in every pair."""
    return make_rounds(
        {
            "random": lambda seed: [0.5, 0.6 + 0.03 * (seed % 3)],
            "margin": lambda seed: [0.5 + gain, 0.6 + gain + 0.03 * (seed % 3) + 1e-3 * seed],
        },
        seeds=range(n_seeds),
    )


@given(DIFFERENCES)
def test_the_sign_flip_test_counts_every_pattern(differences: list[float]) -> None:
    assert sign_flip_p(differences) == pytest.approx(brute_force_p(differences))


def test_the_sign_flip_test_agrees_with_another_package() -> None:
    differences = np.array([0.3, -0.1, 0.25, 0.4, 0.05, 0.2, -0.02, 0.3])
    expected = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf
    )

    assert sign_flip_p(differences) == pytest.approx(expected.pvalue)


def test_equal_differences_give_the_smallest_p() -> None:
    for n in range(1, 12):
        assert sign_flip_p([0.1] * n) == smallest_p(n)


def test_no_difference_is_no_evidence() -> None:
    assert sign_flip_p([]) == 1.0
    assert sign_flip_p([0.0, 0.0]) == 1.0


def test_thirty_differences_are_still_counted_exactly() -> None:
    assert sign_flip_p(np.ones(30)) == 2.0**-29


def test_many_differences_are_sampled_and_never_give_zero() -> None:
    rng = np.random.default_rng(1)
    differences = rng.normal(0.3, 1.0, size=60)
    expected = stats.ttest_1samp(differences, 0.0).pvalue

    assert sign_flip_p(differences) == pytest.approx(expected, abs=0.01)
    assert 0 < sign_flip_p(np.ones(60)) < 1e-4


def test_an_infinite_difference_is_refused() -> None:
    with pytest.raises(ShapeError):
        sign_flip_p([0.1, np.inf])


@pytest.mark.parametrize(("n", "expected"), [(5, 0.0625), (6, 0.03125), (8, 0.0078125), (0, 1.0)])
def test_the_smallest_p_depends_on_the_number_of_seeds(n: int, expected: float) -> None:
    assert smallest_p(n) == expected


def test_holm_is_the_step_down_correction_of_the_paper() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_monotone_and_never_below_the_raw_value(p_values: list[float]) -> None:
    corrected = holm(p_values)
    order = np.argsort(p_values, kind="stable")

    assert (corrected >= np.array(p_values)).all()
    assert (np.diff(corrected[order]) >= 0).all()
    assert (corrected <= 1).all()


def test_differences_are_paired_by_seed_with_the_interval_of_the_paired_t_test() -> None:
    row = compare_with_random(gains(0.1, n_seeds=4)).iloc[0]
    differences = np.array([0.1, 0.1005, 0.101, 0.1015])
    interval = stats.ttest_1samp(differences, 0.0).confidence_interval(0.95)

    assert row["difference"] == pytest.approx(differences.mean())
    assert row["low"] == pytest.approx(interval.low)
    assert row["high"] == pytest.approx(interval.high)
    assert row["p"] == 0.125


def test_a_test_that_cannot_reach_significance_says_so_instead_of_not_significant() -> None:
    row = compare_with_random(gains(0.1, n_seeds=5)).iloc[0]

    assert row["smallest_p"] == 0.0625
    assert row["verdict"] == "cannot reach 0.05 with 5 seeds"


def test_one_seed_is_one_seed() -> None:
    assert compare_with_random(gains(0.1, n_seeds=1))["verdict"].tolist() == [
        "cannot reach 0.05 with 1 seed"
    ]


def test_the_correction_may_make_significance_unreachable() -> None:
    curves = {name: [0.5, 0.9] for name in ("margin", "entropy", "bald")} | {"random": [0.4, 0.5]}
    rows = compare_with_random(make_rounds(curves, seeds=range(6)))

    assert rows["p"].tolist() == [0.03125] * 3
    assert rows["smallest_p_holm"].tolist() == [0.09375] * 3
    assert set(rows["verdict"]) == {"cannot reach 0.05 with 6 seeds and 3 comparisons"}


def test_who_shares_no_seed_with_random_does_not_weaken_the_others() -> None:
    paired = gains(0.1, n_seeds=6)
    alone = make_rounds({"bald": [0.5, 0.9]}, seeds=(8, 9), scenario=paired["scenario"].iloc[0])
    rows = compare_with_random(pd.concat([paired, alone])).set_index("strategy")

    assert rows.loc["bald", ["n", "p_holm", "verdict"]].tolist() == [0, 1.0, "no common seeds"]
    assert rows.loc["margin", "p_holm"] == rows.loc["margin", "p"] == 0.03125
    assert rows.loc["margin", "verdict"] == "better than random"


def test_enough_seeds_show_a_gain_and_a_loss() -> None:
    better = compare_with_random(gains(0.1, n_seeds=8)).iloc[0]
    worse = compare_with_random(gains(-0.1, n_seeds=8)).iloc[0]

    assert better["verdict"] == "better than random"
    assert worse["verdict"] == "worse than random"


def test_for_a_loss_smaller_is_better() -> None:
    rounds = make_rounds({"random": [2.0, 1.0], "margin": [1.0, 0.5]}, seeds=range(8), metric="nll")

    assert compare_with_random(rounds, "nll")["verdict"].tolist() == ["better than random"]


def test_no_gain_with_enough_seeds_is_no_difference_shown() -> None:
    rounds = make_rounds(
        {"random": [0.5, 0.5], "margin": lambda seed: [0.5, 0.5 + 0.1 * (-1) ** seed]},
        seeds=range(8),
    )

    assert compare_with_random(rounds)["verdict"].tolist() == ["no difference shown at 0.05"]


def test_seeds_that_only_one_has_finished_are_dropped_and_counted() -> None:
    rounds = gains(0.1, n_seeds=4)
    rounds = rounds[~((rounds["strategy"] == "margin") & (rounds["seed"] == 3))]
    row = compare_with_random(rounds).iloc[0]

    assert row["n"] == 3
    assert row["n_dropped"] == 1


def test_scenarios_without_random_have_no_rows() -> None:
    rows = compare_with_random(make_rounds({"margin": [0.1, 0.2]}))

    assert rows.empty
    assert list(rows.columns) == list(COMPARISON_COLUMNS)


def test_another_baseline_may_be_chosen() -> None:
    rows = compare_with_random(gains(0.1, n_seeds=4), baseline="margin")

    assert rows["strategy"].tolist() == ["random"]
    assert rows["difference"].iloc[0] < 0


def test_different_data_within_a_scenario_are_reported_in_words_and_refused() -> None:
    rounds = gains(0.1, n_seeds=4)

    assert data_conflict(rounds) == ""
    rounds.loc[rounds["seed"] == 1, "data_fingerprint"] = "x" * 40

    assert "different versions of the data" in data_conflict(rounds)
    assert "xxxxxxxxxx (2 runs)" in data_conflict(rounds)
    with pytest.raises(IncomparableError, match="cannot be compared"):
        compare_with_random(rounds)
