"""What several stochastic passes say, from their logits; one pass at a time, to save memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["moments_of_passes", "probs_of_passes"]


def moments_of_passes(logits: NDArray[np.floating]) -> dict[str, NDArray[np.float64 | np.int64]]:
    """Moments of the predictions over the passes (Welford's recurrence).

    Args:
        logits: (n_samples, n, n_classes), finite.

    Returns:
        `mean_probs` (n, n_classes); `mean_entropy` in nats (n,); `std_probs`, the population
        standard deviation, (n, n_classes); `votes`, passes per class, (n, n_classes).
    """
    mean = np.zeros(logits.shape[1:])
    squares, votes = np.zeros_like(mean), np.zeros(mean.shape, dtype=np.int64)
    entropy = np.zeros(len(mean))
    for count, one in enumerate(logits, start=1):
        shifted = one.astype(np.float64)
        shifted -= shifted.max(axis=1, keepdims=True, initial=-np.inf)
        exps = np.exp(shifted)
        sums = exps.sum(axis=1, keepdims=True)
        probs = exps / sums
        distance = probs - mean
        mean += distance / count
        squares += distance * (probs - mean)
        entropy -= (probs * (shifted - np.log(sums))).sum(axis=1)
        votes[np.arange(len(mean)), probs.argmax(axis=1)] += 1
    return {
        "mean_probs": mean,
        "mean_entropy": entropy / len(logits),
        "std_probs": np.sqrt(squares / len(logits)),
        "votes": votes,
    }


def probs_of_passes(logits: NDArray[np.floating]) -> NDArray[np.float32]:
    """Probabilities of every pass, (n, n_samples, n_classes).

    Args:
        logits: (n_samples, n, n_classes), finite.
    """
    probs = np.empty((logits.shape[1], logits.shape[0], logits.shape[2]), dtype=np.float32)
    for t, one in enumerate(logits):
        exps = one.astype(np.float64)
        exps = np.exp(exps - exps.max(axis=1, keepdims=True, initial=-np.inf))
        probs[:, t] = exps / exps.sum(axis=1, keepdims=True)
    return probs
