"""Greedy selection when what a sample gains can only fall while others are taken."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition.ranking import first_of, narrowed
from alscope.progress import report
from alscope.types import IntArray

__all__ = ["Gains", "first_rows", "lazy_greedy"]

_LAST = (np.inf, 0)  # behind everybody


class Gains(Protocol):
    """What each of a set of rows would gain; it never rises while rows are taken."""

    def scores(self) -> NDArray[np.float64]:
        """Present gains, (n,); a new array."""

    def take(self, rows: IntArray) -> None:
        """Account for rows that were taken, given by their positions in this set."""

    def among(self, rows: IntArray) -> Gains:
        """A copy for some rows only, cheaper to keep up to date."""


def lazy_greedy(
    gains: Gains,
    k: int,
    *,
    keys: NDArray[np.uint64],
    n_candidates: int,
    leaders: tuple[int, ...] = (),
    taken: tuple[int, ...] = (),
) -> IntArray:
    """Take the row with the highest gain, k times in all; ties by key.

    A gain computed earlier bounds today's from above. While the best of a few candidates gains more
    than the bound of everybody else, it is the best of all, and only the candidates need to be kept
    up to date; the others catch up with many picks at once. Picks are those of the plain method.

    Args:
        gains: Of all rows, accounting for `taken`; changed.
        k: How many, at most the number of rows.
        keys: Keys that break ties, (n,).
        n_candidates: Rows kept up to date between two passes over all.
        leaders: How many of them lead, how many lead those, and so on. Only the last are kept up
            to date after every pick; the others catch up as all rows do.
        taken: Rows taken before, which are the first picks.

    Returns:
        Distinct positions, (k,), int64, in the order taken.

    References:
        Minoux 1978, Accelerated greedy algorithms for maximizing submodular set functions.
    """
    picks = list(taken)
    while len(picks) < k:
        scores = gains.scores()
        scores[picks] = -np.inf
        sizes = (n_candidates, *leaders)
        found = _among_candidates(gains, scores, k - len(picks), keys, sizes, _LAST)
        picks += found.tolist()
        report(len(picks), k)
        if len(picks) < k:
            gains.take(found)
    return np.array(picks, dtype=np.int64)


def _among_candidates(
    gains: Gains,
    scores: NDArray[np.float64],
    k: int,
    keys: NDArray[np.uint64],
    sizes: tuple[int, ...],
    limit: tuple[float, int],
) -> IntArray:
    # At most k picks; stops when somebody outside, who comes at `limit`, might come first.
    candidates, bound, bound_key = first_rows(scores, sizes[0], keys)
    limit = min(limit, (-bound, bound_key))
    local, block_keys = scores[candidates], keys[candidates]
    gone = np.isneginf(local)
    block = gains.among(candidates)
    found: list[int] = []
    while len(found) < k:
        if len(sizes) > 1:
            left = k - len(found)
            best = _among_candidates(block, local, left, block_keys, sizes[1:], limit)
        else:
            best = _first_within(local, block_keys, limit)
        if not best.size:
            break
        found += best.tolist()
        gone[best] = True
        block.take(best)
        local = block.scores()
        local[gone] = -np.inf
    return candidates[found]


def _first_within(
    scores: NDArray[np.float64], keys: NDArray[np.uint64], limit: tuple[float, int]
) -> IntArray:
    best = first_of(scores, keys=keys)
    within = (-scores[best], int(keys[best])) <= limit
    return np.array([best] if within else [], dtype=np.int64)


def first_rows(
    scores: NDArray[np.floating], n: int, keys: NDArray[np.uint64]
) -> tuple[IntArray, float, int]:
    """The first n rows by (score, key), and score and key of the first of the others.

    Keys matter where very many rows gain the same, as rows of saturated predictions do.
    """
    if n >= len(scores):
        return np.arange(len(scores), dtype=np.int64), -np.inf, 0
    rows = narrowed(scores, n + 1)
    found = scores[rows]
    bound = np.partition(found, len(found) - n - 1)[len(found) - n - 1]
    above, tied = rows[found > bound], rows[found == bound]
    tied = tied[np.argsort(keys[tied], kind="stable")]
    n_tied = n - above.size
    return np.concatenate([above, tied[:n_tied]]), float(bound), int(keys[tied[n_tied]])
