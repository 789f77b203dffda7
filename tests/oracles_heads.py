"""Definitions of what heads learn, written down literally and slowly."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def ranking_loss(predicted: Sequence[float], losses: Sequence[float], margin: float) -> float:
    """Mean hinge over the pairs (i, n - 1 - i); an odd batch loses its last sample."""
    n = len(predicted) - len(predicted) % 2
    costs = []
    for i in range(n // 2):
        j = n - 1 - i
        sign = 1.0 if losses[i] > losses[j] else -1.0
        costs.append(max(0.0, margin - sign * (predicted[i] - predicted[j])))
    return sum(costs) / len(costs) if costs else 0.0


def pair_accuracy(predicted: Sequence[float], losses: Sequence[float]) -> float:
    """Share of all pairs with different losses that the predictions order correctly."""
    right = [
        (predicted[i] > predicted[j]) == (losses[i] > losses[j])
        for i in range(len(predicted))
        for j in range(i)
        if losses[i] != losses[j]
    ]
    return sum(right) / len(right)


def divergence(outputs: np.ndarray, target: np.ndarray) -> float:
    """Mean over rows of sum_c t_c log(t_c / q_c), with q the softmax and 0 log 0 = 0."""
    total = 0.0
    for row, goal in zip(outputs, target, strict=True):
        exps = [math.exp(value - max(row)) for value in row]
        for value, t in zip(exps, goal, strict=True):
            if t > 0:
                total += t * (math.log(t) - math.log(value / sum(exps)))
    return total / len(outputs)


def entropy(outputs: np.ndarray) -> list[float]:
    """-sum_c q_c log q_c of every row, with 0 log 0 = 0."""
    return [-sum(q * math.log(q) for q in probs if q > 0) for probs in softmax(outputs)]


def margin_at(outputs: np.ndarray, logits: np.ndarray) -> list[float]:
    """-(q_y - max_{c != y} q_c), with y the first largest logit."""
    scores = []
    for probs, row in zip(softmax(outputs), logits.tolist(), strict=True):
        y = row.index(max(row))
        others = [q for c, q in enumerate(probs) if c != y]
        scores.append(max(others) - probs[y] if others else 0.0)
    return scores


def softmax(outputs: np.ndarray) -> list[list[float]]:
    """Probabilities of every row."""
    rows = []
    for row in outputs.tolist():
        exps = [math.exp(value - max(row)) for value in row]
        rows.append([value / sum(exps) for value in exps])
    return rows
