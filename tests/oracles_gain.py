"""Expected gain in a proper score by its definition, one pair and one label at a time."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["gain", "gains", "random_passes"]


def gain(x: np.ndarray, other: np.ndarray, *, score: str) -> float:
    """What a label at `x` is expected to gain at `other`; both (n_samples, n_classes)."""
    before = other.mean(axis=0)
    total = 0.0
    for y in range(x.shape[1]):
        p = x[:, y].mean()
        if p == 0:
            continue
        after = (x[:, y] / x[:, y].sum()) @ other
        if score == "brier":
            total += p * float(((after - before) ** 2).sum())
        else:
            total += p * sum(
                a * math.log(a / b) for a, b in zip(after, before, strict=True) if a > 0
            )
    return total


def gains(passes: np.ndarray, columns: np.ndarray, *, score: str) -> np.ndarray:
    """(n, n_columns), from passes of shape (n, n_samples, n_classes)."""
    return np.array([[gain(x, passes[c], score=score) for c in columns] for x in passes])


def random_passes(seed: int) -> np.ndarray:
    """A small pool of any sharpness, with a class that some samples exclude."""
    rng = np.random.default_rng(seed)
    n, n_samples, n_classes = rng.integers(1, 8), rng.integers(2, 6), rng.integers(1, 5)
    logits = rng.normal(size=(n, 1, n_classes)) + rng.normal(size=(n, n_samples, n_classes))
    probs = np.exp(rng.choice([0.1, 1, 4]) * logits)
    if n_classes > 1:
        probs[rng.random(n) < 0.3, :, 0] = 0
    return probs / probs.sum(axis=2, keepdims=True)
