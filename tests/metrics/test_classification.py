from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from sklearn import metrics

from alscope.errors import ShapeError
from alscope.metrics.classification import N_BINS, classification_metrics


def random_case(seed: int, *, n: int = 200, n_classes: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are right about half of the time."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, n)
    logits = rng.normal(size=(n, n_classes)) + 1.5 * np.eye(n_classes)[labels]
    probs = np.exp(logits)
    return probs / probs.sum(axis=1, keepdims=True), labels


def test_a_hand_computed_case() -> None:
    probs = np.array([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.9, 0.1]])
    labels = np.array([0, 1, 1, 0])

    found = classification_metrics(probs, labels)

    assert found["accuracy"] == 0.75
    assert found["per_class_recall"] == [1.0, 0.5]
    assert found["balanced_accuracy"] == found["macro_recall"] == 0.75
    assert found["macro_precision"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert found["nll"] == pytest.approx(-np.log([0.8, 0.4, 0.7, 0.9]).mean())
    # Each sample has a bin of its own: gaps 0.2, 0.6, 0.3, 0.1.
    assert found["ece"] == pytest.approx((0.2 + 0.6 + 0.3 + 0.1) / 4)
    assert found["n_test"] == 4


def test_calibration_compares_means_within_a_bin() -> None:
    # 0.95 and 0.97 share a bin: mean confidence 0.96, accuracy one half.
    probs = np.array([[0.95, 0.05], [0.97, 0.03]])

    assert classification_metrics(probs, np.array([0, 1]))["ece"] == pytest.approx(0.46)


def test_calibration_equals_a_loop_over_the_bins() -> None:
    probs, labels = random_case(3)
    confidence, correct = probs.max(axis=1), probs.argmax(axis=1) == labels
    edges = np.linspace(0, 1, N_BINS + 1)
    expected = 0.0
    for low, high in itertools.pairwise(edges):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            gap = abs(correct[inside].mean() - confidence[inside].mean())
            expected += inside.mean() * gap

    assert classification_metrics(probs, labels)["ece"] == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
def test_measures_agree_with_scikit_learn(seed: int) -> None:
    probs, labels = random_case(seed)
    guess = probs.argmax(axis=1)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        labels, guess, labels=range(5), average="macro", zero_division=0
    )

    found = classification_metrics(probs, labels)

    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(labels, guess))
    assert found["balanced_accuracy"] == pytest.approx(
        metrics.balanced_accuracy_score(labels, guess)
    )
    assert found["macro_precision"] == pytest.approx(precision)
    assert found["macro_recall"] == pytest.approx(recall)
    assert found["macro_f1"] == pytest.approx(f1)
    assert found["nll"] == pytest.approx(metrics.log_loss(labels, probs, labels=range(5)))


def test_a_class_without_test_samples_has_no_part_in_the_means() -> None:
    probs, labels = random_case(0)
    kept = labels != 2
    probs, labels = probs[kept], labels[kept]
    others = [0, 1, 3, 4]
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        labels, probs.argmax(axis=1), labels=others, average="macro", zero_division=0
    )

    found = classification_metrics(probs, labels)

    assert found["per_class_recall"][2] is None
    assert found["macro_precision"] == pytest.approx(precision)
    assert found["macro_recall"] == pytest.approx(recall)
    assert found["macro_f1"] == pytest.approx(f1)


def test_a_class_that_is_never_predicted_counts_as_zero() -> None:
    probs = np.array([[0.9, 0.1], [0.9, 0.1]])

    found = classification_metrics(probs, np.array([0, 1]))

    assert found["macro_precision"] == 0.25
    assert found["macro_f1"] == pytest.approx((2 / 3) / 2)


def test_a_certain_mistake_costs_a_finite_amount() -> None:
    found = classification_metrics(np.array([[1.0, 0.0]]), np.array([1]))

    assert found["nll"] == pytest.approx(-np.log(1e-12))
    assert found["ece"] == 1.0


def test_perfect_predictions_have_perfect_measures() -> None:
    found = classification_metrics(np.eye(3), np.arange(3))

    assert (found["accuracy"], found["macro_f1"], found["nll"], found["ece"]) == (1, 1, 0, 0)


def test_the_first_of_equal_probabilities_is_predicted() -> None:
    assert classification_metrics(np.full((1, 4), 0.25), np.array([0]))["accuracy"] == 1.0


def test_measures_survive_json_and_the_arguments_are_left_alone() -> None:
    probs, labels = random_case(1)
    copy = probs.copy()

    found = classification_metrics(probs, labels)

    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert np.array_equal(probs, copy)


@pytest.mark.parametrize(
    ("probs", "labels", "message"),
    [
        (np.full((2, 2), 0.5), [0], "must be"),
        (np.full(2, 0.5), [0, 1], "must be"),
        (np.empty((0, 2)), [], "no test sample"),
        (np.full((2, 2), 0.5), [0, 2], "span 0..2"),
        (np.full((2, 2), 0.5), [-1, 1], "known classes only"),
        (np.full((2, 2), 0.5), [0.5, 1.0], "must be integers"),
        (np.array([[0.5, 0.5], [0.9, 0.9]]), [0, 1], r"row 1 of probs.*sum 1.8"),
        (np.array([[1.5, -0.5]]), [0], "row 0 of probs"),
        (np.array([[0.5, 0.5], [np.nan, 0.5]]), [0, 1], "row 1 of probs"),
    ],
)
def test_wrong_arguments_are_refused(probs: np.ndarray, labels: list[int], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        classification_metrics(probs, np.array(labels, dtype=None if labels else np.int64))
