"""Which samples were bought: by one query, by everybody, by nobody."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from alscope.types import IntArray

__all__ = ["PICK_COLUMNS", "first_pickers", "picked_by_every", "picked_by_none", "picks_frame"]

PICK_COLUMNS = (
    "sample",
    "round",
    "rank",
    "label",
    "known",
    "score",
    "predicted",
    "confidence",
    "ood_score",
)


def picks_frame(
    samples: IntArray,
    *,
    queries: pd.DataFrame,
    predictions: pd.DataFrame | None,
) -> pd.DataFrame:
    """Samples with what the annotator said and what the model thought.

    Args:
        samples: Which ones, in the order of the rows.
        queries: Rows of `alscope.results.frames.queries_frame` of one run; samples that it does not
            hold get a round and a rank of -1 and no answer.
        predictions: From `alscope.results.predictions.predictions_frame`; None: not stored.

    Returns:
        The columns `PICK_COLUMNS`: label (-1: unknown class or not asked), known (False where not
        asked), score, predicted (-1: not recorded), confidence, ood_score (NaN: not recorded).
    """
    frame = pd.DataFrame({"sample": np.asarray(samples, dtype=np.int64)})
    asked = queries[["sample", "round", "rank", "label", "known", "score"]]
    frame = frame.merge(asked, on="sample", how="left")
    if predictions is None:
        frame = frame.assign(predicted=-1, confidence=np.nan, ood_score=np.nan)
    else:
        thought = predictions[["sample", "predicted", "confidence", "ood_score"]]
        frame = frame.merge(thought, on="sample", how="left")
    absent = {"round": -1, "rank": -1, "label": -1, "predicted": -1}
    frame = frame.fillna(absent).astype(dict.fromkeys(absent, "int64"))
    known = frame["known"].eq(True)  # a missing answer is not a known class
    return frame.assign(known=known)[list(PICK_COLUMNS)]


def picked_by_every(queries: pd.DataFrame, strategies: Iterable[str], *, upto: int) -> IntArray:
    """Samples that every one of some strategies had bought by the end of a round, sorted.

    Args:
        queries: From `alscope.results.frames.queries_frame`, of one scenario and seed.
        strategies: Titles.
        upto: Last round that counts.
    """
    bought = queries[queries["round"] <= upto]
    wanted = list(dict.fromkeys(strategies))
    counts = (
        bought[bought["strategy"].isin(wanted)]
        .drop_duplicates(["strategy", "sample"])
        .groupby("sample")
        .size()
    )
    return np.sort(counts.index[counts == len(wanted)].to_numpy(dtype=np.int64))


def picked_by_none(queries: pd.DataFrame, pool: IntArray, *, upto: int) -> IntArray:
    """Samples of a pool that nobody had bought by the end of a round, sorted.

    Args:
        queries: From `alscope.results.frames.queries_frame`, of one scenario and seed.
        pool: Candidates of the first query.
        upto: Last round that counts.
    """
    bought = queries.loc[queries["round"] <= upto, "sample"].to_numpy()
    return np.setdiff1d(pool, bought)


def first_pickers(queries: pd.DataFrame, *, upto: int) -> pd.DataFrame:
    """Who bought each sample first.

    Args:
        queries: From `alscope.results.frames.queries_frame`, of one scenario and seed.
        upto: Last round that counts.

    Returns:
        sample, strategy, round; one row per sample bought. Where several strategies bought it in
        the same round, the one that ranked it higher is named, then the first by name.
    """
    bought = queries[queries["round"] <= upto]
    ordered = bought.sort_values(["round", "rank", "strategy"], kind="stable")
    return (
        ordered.drop_duplicates("sample")[["sample", "strategy", "round"]]
        .sort_values("sample")
        .reset_index(drop=True)
    )
