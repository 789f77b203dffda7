"""Definitions of the class-balanced methods, written to be obviously right and slow."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from tests import oracles

__all__ = ["batch_cost", "best_batch", "coreset_cb_picks", "dual_bound", "overshoot", "quotas"]


def quotas(counts: Sequence[int], k: int) -> list[float]:
    """What each class lacks of an equal share of all labels."""
    share = (sum(counts) + k) / len(counts)
    return [max(0.0, share - count) for count in counts]


def overshoot(soft_counts: np.ndarray, wanted: np.ndarray) -> float:
    """Soft counts above quota."""
    return float(sum(max(0.0, s - q) for s, q in zip(soft_counts, wanted, strict=True)))


def batch_cost(probs: np.ndarray, wanted: np.ndarray, weight: float, batch: Iterable[int]) -> float:
    """sum_i sum_c p log p + weight * |quotas - sum of probs|_1 over the batch."""
    rows = probs[list(batch)]
    distance = sum(abs(q - s) for q, s in zip(wanted, rows.sum(axis=0), strict=True))
    return float(weight * distance - oracles.entropy(rows).sum())


def best_batch(probs: np.ndarray, wanted: np.ndarray, weight: float, k: int) -> tuple[float, set]:
    """The cheapest of all batches, and its cost."""
    batches = itertools.combinations(range(len(probs)), k)
    cost, batch = min((batch_cost(probs, wanted, weight, batch), batch) for batch in batches)
    return cost, set(batch)


def dual_bound(probs: np.ndarray, wanted: np.ndarray, k: int, prices: np.ndarray) -> float:
    """prices.quotas + the k smallest of U_i - p_i.prices."""
    reduced = sorted(-oracles.entropy(probs) - probs @ prices)
    return float(prices @ wanted + sum(reduced[:k]))


def coreset_cb_picks(
    points: np.ndarray,
    centres: np.ndarray,
    probs: np.ndarray,
    k: int,
    *,
    wanted: np.ndarray,
    weight: float,
    keys: np.ndarray,
) -> list[int]:
    """Every distance and every class term is computed anew for every pick.

    Gains are rounded: where the class term is constant, its rounding must not break ties.
    """
    taken: list[int] = []
    near = [np.asarray(centre, dtype=np.float64) for centre in centres]
    rows, counts = points.astype(np.float64), np.zeros(probs.shape[1])
    while len(taken) < min(k, len(rows)):
        free = [i for i in range(len(rows)) if i not in taken]
        apart = [[float(np.linalg.norm(row - centre)) for centre in near] for row in rows]
        gains = [
            round(
                min(apart[i], default=0.0) - weight * np.abs(wanted - counts - probs[i]).sum(), 12
            )
            for i in range(len(rows))
        ]
        taken.append(min(free, key=lambda i: (-gains[i], int(keys[i]))))
        near.append(rows[taken[-1]])
        counts = counts + probs[taken[-1]]
    return taken
