"""Paired tests against scipy and statsmodels, with ties, zeros and gaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from statsmodels.stats.multitest import multipletests

from alscope.results.compare import sign_flip_p
from alscope.results.paired import TESTS, corrected, needed_pairs, p_values, verdict

# Eighths: ties and zeros are common and sums are exact.
ROWS = st.integers(1, 9).flatmap(
    lambda n: arrays(np.float64, (3, n), elements=st.integers(-8, 8).map(lambda v: v / 8))
)
RNG = np.random.default_rng(5)


def all_of_wilcoxon(row: np.ndarray) -> float:
    """scipy's signed-rank test by complete enumeration, zeros dropped."""
    kept = row[row != 0]
    if kept.size < 2:
        return 1.0  # scipy enumerates from two on
    method = stats.PermutationMethod(n_resamples=np.inf)
    return float(stats.wilcoxon(kept, method=method).pvalue)


@pytest.mark.parametrize("n", [2, 3, 5, 10, 40])
def test_the_t_test_is_that_of_scipy(n: int) -> None:
    rows = RNG.normal(0.2, 1.0, size=(50, n))

    assert p_values(rows, "t") == pytest.approx(
        stats.ttest_1samp(np.round(rows, 12), 0.0, axis=1).pvalue, rel=1e-6
    )


@given(ROWS)
def test_the_sign_flip_test_of_many_rows_is_that_of_one(rows: np.ndarray) -> None:
    assert p_values(rows, "sign_flip") == pytest.approx([sign_flip_p(row) for row in rows])


@pytest.mark.parametrize("n", [1, 4, 6])
def test_wilcoxon_with_ties_and_zeros_is_the_exact_one_of_scipy(n: int) -> None:
    rows = RNG.integers(-3, 4, size=(25, n)) / 10

    assert p_values(rows, "wilcoxon") == pytest.approx([all_of_wilcoxon(row) for row in rows])


@pytest.mark.parametrize("n", [6, 9, 15])
def test_wilcoxon_without_ties_is_the_exact_one_of_scipy(n: int) -> None:
    rows = RNG.normal(0.3, 1.0, size=(20, n))
    expected = [stats.wilcoxon(row, method="exact").pvalue for row in rows]

    assert p_values(rows, "wilcoxon") == pytest.approx(expected)


@pytest.mark.parametrize("test", ["sign_flip", "wilcoxon"])
def test_many_seeds_are_sampled_and_agree_with_the_approximation(test: str) -> None:
    rows = RNG.normal(0.25, 1.0, size=(12, 60))
    expected = [
        stats.wilcoxon(row).pvalue if test == "wilcoxon" else stats.ttest_1samp(row, 0).pvalue
        for row in rows
    ]

    assert p_values(rows, test) == pytest.approx(expected, abs=0.02)
    assert p_values(np.ones((1, 60)), test)[0] == TESTS[test].smallest_p(60)


def test_each_row_is_tested_over_the_pairs_it_has() -> None:
    rows = RNG.normal(0.3, 1.0, size=(40, 8))
    rows[RNG.random(rows.shape) < 0.3] = np.nan
    rows[0] = np.nan
    for test in TESTS:
        alone = [p_values(row[np.isfinite(row)][None, :], test) for row in rows[1:]]

        assert p_values(rows, test)[1:] == pytest.approx(np.concatenate(alone))
        assert np.isnan(p_values(rows, test)[0])


def test_equal_differences_prove_no_more_than_their_signs() -> None:
    # Student's statistic would be infinite: two seeds that both gain 0.01 would be "significant".
    rows = np.full((1, 4), 0.91 - 0.9)

    assert p_values(rows, "t")[0] == 0.125
    assert p_values(np.zeros((1, 4)), "t")[0] == 1.0


def test_what_is_equal_on_paper_is_a_tie() -> None:
    row = np.array([[0.93 - 0.92, 0.92 - 0.91, 0.71 - 0.70, -(0.31 - 0.30), 0.5]])
    exact = np.array([0.01, 0.01, 0.01, -0.01, 0.5])

    assert p_values(row, "wilcoxon")[0] == pytest.approx(all_of_wilcoxon(exact))


def test_one_seed_shows_nothing_with_any_test() -> None:
    for test in TESTS:
        assert p_values(np.array([[0.3]]), test)[0] == 1.0
        assert TESTS[test].smallest_p(1) == 1.0


def test_no_test_can_give_less_than_its_smallest_p() -> None:
    for test in TESTS:
        for n in range(1, 17):
            least = p_values(np.abs(RNG.normal(3, 0.1, size=(4, n))), test).min()

            assert least >= TESTS[test].smallest_p(n)


def test_the_fewest_seeds_are_those_where_the_floor_passes_the_level() -> None:
    assert needed_pairs("sign_flip") == 6
    assert needed_pairs("wilcoxon", 28) == 11
    assert needed_pairs("t") == 2
    assert needed_pairs("sign_flip", 10**6) == 0


@pytest.mark.slow
@pytest.mark.parametrize("m", [1, 2, 9, 40])
def test_holm_agrees_with_statsmodels_and_leaves_gaps_out_of_the_family(m: int) -> None:
    p = np.round(RNG.random(m) ** 3, 2)  # ties among them
    with_gap = np.insert(p, m // 2, np.nan)
    found = corrected(with_gap, "holm")

    assert np.isnan(found[m // 2])
    assert np.delete(found, m // 2) == pytest.approx(multipletests(p, method="holm")[1])
    assert corrected(with_gap, "none") == pytest.approx(with_gap, nan_ok=True)


def test_a_verdict_never_calls_an_impossible_test_not_significant() -> None:
    row = {"n": 5, "difference": 0.1, "p": 0.0625, "p_corrected": 0.0625, "smallest_p": 0.0625}
    row |= {"smallest_corrected": 0.0625}
    able = row | {"n": 6, "smallest_p": 0.03, "smallest_corrected": 0.03, "p_corrected": 0.03}

    assert verdict(row, "a", "b", higher=True) == "cannot reach 0.05 with 5 seeds"
    assert verdict(able, "a", "b", higher=True) == "a is better"
    assert verdict(able, "a", "b", higher=False) == "b is better"
    assert verdict(able | {"p_corrected": 0.2}, "a", "b", higher=True).startswith("no difference")
    assert verdict(row | {"n": 0}, "a", "b", higher=True) == "no common seeds"
    assert (
        verdict(able | {"smallest_corrected": 0.09}, "a", "b", higher=True, n_comparisons=3)
        == "cannot reach 0.05 with 6 seeds and 3 comparisons"
    )
