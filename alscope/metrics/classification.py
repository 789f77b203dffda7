"""How good a classifier is, from its probabilities on the test set."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alscope.errors import ShapeError
from alscope.types import IntArray

__all__ = ["N_BINS", "classification_metrics"]

N_BINS = 15
"""Bins of the calibration error."""
_SMALLEST = 1e-12


def classification_metrics(probs: NDArray[np.floating[Any]], labels: IntArray) -> dict[str, Any]:
    """Measures of one evaluation, ready for JSON.

    The prediction is the most probable class, the first one if several tie. Macro means run over
    the known classes that have test samples; a class without any has recall None and is left out
    of every macro mean. A class that is never predicted has precision 0, and F1 0.

    Args:
        probs: Class probabilities, (n_test, n_classes); rows sum to 1.
        labels: True classes, (n_test,), in 0..n_classes-1.

    Returns:
        `accuracy`; `balanced_accuracy` (= `macro_recall`); `macro_precision`; `macro_recall`;
        `macro_f1`; `nll`, mean negative log probability of the true class in nats, with
        probabilities clipped from below at 1e-12; `ece`, calibration error of the top probability
        over 15 bins of equal width; `per_class_recall`, a list; `n_test`.

    Raises:
        ShapeError: If shapes, labels or probabilities are wrong, or there is no test sample.

    References:
        Guo et al. 2017, arXiv:1706.04599, eq. 3 (calibration error).
    """
    _check(probs, labels)
    probs = probs.astype(np.float64)
    n_test, n_classes = probs.shape
    predicted = probs.argmax(axis=1)
    correct = predicted == labels
    support = np.bincount(labels, minlength=n_classes)
    hits = np.bincount(labels[correct], minlength=n_classes)
    claimed = np.bincount(predicted, minlength=n_classes)
    present = support > 0
    recall = hits[present] / support[present]
    precision = hits[present] / np.maximum(claimed[present], 1)
    f1 = 2 * hits[present] / (support[present] + claimed[present])
    true_probs = np.maximum(probs[np.arange(n_test), labels], _SMALLEST)
    return {
        "accuracy": float(correct.mean()),
        "balanced_accuracy": float(recall.mean()),
        "macro_precision": float(precision.mean()),
        "macro_recall": float(recall.mean()),
        "macro_f1": float(f1.mean()),
        "nll": float(-np.log(true_probs).mean()),
        "ece": _calibration_error(probs.max(axis=1), correct),
        "per_class_recall": [
            float(hit / size) if size else None for hit, size in zip(hits, support, strict=True)
        ],
        "n_test": int(n_test),
    }


def _calibration_error(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> float:
    # Bin m holds confidences in (m / N_BINS, (m + 1) / N_BINS], as in the paper.
    bins = np.clip(np.ceil(confidence * N_BINS).astype(np.int64) - 1, 0, N_BINS - 1)
    gaps = np.bincount(bins, weights=correct - confidence, minlength=N_BINS)
    return float(np.abs(gaps).sum() / confidence.size)


def _check(probs: NDArray[np.floating[Any]], labels: IntArray) -> None:
    if probs.ndim != 2 or labels.shape != probs.shape[:1]:
        raise ShapeError(
            f"probs have shape {probs.shape} and labels {labels.shape}; they must be "
            "(n_test, n_classes) and (n_test,)"
        )
    if probs.shape[0] == 0:
        raise ShapeError("there is no test sample to evaluate; enlarge the test set")
    if not np.issubdtype(labels.dtype, np.integer):
        raise ShapeError(f"labels are {labels.dtype}, but must be integers")
    if labels.min() < 0 or labels.max() >= probs.shape[1]:
        raise ShapeError(
            f"labels span {labels.min()}..{labels.max()}, but there are {probs.shape[1]} classes; "
            "evaluate test samples of known classes only"
        )
    if not np.allclose(probs.sum(axis=1), 1.0, atol=1e-4) or probs.min() < 0:
        row = int(np.argmax(~(np.abs(probs.sum(axis=1) - 1.0) <= 1e-4) | (probs.min(axis=1) < 0)))
        raise ShapeError(
            f"row {row} of probs is no distribution (sum {probs[row].sum():g}, smallest "
            f"{probs[row].min():g}); pass softmax outputs"
        )
