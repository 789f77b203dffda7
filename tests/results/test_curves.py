"""Areas, mean curves with their bands, and labels to reach a target."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from alscope.errors import IncomparableError, ShapeError, UnknownNameError
from alscope.results.curves import BANDS, aubc, curve_frame, labels_to_reach, run_areas
from alscope.results.intervals import half_width, mean_interval
from tests.results.records import make_rounds

STEPS = st.lists(st.integers(1, 50), min_size=1, max_size=8)


def three_seeds(seed: int) -> list[float]:
    return [0.1 * seed, 0.2 + 0.3 * seed]


@given(STEPS, st.floats(-10, 10))
def test_the_area_of_a_constant_curve_is_its_value(steps: list[int], height: float) -> None:
    budget = np.cumsum(steps)

    assert aubc(budget, np.full(budget.size, height)) == pytest.approx(height)


@given(STEPS, st.floats(-5, 5), st.floats(-5, 5))
def test_the_area_of_a_linear_curve_is_the_mean_of_its_ends(
    steps: list[int], slope: float, offset: float
) -> None:
    budget = np.cumsum([3, *steps])
    values = offset + slope * budget

    assert aubc(budget, values) == pytest.approx((values[0] + values[-1]) / 2)


def test_unequal_steps_are_weighted_by_their_length() -> None:
    assert aubc([0, 10, 40], [0.0, 1.0, 1.0]) == pytest.approx((5 + 30) / 40)


def test_a_single_evaluation_is_its_own_area() -> None:
    assert aubc([20], [0.7]) == 0.7


def test_an_undefined_value_makes_the_area_undefined() -> None:
    assert np.isnan(aubc([1, 2], [0.5, np.nan]))


@given(st.lists(st.lists(st.floats(-5, 5), min_size=1, max_size=5), max_size=6))
def test_areas_of_many_curves_are_those_of_each(heights: list[list[float]]) -> None:
    budgets = [np.cumsum(np.arange(1, len(part) + 1)) for part in heights]
    starts = np.cumsum([0, *(len(part) for part in heights)])[:-1]
    expected = [aubc(budget, part) for budget, part in zip(budgets, heights, strict=True)]

    found = run_areas(np.concatenate([[], *budgets]), np.concatenate([[], *heights]), starts)

    assert found == pytest.approx(expected)


def test_a_wrong_or_undefined_curve_among_many_is_not_passed_over() -> None:
    starts = np.array([0, 2])

    with pytest.raises(ShapeError, match=r"must increase at every step; got \[3.0, 3.0\]"):
        run_areas([1, 2, 3, 3], [0.1] * 4, starts)
    assert np.isnan(run_areas([1, 2, 1, 2], [0.1, 0.2, np.nan, 0.3], starts)).tolist() == [
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("budget", "values"), [([], []), ([1, 2], [0.1]), ([1, 1], [0.1, 0.2]), ([2, 1], [0.1, 0.2])]
)
def test_what_is_not_a_curve_has_no_area(budget: list[int], values: list[float]) -> None:
    with pytest.raises(ShapeError):
        aubc(budget, values)


@pytest.mark.parametrize(
    ("target", "expected"), [(0.1, 10.0), (0.2, 10.0), (0.3, 12.5), (0.6, 20.0), (0.7, None)]
)
def test_labels_to_a_target_are_interpolated_and_never_extrapolated(
    target: float, expected: float | None
) -> None:
    found = labels_to_reach([10, 20, 30], [0.2, 0.6, 0.5], target)

    assert found == (None if expected is None else pytest.approx(expected))


def test_a_falling_curve_reaches_a_target_from_above() -> None:
    found = labels_to_reach([10, 20], [2.0, 1.0], 1.5, higher_is_better=False)

    assert found == pytest.approx(15)


def test_an_interval_is_that_of_the_textbook() -> None:
    values = [0.61, 0.72, 0.55, 0.68, 0.7]
    interval = mean_interval(values)
    low, high = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))

    assert interval.low == pytest.approx(low)
    assert interval.high == pytest.approx(high)
    assert interval.n == 5


def test_five_and_ten_seeds_use_the_tabulated_quantiles() -> None:
    widths = half_width(np.array([1.0, 1.0]), np.array([5, 10])) * np.sqrt([5, 10])

    assert widths == pytest.approx([2.776, 2.262], abs=5e-4)


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    one, none = mean_interval([0.5]), mean_interval([])

    assert (one.mean, one.n) == (0.5, 1)
    assert np.isnan([one.low, one.high, none.mean, none.low]).all()


def test_a_curve_is_the_mean_over_seeds_in_every_round() -> None:
    curve = curve_frame(make_rounds({"margin": three_seeds}))

    assert curve["n_annotated"].tolist() == [10, 20]
    assert curve["mean"].tolist() == pytest.approx([0.1, 0.5])
    assert curve["std"].tolist() == pytest.approx([0.1, 0.3])
    assert curve["n"].tolist() == [3, 3]


@pytest.mark.parametrize(
    ("band", "low", "high"),
    [
        ("ci95", 0.5 - 4.30265 * 0.3 / 3**0.5, 0.5 + 4.30265 * 0.3 / 3**0.5),
        ("std", 0.2, 0.8),
        ("minmax", 0.2, 0.8),
        ("none", np.nan, np.nan),
    ],
)
def test_a_band_is_what_its_name_says(band: str, low: float, high: float) -> None:
    last = curve_frame(make_rounds({"margin": three_seeds}), band=band).iloc[-1]

    assert [last["low"], last["high"]] == pytest.approx([low, high], rel=1e-5, nan_ok=True)
    assert last["band"] == band


@pytest.mark.parametrize("band", sorted(BANDS))
def test_one_seed_has_no_band(band: str) -> None:
    curve = curve_frame(make_rounds({"margin": [0.1, 0.2]}, seeds=[4]), band=band)

    assert curve[["low", "high", "std"]].isna().all(axis=None)
    assert curve["mean"].tolist() == [0.1, 0.2]


def test_seeds_that_are_not_as_far_shorten_n_and_not_the_curve() -> None:
    rounds = make_rounds({"margin": lambda seed: [0.2, 0.4, 0.6][: seed + 1]})
    curve = curve_frame(rounds)

    assert curve["n"].tolist() == [3, 2, 1]
    assert curve["mean"].tolist() == pytest.approx([0.2, 0.4, 0.6])
    assert np.isnan(curve["low"].iloc[-1])


def test_seeds_that_disagree_on_the_axis_are_joined_by_round() -> None:
    rounds = make_rounds({"margin": [0.1, 0.2]}, seeds=[0, 1])
    rounds["n_labeled"] = [10, 18, 10, 14]
    curve = curve_frame(rounds, x="n_labeled")

    assert curve["n_labeled"].tolist() == [10, 16]
    assert curve["n"].tolist() == [2, 2]


def test_the_axis_may_be_the_round() -> None:
    curve = curve_frame(make_rounds({"margin": [0.1, 0.2]}), x="round")

    assert curve["round"].tolist() == [0, 1]
    assert list(curve.columns).count("round") == 1


def test_undefined_values_are_not_counted() -> None:
    rounds = make_rounds({"margin": lambda seed: [np.nan if seed == 0 else 0.5]})

    assert curve_frame(rounds)["n"].tolist() == [2]


def test_a_run_that_belongs_to_two_studies_counts_once() -> None:
    rounds = make_rounds({"margin": three_seeds})
    curve = curve_frame(pd.concat([rounds, rounds]))

    assert curve["n"].tolist() == [3, 3]


def test_two_runs_that_look_the_same_are_not_averaged() -> None:
    rounds = make_rounds({"margin": [0.1]})
    other = rounds.assign(run_id=rounds["run_id"] + "-other")

    with pytest.raises(IncomparableError, match="two different runs are both margin on digits"):
        curve_frame(pd.concat([rounds, other]))


def test_results_of_different_data_are_not_averaged() -> None:
    rounds = make_rounds({"margin": [0.1]})
    rounds.loc[rounds["seed"] == 2, "data_fingerprint"] = "another"

    with pytest.raises(IncomparableError, match=r"digits: abc \(2 runs\), another \(1 run\)"):
        curve_frame(rounds)


@pytest.mark.parametrize(
    ("options", "suggestion"),
    [
        ({"metric": "acuracy"}, "accuracy"),
        ({"band": "std95"}, "std"),
        ({"x": "n_anotated"}, "n_annotated"),
    ],
)
def test_misspelt_names_get_a_suggestion(options: dict[str, str], suggestion: str) -> None:
    with pytest.raises(UnknownNameError, match=f"did you mean '{suggestion}'"):
        curve_frame(make_rounds({"margin": [0.1]}), **options)


def test_no_rounds_give_an_empty_curve() -> None:
    curve = curve_frame(make_rounds({}))

    assert curve.empty
    assert "mean" in curve.columns
