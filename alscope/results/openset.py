"""Unknown classes in what was bought, and how well the model's doubt would have told them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["KINDS", "auroc", "ood_histogram", "openset_frame", "tradeoff_frame"]

KINDS = ("known class", "unknown class")
"""What a sample of an open set can be, in the words of charts."""


def openset_frame(rounds: pd.DataFrame, *, n_known_pool: int | None = None) -> pd.DataFrame:
    """Purity, recall of known samples and wasted labels of every query.

    Args:
        rounds: From `alscope.results.frames.rounds_frame`, of one scenario and seed or of many.
        n_known_pool: Samples of known classes in the pool before the first query; None: the data
            are not at hand, and recall is NaN.

    Returns:
        run_id, strategy, seed, round, purity (known share of the query), recall (known samples
        bought so far / known samples of the pool), wasted (labels of unknown classes bought so
        far), bought (labels bought so far); only rounds with a query.
    """
    asked = rounds[rounds["query_size"] > 0].sort_values(["run_id", "round"])
    runs = asked.groupby("run_id", sort=False)
    known = runs["n_known_queried"].cumsum()
    bought = runs["query_size"].cumsum()
    recall = known / n_known_pool if n_known_pool else np.nan
    return pd.DataFrame(
        {
            **{name: asked[name] for name in ("run_id", "strategy", "seed", "round", "purity")},
            "recall": recall,
            "wasted": bought - known,
            "bought": bought,
        }
    ).reset_index(drop=True)


def tradeoff_frame(rounds: pd.DataFrame) -> pd.DataFrame:
    """Purity of everything bought against the last accuracy, per strategy.

    Args:
        rounds: From `alscope.results.frames.rounds_frame`, of one scenario, last rounds included.

    Returns:
        strategy, purity (known share of all labels bought), accuracy (of the last evaluation), n
        (seeds): means over the runs that spent their whole budget.
    """
    last = rounds.loc[rounds.groupby("run_id")["round"].idxmax()]
    last = last[last["round"] == last["n_rounds"]]
    sums = rounds.groupby("run_id")[["n_known_queried", "query_size"]].sum()
    purity = sums["n_known_queried"] / sums["query_size"]
    runs = last.assign(purity=last["run_id"].map(purity))
    groups = runs.groupby("strategy", sort=True)
    frame = groups.agg(purity=("purity", "mean"), accuracy=("accuracy", "mean"), n=("seed", "size"))
    return frame.reset_index()


def ood_histogram(
    scores: NDArray[np.float64], unknown: NDArray[np.bool_], *, n_bins: int = 30
) -> pd.DataFrame:
    """Distribution of the OOD score over known and over unknown candidates.

    Args:
        scores: (n,), in [0, 1]; NaN (a model that diverged) is left out.
        unknown: (n,), True for samples of unknown classes.
        n_bins: Bins of equal width over [0, 1].

    Returns:
        kind (one of `KINDS`), low, high (edges), n, share (of the kind).
    """
    edges = np.linspace(0.0, 1.0, n_bins + 1)
    parts = []
    for kind, chosen in zip(KINDS, (~unknown, unknown), strict=True):
        values = scores[chosen & np.isfinite(scores)]
        counts = np.histogram(values, bins=edges)[0]
        parts.append(
            pd.DataFrame(
                {
                    "kind": kind,
                    "low": edges[:-1],
                    "high": edges[1:],
                    "n": counts,
                    "share": counts / max(values.size, 1),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def auroc(scores: NDArray[np.float64], unknown: NDArray[np.bool_]) -> float:
    """Chance that a random unknown sample scores above a random known one; ties count half.

    Args:
        scores: (n,); NaN is left out.
        unknown: (n,), True for samples of unknown classes.

    Returns:
        In [0, 1]; NaN if there is only one kind.
    """
    from scipy.stats import rankdata

    finite = np.isfinite(scores)
    positive = unknown[finite]
    n_high, n_low = int(positive.sum()), int((~positive).sum())
    if not n_high or not n_low:
        return float("nan")
    ranks = rankdata(scores[finite])
    return float((ranks[positive].sum() - n_high * (n_high + 1) / 2) / (n_high * n_low))
