"""Definitions of the acquisition functions, written to be obviously right and slow.

Everything is float64 and goes sample by sample; higher scores are more worth labelling; ties are
broken by (key, position).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

__all__ = [
    "badge_picks",
    "badge_weights",
    "best_radius",
    "cover_radius",
    "entropy",
    "gradients",
    "k_center_picks",
    "least_confidence",
    "margin",
    "mutual_information",
    "ranked",
    "softmax",
    "splitmix64",
]

_MASK = (1 << 64) - 1


def splitmix64(x: int) -> int:
    """The finaliser on Python integers, exact on every platform."""
    x = (x + 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


def ranked(scores: Sequence[float], k: int, keys: Sequence[int]) -> list[int]:
    """The k best positions of a full sort."""
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], int(keys[i]), i))
    return order[: max(0, k)]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Row by row, in extended precision where the platform has it."""
    wide = logits.astype(np.longdouble)
    exps = np.exp(wide - wide.max(axis=1, keepdims=True))
    return (exps / exps.sum(axis=1, keepdims=True)).astype(np.float64)


def entropy(probs: np.ndarray) -> np.ndarray:
    """-sum p log p with 0 log 0 = 0."""
    return np.array([-sum(p * math.log(p) for p in row if p > 0) for row in probs])


def margin(probs: np.ndarray) -> np.ndarray:
    """Second largest minus largest."""
    return np.array([sorted(row)[-2] - sorted(row)[-1] for row in probs])


def least_confidence(probs: np.ndarray) -> np.ndarray:
    """One minus the largest."""
    return np.array([1 - max(row) for row in probs])


def mutual_information(passes: np.ndarray) -> np.ndarray:
    """Entropy of the mean minus mean of the entropies, for (n_samples, n, n_classes)."""
    means = np.mean([entropy(one) for one in passes], axis=0)
    return entropy(passes.mean(axis=0)) - means


def k_center_picks(points: np.ndarray, centres: np.ndarray, k: int, keys: np.ndarray) -> list[int]:
    """Farthest first: every distance to every centre is computed anew for every pick."""
    taken: list[int] = []
    near = [np.asarray(centre, dtype=np.float64) for centre in centres]
    rows = points.astype(np.float64)
    while len(taken) < min(k, len(rows)):
        free = [i for i in range(len(rows)) if i not in taken]
        distances = [((rows - centre) ** 2).sum(axis=1) for centre in near]
        least = np.min(distances, axis=0) if near else np.full(len(rows), np.inf)
        taken.append(min(free, key=lambda i: (-least[i], int(keys[i]))))
        near.append(rows[taken[-1]])
    return taken


def cover_radius(points: np.ndarray, centres: np.ndarray) -> float:
    """Largest distance of a point to its nearest centre."""
    return max(min(float(np.linalg.norm(p - c)) for c in centres) for p in points)


def best_radius(points: np.ndarray, centres: np.ndarray, k: int) -> float:
    """Smallest radius that adding any k of the points to the centres could give."""
    subsets = itertools.combinations(range(len(points)), k)
    return min(cover_radius(points, np.vstack([centres, points[list(s)]])) for s in subsets)


def gradients(embeddings: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """(probs - onehot(argmax)) outer embedding, flattened to (n, n_classes * n_features)."""
    wide = embeddings.astype(np.float64)
    onehot = np.eye(probs.shape[1])[probs.argmax(axis=1)]
    return np.stack([np.outer(p, h).ravel() for p, h in zip(probs - onehot, wide, strict=True)])


def badge_weights(vectors: np.ndarray, picks: Sequence[int]) -> np.ndarray:
    """Squared distance to the nearest pick, 0 for picks."""
    weights = np.min([((vectors - vectors[i]) ** 2).sum(axis=1) for i in picks], axis=0)
    weights[list(picks)] = 0.0
    return weights


def badge_picks(
    vectors: np.ndarray, k: int, uniforms: Sequence[float], keys: np.ndarray
) -> list[int]:
    """k-means++: the longest vector, then draw i of the picks by inverse CDF at uniforms[i]."""
    picks = ranked((vectors**2).sum(axis=1), min(k, 1), keys)
    while len(picks) < min(k, len(vectors)):
        weights = badge_weights(vectors, picks)
        if weights.sum() > 0:
            threshold = uniforms[len(picks)] * weights.sum()
            sums = np.cumsum(weights)
            pick = next(i for i in range(len(weights)) if sums[i] > threshold)
        else:
            pick = next(i for i in ranked(weights, len(weights), keys) if i not in picks)
        picks.append(pick)
    return picks
