"""What a curve shows: the measure, paired gains, ranks; and budgets that can be compared."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from alscope.errors import ShapeError, UnknownNameError
from alscope.results.bootstrap import N_RESAMPLES, bootstrap_means
from alscope.results.curves import curve_frame, mean_curves
from alscope.results.grids import common_budgets
from alscope.results.values import VALUE_COLUMNS, spent_seconds, value_frame
from alscope.rng import generator
from tests.results.records import make_rounds


def noisy(offset: float):
    """A curve whose values differ between seeds and budgets."""
    return lambda seed: (offset + generator(seed, str(offset)).normal(size=4) / 10).tolist()


ROUNDS = make_rounds({"random": noisy(0.5), "margin": noisy(0.6), "badge": noisy(0.62)})


def values_of(values: pd.DataFrame, strategy: str) -> np.ndarray:
    return values.loc[values["strategy"] == strategy, "value"].to_numpy()


def test_absolute_values_give_the_curves_of_curve_frame() -> None:
    expected = curve_frame(ROUNDS, band="ci95")
    found = mean_curves(value_frame(ROUNDS), band="ci95")

    columns = ["scenario", "strategy", "round", "n_annotated", "mean", "low", "high", "std", "n"]
    pd.testing.assert_frame_equal(found[columns], expected[columns])


def test_a_gain_is_held_against_random_with_the_same_seed_and_budget() -> None:
    gains = value_frame(ROUNDS, mode="gain")

    own = ROUNDS[ROUNDS["strategy"] == "margin"].sort_values(["seed", "round"])["accuracy"]
    base = ROUNDS[ROUNDS["strategy"] == "random"].sort_values(["seed", "round"])["accuracy"]
    assert values_of(gains, "margin") == pytest.approx(own.to_numpy() - base.to_numpy())
    assert values_of(gains, "random") == pytest.approx(np.zeros(12))


def test_the_band_of_a_gain_is_the_paired_t_interval() -> None:
    curve = mean_curves(value_frame(ROUNDS, mode="gain"))
    last = curve[(curve["strategy"] == "badge") & (curve["round"] == 3)].iloc[0]
    wide = ROUNDS[ROUNDS["round"] == 3].pivot(index="seed", columns="strategy", values="accuracy")

    expected = stats.ttest_rel(wide["badge"], wide["random"]).confidence_interval(0.95)

    assert (last["low"], last["high"]) == pytest.approx(tuple(expected))


def test_a_gain_in_a_measure_of_which_less_is_better_is_turned() -> None:
    rounds = make_rounds({"random": [2.0, 1.0], "margin": [2.0, 0.5]}, metric="nll", seeds=[0])

    assert values_of(value_frame(rounds, "nll", mode="gain"), "margin").tolist() == [0.0, 0.5]


def test_without_random_there_are_no_gains() -> None:
    assert value_frame(make_rounds({"margin": [0.1]}), mode="gain").empty


def test_ranks_are_those_of_scipy_in_every_block() -> None:
    ranks = value_frame(ROUNDS, mode="rank")

    for (_, seed, budget), block in ROUNDS.groupby(["scenario", "seed", "n_annotated"]):
        expected = dict(zip(block["strategy"], stats.rankdata(-block["accuracy"]), strict=True))
        found = ranks[(ranks["block"] == str(seed)) & (ranks["n_annotated"] == budget)]
        assert dict(zip(found["strategy"], found["value"], strict=True)) == expected


def test_equal_strategies_share_their_rank() -> None:
    ranks = value_frame(make_rounds({"a": [0.5], "b": [0.5], "c": [0.4]}, seeds=[0]), mode="rank")

    assert ranks["value"].tolist() == [1.5, 1.5, 3.0]


def test_a_block_without_one_of_the_strategies_has_no_ranks() -> None:
    rounds = make_rounds({"a": [0.5, 0.6], "b": lambda seed: [0.4, 0.7][: 1 + seed]}, seeds=[0, 1])
    ranks = value_frame(rounds, mode="rank")

    assert ranks[ranks["block"] == "0"]["n_annotated"].tolist() == [10, 10]
    assert ranks[ranks["block"] == "1"]["n_annotated"].tolist() == [10, 20, 10, 20]


def two_scenarios() -> pd.DataFrame:
    """One evaluated at 10, 20, 30; the other at 10, 30, 50."""
    first = make_rounds({"random": [0.1, 0.2, 0.4]}, seeds=[0])
    second = make_rounds({"random": [0.3, 0.5, 0.9]}, seeds=[0], scenario="texts")
    return pd.concat([first, second.assign(n_annotated=[10, 30, 50])], ignore_index=True)


def test_the_common_grid_keeps_the_budgets_that_all_have() -> None:
    assert common_budgets(two_scenarios()) == [10, 30]
    values = value_frame(two_scenarios(), grid="common", pool=True)

    assert values["n_annotated"].tolist() == [10, 30, 10, 30]
    assert values["round"].tolist() == [0, 1, 0, 1]


def test_interpolation_is_linear_and_never_beyond_the_data() -> None:
    values = value_frame(two_scenarios(), grid="interpolate")

    digits, texts = (values[values["scenario"] == name] for name in ("digits", "texts"))
    assert digits["n_annotated"].tolist() == [10, 20, 30]
    assert texts["n_annotated"].tolist() == [10, 20, 30, 50]
    assert texts["value"].tolist() == pytest.approx([0.3, 0.4, 0.5, 0.9])


def test_scenarios_taken_together_are_averaged_over_scenarios_and_seeds() -> None:
    curve = mean_curves(value_frame(two_scenarios(), pool=True, grid="common"))

    assert curve["scenario"].unique().tolist() == ["all scenarios"]
    assert curve["mean"].tolist() == pytest.approx([0.2, 0.45])
    assert curve["n"].tolist() == [2, 2]


def test_spent_seconds_are_all_trainings_and_the_selections_before() -> None:
    rounds = make_rounds({"margin": [0.1, 0.2, 0.3]}, seeds=[0, 1])
    rounds = rounds.assign(train_s=[1.0, 2.0, 4.0] * 2, selection_s=10.0, aux_s=100.0)
    shuffled = rounds.sample(frac=1, random_state=0)

    spent = spent_seconds(shuffled).sort_index()

    assert spent.tolist() == [1.0, 113.0, 227.0] * 2


def test_bootstrap_intervals_are_those_of_scipy() -> None:
    samples = generator(0, "samples").normal(size=(6, 5))
    low, high = bootstrap_means(samples)

    for place, sample in enumerate(samples):
        expected = stats.bootstrap(
            (sample,),
            np.mean,
            n_resamples=N_RESAMPLES,
            method="percentile",
            rng=generator(0, "bootstrap"),
        ).confidence_interval
        assert (low[place], high[place]) == pytest.approx(tuple(expected))


def test_bootstrap_intervals_are_quantiles_of_resampled_means() -> None:
    sample = np.array([0.2, 0.3, 0.9])
    means = [np.mean([a, b, c]) for a in sample for b in sample for c in sample]
    low, high = bootstrap_means([sample])

    # All 27 resamples are equally likely, so the exact interval is known.
    assert low[0] == pytest.approx(np.quantile(means, 0.025, method="inverted_cdf"), abs=0.02)
    assert high[0] == pytest.approx(np.quantile(means, 0.975, method="inverted_cdf"), abs=0.02)


def test_a_bootstrap_band_treats_points_with_few_and_many_seeds_apart() -> None:
    rounds = make_rounds({"margin": lambda seed: [0.1 * seed, 0.2 * seed, 0.3][: 3 - seed]})
    curve = curve_frame(rounds, band="boot")

    low, high = bootstrap_means([[0.0, 0.1, 0.2]])
    assert curve["n"].tolist() == [3, 2, 1]
    assert curve["low"].iloc[0] == low[0]
    assert curve["high"].iloc[0] == high[0]
    assert np.isnan(curve["low"].iloc[2])


@pytest.mark.parametrize("samples", [[0.1, 0.2], [[0.1]], [[0.1, np.nan]]])
def test_what_cannot_be_resampled_is_refused(samples: list[object]) -> None:
    with pytest.raises(ShapeError, match="samples must be finite"):
        bootstrap_means(samples)


@pytest.mark.parametrize(
    ("options", "suggestion"),
    [({"mode": "gains"}, "gain"), ({"grid": "comon"}, "common"), ({"metric": "acc"}, None)],
)
def test_unknown_names_are_refused(options: dict[str, str], suggestion: str | None) -> None:
    with pytest.raises(UnknownNameError, match=suggestion and f"did you mean '{suggestion}'"):
        value_frame(ROUNDS, **options)


@pytest.mark.parametrize("mode", ["absolute", "gain", "rank"])
@pytest.mark.parametrize("grid", ["own", "common", "interpolate"])
def test_no_rounds_give_no_values(mode: str, grid: str) -> None:
    values = value_frame(make_rounds({}), mode=mode, grid=grid, pool=True)

    assert values.empty
    assert list(values.columns) == list(VALUE_COLUMNS)
    assert mean_curves(values, band="boot").empty
