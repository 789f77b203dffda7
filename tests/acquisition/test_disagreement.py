from __future__ import annotations

import numpy as np
import pytest

from alscope.acquisition.disagreement import mutual_information, mutual_information_of_passes
from alscope.acquisition.uncertainty import entropy_of_probs
from alscope.errors import ShapeError
from alscope.testing.fakes import moments_of
from tests import oracles

# Two passes: confident contradiction, mild contradiction, shared doubt.
EXAMPLE_B = np.array(
    [[[1, 0], [0.9, 0.1], [0.5, 0.5]], [[0, 1], [0.1, 0.9], [0.5, 0.5]]], dtype=np.float64
)


def random_passes(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    n_samples, n, n_classes = rng.integers(2, 8), rng.integers(1, 61), rng.integers(2, 7)
    return rng.dirichlet(np.full(n_classes, rng.choice([0.1, 1.0])), (n_samples, n))


def test_information_is_the_definition() -> None:
    for seed in range(200):
        passes = random_passes(seed)
        expected = oracles.mutual_information(passes)

        np.testing.assert_allclose(mutual_information_of_passes(passes), expected, atol=2e-12)


def test_moments_and_passes_give_the_same_information() -> None:
    passes = random_passes(1)
    moments = moments_of(passes)

    np.testing.assert_allclose(
        mutual_information(moments["mean_probs"], moments["mean_entropy"]),
        mutual_information_of_passes(passes),
        atol=1e-12,
    )


def test_example_b_has_the_published_values() -> None:
    scores = mutual_information_of_passes(EXAMPLE_B)

    assert scores == pytest.approx([0.693147, 0.368064, 0], abs=1e-5)
    assert entropy_of_probs(EXAMPLE_B.mean(axis=0)) == pytest.approx([np.log(2)] * 3)


def test_information_lies_within_its_bounds() -> None:
    for seed in range(50):
        passes = random_passes(seed)
        n_samples, _, n_classes = passes.shape
        scores = mutual_information_of_passes(passes)

        assert (scores >= 0).all()
        assert (scores <= min(np.log(n_samples), np.log(n_classes)) + 1e-12).all()
        assert (scores <= entropy_of_probs(passes.mean(axis=0)) + 1e-12).all()


def test_equal_passes_carry_exactly_no_information() -> None:
    passes = np.repeat(random_passes(2)[:1], 7, axis=0)

    assert (mutual_information_of_passes(passes) == 0).all()


def test_the_order_of_passes_and_classes_changes_nothing() -> None:
    passes = random_passes(3)
    scores = mutual_information_of_passes(passes)

    np.testing.assert_allclose(mutual_information_of_passes(passes[::-1]), scores, atol=1e-12)
    np.testing.assert_allclose(mutual_information_of_passes(passes[:, :, ::-1]), scores, atol=1e-12)


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ShapeError, match="at least one pass"):
        mutual_information_of_passes(np.ones((3, 1)))
    with pytest.raises(ShapeError, match="at least one pass"):
        mutual_information_of_passes(np.ones((0, 3, 1)))
    with pytest.raises(ShapeError, match="one mean entropy per row"):
        mutual_information(np.ones((3, 1)), np.zeros(2))


def test_entropies_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ShapeError, match="row 2"):
        mutual_information(np.ones((3, 1)), np.array([0, 0, np.nan]))
