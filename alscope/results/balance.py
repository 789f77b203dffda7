"""Classes of what was bought: against the pool, and over the rounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["SERIES", "balance_frame", "shares_frame"]

SERIES = ("pool", "this query", "labeled so far")
"""What a share of a class can be taken of."""


def shares_frame(
    classes: pd.DataFrame,
    *,
    round: int,
    class_names: Sequence[str] = (),
    pool_counts: NDArray[np.int64] | None = None,
) -> pd.DataFrame:
    """Share of every known class in the pool, in one query and in the labeled set before it.

    Args:
        classes: From `alscope.results.frames.classes_frame`, of one run.
        round: Round number.
        class_names: Names of the known classes in label order; numbers are shown without.
        pool_counts: Samples of every known class in the pool before the first query, (n_classes,);
            None: the data are not at hand, and the pool is left out.

    Returns:
        class_index, class_name, series (one of `SERIES`), n, share; a series without any sample is
        left out.
    """
    rows = classes[classes["round"] == round].sort_values("class_index")
    counts = {
        "pool": pool_counts,
        "this query": rows["n_queried"].to_numpy(),
        "labeled so far": rows["n_labeled"].to_numpy(),
    }
    index = rows["class_index"].to_numpy()
    names = [class_names[i] if i < len(class_names) else str(i) for i in index]
    parts = [
        pd.DataFrame(
            {
                "class_index": index,
                "class_name": names,
                "series": series,
                "n": values,
                "share": values / values.sum(),
            }
        )
        for series, values in counts.items()
        if values is not None and values.sum()
    ]
    columns = ["class_index", "class_name", "series", "n", "share"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def balance_frame(classes: pd.DataFrame) -> pd.DataFrame:
    """How uneven the labeled set is, and what the worst class suffers, round by round.

    Args:
        classes: From `alscope.results.frames.classes_frame`, of one scenario.

    Returns:
        run_id, strategy, seed, round, n_annotated, imbalance_ratio (largest / smallest class of
        the labeled set; NaN while a class has no sample), n_missing (classes without a sample),
        worst_recall (smallest test recall of a class; NaN if no class was tested), worst_class
        (its index, -1 if there is none).
    """
    rows = []
    for key, group in classes.groupby(["run_id", "strategy", "seed", "round"], sort=True):
        counts, recalls = group["n_labeled"].to_numpy(), group["recall"].to_numpy()
        tested = np.isfinite(recalls)
        worst = int(np.argmin(np.where(tested, recalls, np.inf))) if tested.any() else -1
        rows.append(
            {
                **dict(zip(("run_id", "strategy", "seed", "round"), key, strict=True)),
                "n_annotated": int(group["n_annotated"].iloc[0]),
                "imbalance_ratio": counts.max() / counts.min() if counts.min() else np.nan,
                "n_missing": int((counts == 0).sum()),
                "worst_recall": float(recalls[worst]) if worst >= 0 else np.nan,
                "worst_class": int(group["class_index"].iloc[worst]) if worst >= 0 else -1,
            }
        )
    columns = "run_id strategy seed round n_annotated imbalance_ratio n_missing worst_recall "
    return pd.DataFrame(rows, columns=[*columns.split(), "worst_class"])
