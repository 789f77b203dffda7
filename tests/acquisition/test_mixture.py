from __future__ import annotations

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from alscope.acquisition.mixture import (
    Mixture,
    activation_log_odds,
    fit_mixture,
    log_odds,
    two_means_cut,
)
from alscope.errors import ShapeError
from tests import oracles_openset as oracle

WIDE_ABOVE = Mixture(np.array([0.5, 0.5]), np.array([3.0, 6.06]), np.array([0.37, 1.76]) ** 2)


def two_humps(rng: np.random.Generator, n: int = 400) -> np.ndarray:
    high = rng.random(n) < 0.4
    return np.where(high, rng.normal(8, 1.2, n), rng.normal(3, 1, n))


def test_the_split_is_the_best_of_all() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        ordered = np.sort(100 + rng.normal(size=rng.integers(2, 30)))
        cut = two_means_cut(ordered)
        parts = (ordered[:cut], ordered[cut:])
        found = sum(((part - part.mean()) ** 2).sum() for part in parts)

        assert min(part.size for part in parts) > 0
        assert found == pytest.approx(oracle.best_split(ordered.tolist()), abs=1e-9)


def test_equal_values_stay_together() -> None:
    assert two_means_cut(np.array([1.0, 1.0, 1.0, 1.0, 5.0, 5.0])) == 4
    assert two_means_cut(np.array([1.0, 5.0, 5.0, 5.0, 5.0, 5.0])) == 1


def test_the_split_does_not_depend_on_where_zero_is() -> None:
    ordered = np.sort(two_humps(np.random.default_rng(0)))

    assert two_means_cut(ordered + 1e9) == two_means_cut(ordered)


def test_the_mixture_is_the_definition() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        values = two_humps(rng, int(rng.integers(2, 60)))

        for found, expected in zip(fit_mixture(values), oracle.mixture(values), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-7)


def test_a_slow_fit_ends_after_ten_iterations() -> None:
    rng = np.random.default_rng(17)
    values = np.concatenate([rng.normal(0, 0.01, 300), rng.normal(0, 30, 100)])

    np.testing.assert_allclose(
        fit_mixture(values).means, oracle.mixture(values.tolist())[1], rtol=1e-7
    )


def test_the_mixture_is_that_of_another_package_from_the_same_start() -> None:
    for seed in range(20):
        values = two_humps(np.random.default_rng(seed))
        ordered = np.sort(values)
        cut = two_means_cut(ordered)
        parts = (ordered[:cut], ordered[cut:])
        other = GaussianMixture(
            2,
            max_iter=10,
            tol=1e-2,
            reg_covar=5e-4,
            weights_init=[part.size / values.size for part in parts],
            means_init=[[part.mean()] for part in parts],
            precisions_init=[[[1 / (part.var() + 5e-4)]] for part in parts],
        ).fit(values[:, None])
        expected = other.predict_proba(values[:, None])[:, other.means_.ravel().argmax()]
        found = 1 / (1 + np.exp(-log_odds(values, fit_mixture(values))))

        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_order_of_the_values_does_not_matter_to_the_last_bit() -> None:
    rng = np.random.default_rng(0)
    values = two_humps(rng)
    first, second = fit_mixture(values), fit_mixture(rng.permutation(values))

    assert [part.tolist() for part in first] == [part.tolist() for part in second]


def test_values_far_from_zero_are_told_apart() -> None:
    values = two_humps(np.random.default_rng(0))
    near, far = fit_mixture(values), fit_mixture(values + 1e6)

    np.testing.assert_allclose(far.means - 1e6, near.means, atol=1e-6)
    np.testing.assert_allclose(far.variances, near.variances, rtol=1e-6)


def test_the_values_are_left_unchanged() -> None:
    values = two_humps(np.random.default_rng(0))
    before = values.copy()
    fit_mixture(values)

    assert (values == before).all()


def test_the_wider_component_wins_both_tails() -> None:
    odds = log_odds(np.array([0.5, 3.0, 9.0]), WIDE_ABOVE)

    assert 1 / (1 + np.exp(-odds[0])) > 0.9995
    assert odds[1] < 0 < odds[2]


