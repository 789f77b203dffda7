"""How much two strategies buy the same: Jaccard indices of the sets they bought.

The index is |A and B| / |A or B|. Two strategies are compared on the same seed, where they start
from the same initial set. What one strategy buys on two seeds is the reference: it starts from
different sets, and still the two sets overlap more than chance would make them.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["BETWEEN_SEEDS", "OVERLAP_COLUMNS", "chance_overlap", "overlap_frame", "overlap_rounds"]

BETWEEN_SEEDS = "the same, other seeds"
"""Name of the reference curve in `overlap_rounds`."""

OVERLAP_COLUMNS = ("first", "second", "kind", "jaccard", "low", "high", "n")


class _Sets(NamedTuple):
    """Bought sets as rows of a matrix."""

    owners: list[tuple[str, int]]
    """Strategy and seed of each row."""
    jaccard: NDArray[np.float64]
    """(n, n); NaN where both sets are empty."""


def overlap_frame(queries: pd.DataFrame, *, upto: int, only: bool = False) -> pd.DataFrame:
    """Mean Jaccard index of every pair of strategies, and of every strategy with itself.

    Args:
        queries: From `alscope.results.frames.queries_frame`, of one scenario.
        upto: Last round that counts.
        only: Count this round alone instead of everything bought until then.

    Returns:
        first, second (strategies, both orders), kind ("same seed", or "other seeds" where first is
        second), jaccard (mean), low, high (smallest and largest), n (pairs of runs). Pairs of
        strategies without a common seed are absent.
    """
    sets = _sets(queries, upto=upto, only=only)
    found: dict[tuple[str, str], list[float]] = {}
    for (i, one), (j, other) in itertools.permutations(enumerate(sets.owners), 2):
        same_strategy, same_seed = one[0] == other[0], one[1] == other[1]
        if same_strategy != same_seed and (not same_strategy or i < j):
            found.setdefault((one[0], other[0]), []).append(float(sets.jaccard[i, j]))
    rows = [
        {
            "first": first,
            "second": second,
            "kind": "other seeds" if first == second else "same seed",
            "jaccard": float(np.mean(values)),
            "low": min(values),
            "high": max(values),
            "n": len(values),
        }
        for (first, second), values in sorted(found.items())
    ]
    return pd.DataFrame(rows, columns=list(OVERLAP_COLUMNS))


def overlap_rounds(queries: pd.DataFrame, strategy: str, *, only: bool = False) -> pd.DataFrame:
    """How much others share with one strategy, round by round.

    Args:
        queries: From `alscope.results.frames.queries_frame`, of one scenario.
        strategy: The one.
        only: Compare single queries instead of everything bought until then.

    Returns:
        strategy (the other one, or `BETWEEN_SEEDS` for the reference), round, jaccard, n.
    """
    parts = []
    for round in sorted(queries["round"].unique()):
        frame = overlap_frame(queries, upto=int(round), only=only)
        frame = frame[frame["first"] == strategy]
        name = frame["second"].where(frame["second"] != strategy, BETWEEN_SEEDS)
        parts.append(frame.assign(strategy=name, round=int(round)))
    columns = ["strategy", "round", "jaccard", "n"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def chance_overlap(size: int, n_pool: int) -> float:
    """Expected Jaccard index of two sets drawn at random from one pool.

    Args:
        size: Samples in each set.
        n_pool: Samples to draw from.

    Returns:
        The exact expectation over the hypergeometric number of common samples; NaN if nothing is
        drawn.
    """
    from scipy.stats import hypergeom

    if size <= 0 or size > n_pool:
        return float("nan")
    common = np.arange(max(0, 2 * size - n_pool), size + 1)
    chances = hypergeom(n_pool, size, size).pmf(common)
    return float((chances * common / (2 * size - common)).sum())


def _sets(queries: pd.DataFrame, *, upto: int, only: bool) -> _Sets:
    rounds = queries["round"]
    counted = queries[(rounds == upto) if only else (rounds <= upto)]
    groups: dict[tuple[str, int], NDArray[np.int64]] = {
        (str(rows["strategy"].iloc[0]), int(rows["seed"].iloc[0])): rows["sample"].to_numpy()
        for _, rows in counted.groupby(["strategy", "seed"], sort=True)
    }
    owners = list(groups)
    samples = np.unique(counted["sample"].to_numpy())
    member = np.zeros((len(owners), samples.size), dtype=np.float32)
    for row, bought in enumerate(groups.values()):
        member[row, np.searchsorted(samples, bought)] = 1
    common = (member @ member.T).astype(np.float64)  # (n, n), exact: counts are small integers
    sizes = member.sum(axis=1, dtype=np.float64)
    union = sizes[:, None] + sizes[None, :] - common
    with np.errstate(invalid="ignore"):
        return _Sets(owners, common / union)
