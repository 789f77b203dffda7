"""Annotators who err."""

from __future__ import annotations

import numpy as np

from alscope.types import IntArray

__all__ = ["noisy"]


def noisy(
    labels: IntArray, *, n_classes: int, rate: float, kind: str, rng: np.random.Generator
) -> IntArray:
    """The answers of an annotator who names a wrong class with some probability.

    Every sample has one answer, however often it is asked about, and errors nest: whoever is
    mislabeled at a rate is mislabeled at every higher one. Unknown samples are always recognized.

    Args:
        labels: True labels, (n,); -1 for unknown classes.
        n_classes: Known classes, at least 2.
        rate: Probability of a wrong answer, in [0, 1).
        kind: "symmetric": every other class alike; "pair": the next class, cyclically.
        rng: For the draws.

    Returns:
        Answers, (n,); read-only, and `labels` itself without noise.

    References:
        Natarajan, Dhillon, Ravikumar and Tewari 2013 (NeurIPS) for class-conditional noise; Han et
        al. 2018, arXiv:1804.06872, for symmetric and pair flipping.
    """
    if rate == 0:
        return labels
    wrong = (rng.random(labels.size) < rate) & (labels >= 0)
    steps = rng.integers(1, n_classes, labels.size) if kind == "symmetric" else 1
    answers: IntArray = np.where(wrong, (labels + steps) % n_classes, labels)
    answers.setflags(write=False)
    return answers