def test_monotone_odds_cap_what_lies_below_the_lower_mean() -> None:
    values = np.linspace(-2, 12, 200)
    plain, capped = (log_odds(values, WIDE_ABOVE, monotone=m) for m in (False, True))
    at_mean = log_odds(np.array([3.0]), WIDE_ABOVE)[0]

    assert (capped[values < 3] <= at_mean).all()
    assert (capped[values >= 3] == plain[values >= 3]).all()
    assert 1 / (1 + np.exp(-log_odds(np.array([0.5]), WIDE_ABOVE, monotone=True)[0])) < 0.1


def test_monotone_odds_keep_what_is_lower_still() -> None:
    # Here the lower component is the wider one: far below, the odds fall on their own.
    mixture = Mixture(np.array([0.5, 0.5]), np.array([3.0, 6.0]), np.array([4.0, 1.0]))
    values = np.array([-5.0, 0.0, 2.0])

    np.testing.assert_array_equal(
        log_odds(values, mixture, monotone=True), log_odds(values, mixture)
    )


def test_the_component_with_the_larger_mean_counts_wherever_it_stands() -> None:
    turned = Mixture(*(part[::-1] for part in WIDE_ABOVE))
    values = np.linspace(0, 10, 30)

    np.testing.assert_array_equal(log_odds(values, turned), log_odds(values, WIDE_ABOVE))


def test_the_upper_half_stays_the_upper_one_where_only_rounding_parts_the_means() -> None:
    for seed in range(40):
        values = 1e-6 * np.abs(np.random.default_rng(seed).normal(size=30))
        mixture = fit_mixture(values)
        lower, upper = mixture.weights

        np.testing.assert_allclose(log_odds(values, mixture), np.log(upper / lower), atol=1e-6)


@pytest.mark.parametrize("monotone", [False, True])
def test_log_odds_per_class_are_the_definition(monotone: bool) -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        n, n_classes = int(rng.integers(1, 50)), int(rng.integers(1, 6))
        logits = rng.normal(size=(n, n_classes + 1)).astype(np.float32)
        logits[np.arange(n), rng.integers(0, n_classes, n)] += rng.choice([1.0, 6.0], n)
        found = activation_log_odds(logits, n_classes=n_classes, monotone=monotone)
        expected = oracle.lfosa_log_odds(logits, n_classes, monotone=monotone)

        np.testing.assert_allclose(found.log_odds, expected, rtol=1e-6, atol=1e-6)
        np.testing.assert_array_equal(found.values, logits.max(axis=1))
        np.testing.assert_array_equal(found.predicted, logits.argmax(axis=1))


def test_a_sample_alone_in_its_class_and_a_class_of_equals_are_undecided() -> None:
    logits = np.array([[9.0, 0, 0], [0, 4.0, 0], [0, 4.0, 0], [0, 0, 5.0]])

    assert activation_log_odds(logits, n_classes=2).log_odds.tolist() == [0, 0, 0, -np.inf]


def test_an_equal_output_for_unknown_classes_does_not_make_a_sample_unknown() -> None:
    assert activation_log_odds(np.array([[2.0, 2.0]]), n_classes=1).predicted.tolist() == [0]


def test_no_samples_have_no_odds() -> None:
    found = activation_log_odds(np.empty((0, 3), dtype=np.float32), n_classes=2)

    assert all(part.shape == (0,) for part in found)


def test_huge_logits_have_finite_odds() -> None:
    logits = np.zeros((6, 3), dtype=np.float32)
    logits[:, 0] = [1e30, 2e30, 3e30, 1.0, 2.0, 3.0]

    assert np.isfinite(activation_log_odds(logits, n_classes=2).log_odds).all()


def test_logits_without_an_output_for_unknown_classes_are_refused() -> None:
    with pytest.raises(ShapeError, match="3 columns, but 3 known classes need 4"):
        activation_log_odds(np.zeros((5, 3)), n_classes=3)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_logits_that_are_not_finite_are_refused(value: float) -> None:
    logits = np.zeros((5, 3))
    logits[3, 1] = value

    with pytest.raises(ShapeError, match="detector logits of row 3"):
        activation_log_odds(logits, n_classes=2)
