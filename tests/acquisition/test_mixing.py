from __future__ import annotations

import numpy as np
import pytest

from alscope.acquisition import mixing
from alscope.acquisition.mixing import class_anchors, flip_thresholds
from alscope.errors import ShapeError
from tests import oracles_mixing as oracles

CAPS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)


class Problem:
    """A random head, pool and anchors; with ReLU, many coordinates are 0 in both."""

    def __init__(self, seed: int, *, relu: bool = False) -> None:
        rng = np.random.default_rng(seed)
        n, d, c = rng.integers(1, 41), rng.integers(2, 9), rng.integers(2, 7)
        self.weight, self.bias = rng.normal(size=(c, d)), rng.normal(size=c)
        self.embeddings = 2 * rng.normal(size=(n, d))
        labeled = 2 * rng.normal(size=(rng.integers(1, 13), d))
        if relu:
            self.embeddings, labeled = np.maximum(self.embeddings, 0), np.maximum(labeled, 0)
        self.labels = rng.integers(0, c, len(labeled))
        self.labeled = labeled
        self.anchors = oracles.anchors_of(labeled, self.labels, c)
        self.logits = self.embeddings @ self.weight.T + self.bias

    def thresholds(self) -> np.ndarray:
        return flip_thresholds(self.logits, self.embeddings, self.weight, self.anchors)

    def flips(self, cap: float) -> np.ndarray:
        return oracles.flips(self.embeddings, self.weight, self.bias, self.anchors, cap)


@pytest.mark.parametrize("relu", [False, True])
def test_a_threshold_below_the_cap_is_a_flip_by_definition(relu: bool) -> None:
    for seed in range(100):
        problem = Problem(seed, relu=relu)
        thresholds = problem.thresholds()
        cap = CAPS[seed % len(CAPS)]

        np.testing.assert_array_equal(thresholds < cap, problem.flips(cap))


def test_a_larger_cap_keeps_every_candidate() -> None:
    problem = Problem(3)
    flips = np.stack([problem.flips(cap) for cap in CAPS])

    assert (np.diff(flips.astype(int), axis=0) >= 0).all()
    assert 0 < flips[2].sum() < flips[5].sum()


def test_example_e_has_the_published_threshold() -> None:
    embeddings, head = np.array([[2.0, 1.0]]), np.eye(2)
    anchors = np.array([[3.0, 0.0], [0.0, 3.0]])
    thresholds = flip_thresholds(embeddings, embeddings, head, anchors)

    assert thresholds == pytest.approx([1 / (2 * np.sqrt(2))])
    assert not oracles.flips(embeddings, head, np.zeros(2), anchors, 0.2)[0]
    assert oracles.flips(embeddings, head, np.zeros(2), anchors, 0.4)[0]


def test_blocks_of_rows_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = Problem(5, relu=True)
    whole = problem.thresholds()
    monkeypatch.setattr(mixing, "_BLOCK_CELLS", 20)

    np.testing.assert_allclose(problem.thresholds(), whole, rtol=1e-9)


def test_a_coordinate_silent_in_sample_and_anchor_does_not_move() -> None:
    # The label would flip along the second coordinate only, and that one is 0 in both.
    embeddings, anchor = np.array([[2.0, 0.0]]), np.array([[5.0, 0.0]])
    weight = np.array([[0.0, 0.0], [0.0, 1.0]])
    logits = embeddings @ weight.T + [1.0, 0.0]

    assert np.isinf(flip_thresholds(logits, embeddings, weight, anchor)[0])
    assert np.isfinite(flip_thresholds(logits, embeddings, weight, anchor + 1)[0])


def test_saturated_predictions_keep_their_direction() -> None:
    # The probability of the prediction rounds to 1 in float64; the margin is 200 either way.
    embeddings = np.array([[200.0, 0.0]])
    thresholds = flip_thresholds(embeddings, embeddings, np.eye(2), np.array([[0.0, 0.1]]))
    step = 200 / np.sqrt(2)

    assert thresholds == pytest.approx(np.sqrt(2) * step / np.hypot(200, 0.1))


@pytest.mark.parametrize("n_classes", [1, 3])
def test_without_a_gradient_there_is_no_flip(n_classes: int) -> None:
    # One class, or several whose weights are the same.
    rng = np.random.default_rng(0)
    embeddings, weight = rng.normal(size=(9, 4)), np.repeat(rng.normal(size=(1, 4)), n_classes, 0)
    logits = embeddings @ weight.T + np.arange(n_classes)

    assert np.isinf(flip_thresholds(logits, embeddings, weight, rng.normal(size=(2, 4)))).all()


def test_a_sample_that_is_its_only_anchor_is_no_candidate() -> None:
    points = np.array([[2.0, 1.0], [1.5, 1.0]])
    thresholds = flip_thresholds(points, points, np.eye(2), points[:1])

    assert np.isinf(thresholds[0])
    assert np.isfinite(thresholds[1])


def test_anchors_are_class_means_and_the_common_mean_for_absent_classes() -> None:
    for seed in range(30):
        problem = Problem(seed)
        order = np.random.default_rng(seed).permutation(problem.labels.size)
        anchors = class_anchors(
            problem.labeled[order], problem.labels[order], n_classes=len(problem.weight) + 1
        )

        np.testing.assert_allclose(anchors[:-1], problem.anchors, atol=1e-12)
        np.testing.assert_allclose(anchors[-1], problem.labeled.mean(axis=0), atol=1e-12)


def test_arrays_that_do_not_fit_are_refused() -> None:
    points = np.zeros((3, 2))
    with pytest.raises(ShapeError, match="one label per embedding"):
        class_anchors(points, np.zeros(2, dtype=np.int64), n_classes=2)
    with pytest.raises(ShapeError, match="at least one of each"):
        class_anchors(points[:0], np.zeros(0, dtype=np.int64), n_classes=2)
    with pytest.raises(ShapeError, match="take all of them from one model"):
        flip_thresholds(points, points, np.zeros((3, 2)), points)
    with pytest.raises(ShapeError, match="head weights of row 1"):
        flip_thresholds(points, points, np.array([[0, 0], [np.nan, 0]]), points)
