"""Definitions of SIMILAR's functions, written to be obviously right and slow."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from tests import oracles

__all__ = [
    "flcmi_picks",
    "flcmi_value",
    "gradients",
    "greedy",
    "kernel",
    "log_det_kernel",
    "log_det_value",
]

_SAME = 1e-11  # gains this close are equal, and below it there is none


def gradients(logits: np.ndarray, embeddings: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Gradients of the cross-entropy in bias and weights of the last layer, one row each."""
    rows = []
    wide = logits.astype(np.float64)
    for prob, feature, label in zip(oracles.softmax(wide), embeddings, labels, strict=True):
        delta = prob - np.eye(len(prob))[label]
        rows.append(np.concatenate([delta, np.outer(delta, feature.astype(np.float64)).ravel()]))
    return np.array(rows)


def kernel(rows: np.ndarray) -> np.ndarray:
    """(1 + cosine) / 2 of every row with every other one."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return (1 + unit @ unit.T) / 2


def flcmi_value(
    chosen: Sequence[int], within: np.ndarray, ceilings: np.ndarray, floors: np.ndarray
) -> float:
    """sum_i max(min(max_{j in A} s_ij, ceiling_i) - floor_i, 0)."""
    total = 0.0
    for i in range(len(within)) if len(chosen) else ():
        nearest = max(within[i, j] for j in chosen)
        total += max(min(nearest, ceilings[i]) - floors[i], 0.0)
    return total


def log_det_kernel(
    whole: np.ndarray, n: int, n_query: int, *, eta: float = 1.0, nu: float = 1.0
) -> np.ndarray:
    """The kernel of pool, query set and private set, in this order, with weighted blocks."""
    pool, query, private = slice(n), slice(n, n + n_query), slice(n + n_query, None)
    between = math.cos(math.acos(eta) - math.acos(nu))
    result = whole.copy()
    for one, other, weight in (
        (pool, query, eta),
        (pool, private, nu),
        (query, private, between),
    ):
        result[one, other] *= weight
        result[other, one] *= weight
    return result


def log_det_value(
    chosen: Sequence[int],
    whole: np.ndarray,
    query: Sequence[int],
    private: Sequence[int],
    ridge: float,
) -> float:
    """f(A u P) + f(Q u P) - f(A u Q u P) - f(P), f the log-determinant with a ridge."""
    ridged = whole + ridge * np.eye(len(whole))

    def f(rows: list[int]) -> float:
        return float(np.linalg.slogdet(ridged[np.ix_(rows, rows)])[1]) if rows else 0.0

    a, q, p = list(chosen), list(query), list(private)
    return f(a + p) + f(q + p) - f(a + q + p) - f(p)


def greedy(
    value: Callable[[list[int]], float], n: int, k: int, keys: np.ndarray, *, stop: bool = False
) -> list[int]:
    """The sample that raises the value most, k times; optionally until none does."""
    taken: list[int] = []
    while len(taken) < k:
        before = value(taken)
        gains = {j: value([*taken, j]) - before for j in range(n) if j not in taken}
        best = max(gains.values())
        if stop and best <= _SAME:
            break
        tied = [j for j, gain in gains.items() if gain >= best - _SAME]
        taken.append(min(tied, key=lambda j: keys[j]))
    return taken


def flcmi_picks(
    within: np.ndarray, ceilings: np.ndarray, floors: np.ndarray, k: int, keys: np.ndarray
) -> list[int]:
    """Greedy; when nothing gains, the rest by ceiling minus floor."""
    n = len(within)
    taken = greedy(
        lambda chosen: flcmi_value(chosen, within, ceilings, floors), n, k, keys, stop=True
    )
    rest = [j for j in range(n) if j not in taken]
    margins = np.round(ceilings - floors, 10)
    return taken + sorted(rest, key=lambda j: (-margins[j], keys[j]))[: k - len(taken)]
