"""Definitions of feature mixing, one sample and one anchor at a time, in float64."""

from __future__ import annotations

import numpy as np

__all__ = ["anchors_of", "candidate_set", "flips"]


def anchors_of(embeddings: np.ndarray, labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Mean labeled embedding per class; the mean of all for a class without labels."""
    wide = embeddings.astype(np.float64)
    return np.stack(
        [
            np.mean([z for z, y in zip(wide, labels, strict=True) if y == c] or wide, axis=0)
            for c in range(n_classes)
        ]
    )


def gradient(h: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Gradient of the cross-entropy at the predicted label with respect to the embedding."""
    logits = weight @ h + bias
    probs = np.exp(logits - logits.max())
    probs /= probs.sum()
    probs[logits.argmax()] -= 1
    return weight.T @ probs


def mixed(h: np.ndarray, anchor: np.ndarray, g: np.ndarray, cap: float) -> np.ndarray:
    """The closed form of alpha, coordinate by coordinate; what cannot move stays."""
    eps = cap / np.sqrt(h.size)
    toward = anchor - h
    alpha = np.zeros_like(h)
    moves = toward != 0
    alpha[moves] = (eps * np.linalg.norm(toward) * g / np.linalg.norm(g))[moves] / toward[moves]
    return (1 - alpha) * h + alpha * anchor


def flips(
    embeddings: np.ndarray, weight: np.ndarray, bias: np.ndarray, anchors: np.ndarray, cap: float
) -> np.ndarray:
    """Whether mixing with some anchor changes the predicted label, (n,)."""
    found = []
    for h in embeddings.astype(np.float64):
        g = gradient(h, weight, bias)
        before = (weight @ h + bias).argmax()
        found.append(
            bool(g.any())
            and any(
                (weight @ mixed(h, anchor, g, cap) + bias).argmax() != before for anchor in anchors
            )
        )
    return np.array(found, dtype=bool)


def candidate_set(
    embeddings: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    anchors: np.ndarray,
    n_query: int,
) -> tuple[np.ndarray, float]:
    """Candidates at the first cap of 0.2, 0.4, ..., 1 that has more than n_query of them."""
    for step in range(1, 6):
        candidates = flips(embeddings, weight, bias, anchors, 0.2 * step)
        if candidates.sum() > n_query:
            break
    return candidates, 0.2 * step
