"""Definitions of methods for open sets, written down literally, in float64, sample by sample."""

from __future__ import annotations

import math

import numpy as np

__all__ = [
    "best_split",
    "ccal_closeness",
    "ccal_picks",
    "ccal_semantic",
    "lfosa_log_odds",
    "lfosa_picks",
    "mixture",
    "mixture_log_odds",
]

Mixture = tuple[list[float], list[float], list[float]]


def best_split(values: list[float]) -> float:
    """The smallest sum of squares of a split in two at a threshold; every threshold is tried."""
    ordered = sorted(values)
    return min(
        sum(((np.array(part) - np.mean(part)) ** 2).sum() for part in (ordered[:k], ordered[k:]))
        for k in range(1, len(ordered))
    )


def mixture(values: list[float]) -> Mixture:
    """Weights, means and variances after at most ten iterations from the best split."""
    a = np.sort(np.array(values, dtype=np.float64))
    sums = [
        sum(((part - part.mean()) ** 2).sum() for part in (a[:k], a[k:])) for k in range(1, a.size)
    ]
    cut = int(np.argmin(sums)) + 1
    shares = [np.arange(a.size) < cut, np.arange(a.size) >= cut]
    fitted, before = _maximize(a, shares), -math.inf
    for _ in range(10):
        parts = [_density(a, fitted, k) for k in (0, 1)]
        total = np.logaddexp(*parts)
        fitted = _maximize(a, [np.exp(part - total) for part in parts])
        if abs(total.mean() - before) < 1e-2:
            break
        before = total.mean()
    return fitted


def _maximize(a: np.ndarray, shares: list[np.ndarray]) -> Mixture:
    sizes = [share.sum() + 10 * np.finfo(float).eps for share in shares]
    means = [(share * a).sum() / size for share, size in zip(shares, sizes, strict=True)]
    variances = [
        (share * (a - mean) ** 2).sum() / size + 5e-4
        for share, size, mean in zip(shares, sizes, means, strict=True)
    ]
    return [size / sum(sizes) for size in sizes], means, variances


def _density(a: np.ndarray | float, fitted: Mixture, k: int) -> np.ndarray:
    weights, means, variances = fitted
    squares = (a - means[k]) ** 2 / variances[k]
    return np.log(weights[k]) - 0.5 * (np.log(2 * np.pi * variances[k]) + squares)


def mixture_log_odds(value: float, fitted: Mixture, *, monotone: bool = False) -> float:
    """Log-odds of the component with the larger mean."""
    high = 1 if fitted[1][1] >= fitted[1][0] else 0
    odds = float(_density(value, fitted, high) - _density(value, fitted, 1 - high))
    mean = fitted[1][1 - high]
    if monotone and value < mean:
        return min(odds, mixture_log_odds(mean, fitted))
    return odds


def lfosa_log_odds(logits: np.ndarray, n_classes: int, *, monotone: bool = False) -> list[float]:
    """Per sample; -inf where the last output is the largest."""
    rows = logits.astype(np.float64)
    groups: dict[int, list[float]] = {}
    for row in rows:
        groups.setdefault(int(row.argmax()), []).append(float(row.max()))
    fitted = {c: mixture(group) for c, group in groups.items() if np.ptp(group) >= 1e-9}
    found = []
    for row in rows:
        predicted = int(row.argmax())
        if predicted == n_classes:
            found.append(-math.inf)
        elif predicted not in fitted:  # alone, or equal to all others
            found.append(0.0)
        else:
            found.append(mixture_log_odds(float(row.max()), fitted[predicted], monotone=monotone))
    return found


def lfosa_picks(
    logits: np.ndarray, n_classes: int, k: int, keys: np.ndarray, *, monotone: bool = False
) -> list[int]:
    """By log-odds, then activation, then key; predicted unknown last, by margin, then key."""
    odds = lfosa_log_odds(logits, n_classes, monotone=monotone)
    rows = logits.astype(np.float64)

    def rank(i: int) -> tuple[float, float, int]:
        unknown = rows[i].argmax() == n_classes
        second = rows[i, :n_classes].max() - (rows[i, n_classes] if unknown else 0.0)
        return -odds[i], -second, int(keys[i])

    return sorted(range(len(rows)), key=rank)[:k]


def _cosine(x: np.ndarray, y: np.ndarray) -> float:
    wide, other = x.astype(np.float64), y.astype(np.float64)
    lengths = np.linalg.norm(wide) * np.linalg.norm(other)
    return float(wide @ other / lengths) if lengths > 0 else 0.0


def _minmax(values: list[float]) -> list[float]:
    low, high = min(values), max(values)
    return [(one - low) / (high - low) if high > low else 0.0 for one in values]


def ccal_semantic(
    points: np.ndarray, anchors: np.ndarray, labels: np.ndarray
) -> tuple[list[float], list[int]]:
    """Cosine to the nearest anchor, and its class; of equal ones the first class."""
    cosines, classes = [], []
    for x in points:
        found = [(-_cosine(x, a), int(y)) for a, y in zip(anchors, labels, strict=True)]
        best = min(found)
        cosines.append(-best[0])
        classes.append(best[1])
    return cosines, classes


def ccal_closeness(points: np.ndarray, anchors: np.ndarray) -> list[float]:
    """To the anchors of one class, over all shifts, not scaled."""
    found = []
    for x in points:
        total = 0.0
        for s in range(points.shape[1]):
            near = sorted((-_cosine(x[s], a[s]), j) for j, a in enumerate(anchors))
            total -= near[0][0]
            if len(near) > 1:
                first, second = anchors[near[0][1]][s], anchors[near[1][1]][s]
                total += -near[0][0] + near[1][0] + _cosine(first, second)
        found.append(total / points.shape[1])
    return found


def ccal_picks(
    semantic: np.ndarray,
    semantic_anchors: np.ndarray,
    distinctive: np.ndarray,
    distinctive_anchors: np.ndarray,
    labels: np.ndarray,
    k: int,
    *,
    n_classes: int,
    keys: np.ndarray,
    sharpness: float = 100.0,
    threshold: float = 0.9,
    hard_gate: bool = False,
) -> list[int]:
    """Quotas class by class, then the best that are left."""
    n = len(semantic)
    cosines, classes = ccal_semantic(semantic, semantic_anchors, labels)
    similarity = _minmax(cosines)
    scaled = {
        c: _minmax(ccal_closeness(distinctive, distinctive_anchors[labels == c]))
        for c in set(labels.tolist())
    }
    scores = [
        math.tanh(sharpness * (similarity[i] - threshold) / 2) + 1 - scaled[classes[i]][i]
        for i in range(n)
    ]
    open_to = [similarity[i] > threshold or not hard_gate for i in range(n)]
    k, picks = min(k, n), []
    for c in range(n_classes):
        own = [i for i in range(n) if classes[i] == c and open_to[i]]
        own.sort(key=lambda i: (-scores[i], int(keys[i])))
        picks += own[: k // n_classes + (c < k % n_classes)]
    rest = [i for i in range(n) if i not in picks]
    rest.sort(key=lambda i: (not open_to[i], -(scores if open_to[i] else similarity)[i], keys[i]))
    return picks + rest[: k - len(picks)]
