from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad

from alscope.playground.config import DataConfig
from alscope.playground.deal import deal
from alscope.playground.models import MODELS, radial_features, with_ones
from alscope.playground.optimize import posterior_draws, softmax_loss


def fitted(model: str, n: int = 40, n_outputs: int = 2, data: str = "moons"):
    cards = deal(DataConfig(data=data, n=300))
    labels = cards.labels[:n]
    return MODELS[model].fit(cards.points[:n], labels, n_outputs, 1.0, np.random.default_rng(0))


@pytest.mark.parametrize("model", MODELS)
def test_a_model_learns_and_repeats_itself(model: str) -> None:
    cards = deal(DataConfig(n=300))
    first, second = fitted(model), fitted(model)

    right = first.logits(cards.test_points).argmax(axis=1) == cards.test_labels
    assert right.mean() > 0.8
    assert np.array_equal(first.logits(cards.points), second.logits(cards.points))


@pytest.mark.parametrize("model", MODELS)
def test_a_model_has_an_output_for_every_class_even_without_a_label(model: str) -> None:
    one = MODELS[model].fit(
        np.zeros((1, 2)), np.zeros(1, dtype=np.int64), 4, 1.0, np.random.default_rng(0)
    )
    probs = one.probs(np.array([[0.0, 0.0], [1.0, 1.0]]))

    assert probs.shape == (2, 4)
    assert np.allclose(probs.sum(axis=1), 1)
    assert np.isfinite(one.logits(np.ones((1, 2)))).all()
    assert probs[0].argmax() == 0


@pytest.mark.parametrize("model", [name for name in MODELS if MODELS[name].has_head])
def test_logits_are_linear_in_the_features_that_strategies_see(model: str) -> None:
    points = deal(DataConfig(n=100)).points
    one = fitted(model)
    head = one.head()

    assert head is not None
    linear = one.features(points) @ head.weight.T + head.bias
    assert np.allclose(linear, one.logits(points), atol=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_passes_scatter_around_the_model_and_agree_where_labels_are_many(model: str) -> None:
    one = fitted(model, n=200, data="blobs", n_outputs=4)
    points = np.array([[-0.6, 0.6], [0.0, 0.0]])
    passes = one.passes(points, 300, np.random.default_rng(1))
    exps = np.exp(passes - passes.max(axis=2, keepdims=True))
    spread = (exps / exps.sum(axis=2, keepdims=True)).std(axis=0).max(axis=1)

    assert passes.shape == (300, 2, 4)
    assert spread[0] < spread[1]


def test_logistic_regression_is_that_of_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression

    cards = deal(DataConfig(data="blobs", n=300, noise=30))
    points, labels = cards.points[:60], cards.labels[:60]
    ours = MODELS["logistic"].fit(points, labels, 4, 1.0, np.random.default_rng(0))
    # The prior of precision 0.02 covers the bias too, so it is a weight of a feature that is 1.
    oracle = LogisticRegression(C=1 / 0.02, fit_intercept=False, tol=1e-8, max_iter=2000)
    oracle.fit(with_ones(points), labels)

    expected = oracle.predict_proba(with_ones(cards.points))
    assert np.allclose(ours.probs(cards.points), expected, atol=2e-3)


def test_the_slope_of_the_softmax_loss_is_that_of_finite_differences() -> None:
    rng = np.random.default_rng(0)
    logits, targets = rng.normal(size=(5, 3)), np.eye(3)[[0, 1, 2, 1, 0]]

    error = check_grad(
        lambda flat: softmax_loss(flat.reshape(5, 3), targets)[0],
        lambda flat: softmax_loss(flat.reshape(5, 3), targets)[1].ravel(),
        logits.ravel(),
    )
    assert error < 1e-5


def test_draws_have_the_covariance_of_the_inverse_curvature() -> None:
    rng = np.random.default_rng(0)
    rows, weights = rng.normal(size=(30, 2)), rng.normal(size=(2, 2))
    draws = posterior_draws(weights, rows, 0.5, 1.0, 40_000, rng).reshape(40_000, 4)

    def loss(flat: np.ndarray) -> float:
        value, _ = softmax_loss(rows @ flat.reshape(2, 2).T, targets)
        return value + 0.25 * float(flat @ flat)

    targets = np.eye(2)[rng.integers(2, size=30)]  # the curvature does not depend on them
    curvature = np.array(
        [[_second(loss, weights.ravel(), i, j) for j in range(4)] for i in range(4)]
    )
    assert np.allclose(np.cov(draws.T), np.linalg.inv(curvature), atol=0.02)
    assert np.allclose(draws.mean(axis=0), weights.ravel(), atol=0.02)


def _second(loss, at: np.ndarray, i: int, j: int, h: float = 1e-3) -> float:
    a, b = np.eye(at.size)[i] * h, np.eye(at.size)[j] * h
    return (loss(at + a + b) - loss(at + a - b) - loss(at - a + b) + loss(at - a - b)) / (4 * h * h)


def test_radial_features_are_closeness_to_a_grid() -> None:
    features = radial_features(np.array([[-1.4, -1.4], [0.0, 0.0]]))

    assert features.shape == (2, 49)
    assert features[0].argmax() == 0
    assert features[1].argmax() == 24
    assert np.isclose(features[0, 1], np.exp(-1 / (2 * 0.36)))
    assert radial_features(np.empty((0, 2))).shape == (0, 49)


def test_neighbors_vote_by_closeness() -> None:
    points = np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    one = MODELS["knn"].fit(points, np.array([0, 1, 1]), 2, 1.0, np.random.default_rng(0))
    near, far = one.probs(np.array([[0.1, 0.0], [0.9, 0.0]]))

    weights = np.array([1 / 0.1, 1 / 0.9, 1 / 1.1])
    votes = 3 * weights[0] / weights.sum()
    assert np.isclose(near[0], (votes + 0.1) / 3.2)
    assert far[1] > 0.8
