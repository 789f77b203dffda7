"""How many samples of each class to keep: proportions, long tails, open-set shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from alscope.types import IntArray

__all__ = ["apportion", "open_sizes", "profile_shares", "take", "thin"]

# Shares are powers of a decimal fraction: 0.29 * 100 is 28.999999999999996 and means 29.
_ROUNDING = 1e-9


def apportion(counts: Sequence[int] | IntArray, total: int) -> IntArray:
    """How many to keep of each class so that `total` are kept in the classes' proportions.

    Webster's method: the k-th sample of a class with n samples has the priority (k - 1/2) / n, and
    the `total` smallest priorities win (ties: earlier class). Unlike largest remainders it is house
    monotone: a larger total never takes a sample away from a class, so subsamples nest.

    Args:
        counts: Samples available per class, (n_classes,).
        total: Samples to keep; all of them if there are fewer.

    Returns:
        Samples to keep per class, (n_classes,); sums to `min(total, counts.sum())`.
    """
    sizes = np.asarray(counts, dtype=np.int64)
    classes: IntArray = np.repeat(np.arange(sizes.size), sizes)
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    priority = (np.arange(classes.size) - starts + 0.5) / np.repeat(sizes, sizes)
    winners = classes[np.argsort(priority, kind="stable")[:total]]
    return np.bincount(winners, minlength=sizes.size).astype(np.int64)


def take(orders: Sequence[IntArray], counts: Sequence[int] | IntArray) -> IntArray:
    """The first `counts[c]` entries of every class's order, sorted.

    Args:
        orders: Per class, its indices in the order in which they are taken.
        counts: Per class, how many to take.
    """
    parts = [order[: int(n)] for order, n in zip(orders, counts, strict=True)]
    return np.sort(np.concatenate([np.empty(0, dtype=np.int64), *parts])).astype(np.int64)


def profile_shares(counts: IntArray, profile: str, ratio: float) -> NDArray[np.float64]:
    """Size of each class relative to the largest one, after thinning.

    The class with most samples is the head; ties go to the earlier class. With rho = 1 / ratio, the
    class of rank j (from 0) of C has the share rho^(j / (C - 1)) ("exponential") or 1 for the first
    ceil(C / 2) ranks and rho for the others ("step").

    Args:
        counts: Samples per class that decide the ranks, (n_classes,); at least two classes.
        profile: "exponential" or "step".
        ratio: Largest / smallest, >= 1.

    Returns:
        Shares in (0, 1], (n_classes,), in class order.
    """
    ranked = np.argsort(-counts, kind="stable")
    shares = np.empty(counts.size, dtype=np.float64)
    shares[ranked] = _PROFILES[profile](counts.size, 1.0 / ratio)
    return shares


def thin(counts: IntArray, shares: NDArray[np.float64]) -> IntArray:
    """The largest profile that the available samples allow.

    N = min_j floor(avail_j / f_j) and n_j = max(1, floor(N f_j)), never more than there are.

    Args:
        counts: Samples available per class, (n_classes,).
        shares: Share f of each class, (n_classes,).
    """
    head = np.floor(counts / shares + _ROUNDING).min()
    wanted = np.maximum(1, np.floor(head * shares + _ROUNDING)).astype(np.int64)
    kept: IntArray = np.minimum(counts, wanted)
    return kept


def open_sizes(ood_ratio: float, n_known: int, n_unknown: int) -> tuple[int, int]:
    """The most known and unknown samples with a given share of unknowns.

    One side is used completely and the other one is cut; the share is exact within one sample.

    Args:
        ood_ratio: Unknown / (known + unknown), in [0, 1).
        n_known: Known samples available.
        n_unknown: Unknown samples available.
    """
    wanted = ood_ratio / (1.0 - ood_ratio) * n_known
    if n_unknown >= wanted:
        return n_known, round(wanted)
    return round((1.0 - ood_ratio) / ood_ratio * n_unknown), n_unknown


def _exponential(n_classes: int, smallest: float) -> NDArray[np.float64]:
    exponents = np.arange(n_classes) / (n_classes - 1)
    return np.asarray(smallest**exponents, dtype=np.float64)


def _step(n_classes: int, smallest: float) -> NDArray[np.float64]:
    return np.where(np.arange(n_classes) < (n_classes + 1) // 2, 1.0, smallest)


_PROFILES: dict[str, Callable[[int, float], NDArray[np.float64]]] = {
    "exponential": _exponential,
    "step": _step,
}
