"""Variation ratio and mean deviation: how far votes and probabilities vary between passes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from alscope.acquisition.disagreement import mean_deviation, variation_ratio
from alscope.errors import ShapeError
from alscope.testing.fakes import moments_of

# Two passes: confident contradiction, mild contradiction, shared doubt.
EXAMPLE_B = np.array([[[1, 0], [0.9, 0.1], [0.5, 0.5]], [[0, 1], [0.1, 0.9], [0.5, 0.5]]])


def random_passes(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    n_samples, n, n_classes = rng.integers(2, 8), rng.integers(1, 61), rng.integers(2, 7)
    return rng.dirichlet(np.full(n_classes, rng.choice([0.1, 1.0])), (n_samples, n))


def ratio(passes: np.ndarray) -> np.ndarray:
    moments = moments_of(passes)
    return variation_ratio(moments["votes"], moments["mean_probs"])


def deviation(passes: np.ndarray) -> np.ndarray:
    return mean_deviation(moments_of(passes)["std_probs"])


def test_the_ratio_is_the_share_of_votes_against_the_mode() -> None:
    for seed in range(200):
        passes = random_passes(seed)
        votes = passes.argmax(axis=2).T.tolist()
        modal = np.array([Counter(one).most_common(1)[0][1] for one in votes])

        np.testing.assert_allclose(ratio(passes), 1 - modal / len(passes), atol=1e-12)


def test_the_deviation_is_the_mean_over_classes() -> None:
    for seed in range(200):
        passes = random_passes(seed)
        spread = [
            np.mean([np.sqrt(np.mean((p - p.mean()) ** 2)) for p in one.T])
            for one in passes.transpose(1, 0, 2)
        ]

        np.testing.assert_allclose(deviation(passes), spread, atol=1e-12)


def test_example_b_has_the_published_values() -> None:
    assert ratio(EXAMPLE_B) == pytest.approx([0.5, 0.5, 0])
    assert deviation(EXAMPLE_B) == pytest.approx([0.5, 0.4, 0])


def test_scores_lie_within_their_bounds() -> None:
    for seed in range(50):
        passes = random_passes(seed)
        n_samples, _, n_classes = passes.shape

        assert (ratio(passes) >= 0).all()
        assert (ratio(passes) <= 1 - np.ceil(n_samples / n_classes) / n_samples + 1e-12).all()
        assert (deviation(passes) >= 0).all()
        assert (deviation(passes) <= 0.5).all()


def test_equal_passes_do_not_vary_at_all() -> None:
    passes = np.repeat(random_passes(2)[:1], 7, axis=0)

    assert (ratio(passes) == 0).all()
    assert (deviation(passes) == 0).all()


def test_the_order_of_passes_and_classes_changes_nothing() -> None:
    passes = random_passes(3)
    for score in (ratio, deviation):
        expected = score(passes)

        np.testing.assert_allclose(score(passes[::-1]), expected, atol=1e-12)
        np.testing.assert_allclose(score(passes[:, :, ::-1]), expected, atol=1e-12)


def test_showing_every_pass_twice_changes_nothing() -> None:
    passes = random_passes(4)
    twice = np.concatenate([passes, passes])

    np.testing.assert_allclose(ratio(twice), ratio(passes), atol=1e-12)
    np.testing.assert_allclose(deviation(twice), deviation(passes), atol=1e-12)


def test_values_that_make_no_sense_are_refused() -> None:
    votes, probs = np.ones((3, 2), dtype=np.int64), np.full((3, 2), 0.5)
    with pytest.raises(ShapeError, match="needed for both"):
        variation_ratio(votes[:2], probs)
    with pytest.raises(ShapeError, match="row 1 has no votes"):
        variation_ratio(votes * [[1], [0], [1]], probs)
    with pytest.raises(ShapeError, match="row 2"):
        variation_ratio(votes, probs * [[1], [1], [np.nan]])
    with pytest.raises(ShapeError, match="row 2"):
        mean_deviation(probs * [[1], [1], [np.nan]])
