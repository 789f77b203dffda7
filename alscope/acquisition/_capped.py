"""A bounded part of a labeled set that still covers it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition.cover import k_center_greedy
from alscope.types import IntArray

__all__ = ["capped", "shares"]


def capped(points: NDArray[np.floating], labels: IntArray, cap: int) -> IntArray:
    """Positions of at most `cap` rows that cover every class.

    Classes get equal shares as far as they have rows; within a class rows are taken farthest-first,
    beginning with the one farthest from the mean. Ties go to the first row.

    Args:
        points: (n, n_features), finite.
        labels: Class of every row, (n,), at least 0.
        cap: How many rows at most.

    Returns:
        Ascending positions, (min(cap, n),).

    Raises:
        ShapeError: If points are no finite matrix; the message names the first row.

    References:
        Gonzalez 1985, Theor. Comput. Sci. 38.
    """
    if len(labels) <= cap:
        return np.arange(len(labels))
    kept = [np.empty(0, dtype=np.int64)]
    for label, share in enumerate(shares(np.bincount(labels), cap)):
        rows = np.flatnonzero(labels == label)
        if share:
            mean = points[rows].mean(axis=0, dtype=np.float64, keepdims=True)
            keys = np.arange(rows.size, dtype=np.uint64)
            kept.append(rows[k_center_greedy(points[rows], mean, int(share), keys=keys)])
    return np.sort(np.concatenate(kept))


def shares(counts: IntArray, total: int) -> IntArray:
    """Whole numbers as equal as possible, none above its count, with the sum min(total, all).

    Args:
        counts: Rows of each class, (n_classes,).
        total: What to share out.

    Returns:
        (n_classes,); what cannot be divided goes to the largest classes.
    """
    given = np.zeros_like(counts)
    for i, label in enumerate(np.argsort(counts, kind="stable")):
        given[label] = min(counts[label], (total - given.sum()) // (counts.size - i))
    return given
