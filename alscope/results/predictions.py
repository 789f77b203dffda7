"""What the target model thought of the candidates, from the records of queries.

Runs that were recorded before predictions were stored have none; that is an answer, not an error.
The columns are documented in `docs/inspect.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alscope.errors import StoreError
from alscope.results.columns import Column
from alscope.results.frames import typed_frame
from alscope.store.runs import RunStore

__all__ = ["LIFE_COLUMNS", "PREDICTION_COLUMNS", "life_frame", "predictions_frame"]

PREDICTION_COLUMNS: Mapping[str, Column] = {
    "sample": Column("int64", "", "Row of the sample in the training part of the data set."),
    "predicted": Column("int64", "", "Index of the predicted class among the known classes."),
    "confidence": Column("float64", "share", "Largest class probability."),
    "ood_score": Column("float64", "", "1 - confidence; larger = more like an unknown class."),
    "place": Column(
        "float64", "", "Place by the strategy's own score, 0 is best; NaN without scores."
    ),
}
"""Columns of `predictions_frame`."""

LIFE_COLUMNS: Mapping[str, Column] = {
    "run_id": Column("str", "", "Content address of the run's configuration."),
    "strategy": Column("str", "", "Strategy with the parameters that were set."),
    "seed": Column("int64", "", "Trial seed."),
    "round": Column("int64", "", "Round, from 0."),
    **PREDICTION_COLUMNS,
    "n_candidates": Column("int64", "samples", "Candidates recorded in this round."),
    "picked": Column("bool", "", "The sample was bought in this round."),
}
"""Columns of `life_frame`."""


def predictions_frame(runs: RunStore, run_id: str, round: int) -> pd.DataFrame | None:
    """The candidates of one query, as the target model saw them.

    Args:
        runs: The run store.
        run_id: The run.
        round: Round number.

    Returns:
        One row per recorded candidate with the columns `PREDICTION_COLUMNS`, sorted by sample; None
        if the round has no query or its predictions were not stored.

    Raises:
        StoreError: If the record cannot be read.
    """
    arrays = _arrays(runs, run_id, round)
    if arrays is None:
        return None
    score = arrays["ood_score"].astype(np.float64)
    frame = pd.DataFrame(
        {
            "sample": arrays["id"].astype(np.int64),
            "predicted": arrays["predicted"].astype(np.int64),
            "confidence": 1.0 - score,
            "ood_score": score,
            "place": _places(arrays),
        }
    )
    return frame.astype({name: column.dtype for name, column in PREDICTION_COLUMNS.items()})


def life_frame(runs: RunStore, run_ids: Iterable[str], sample: int) -> pd.DataFrame:
    """One sample through the rounds of some runs, until it was bought.

    Args:
        runs: The run store.
        run_ids: Usually the strategies of one trial.
        sample: Row in the training part of the data set.

    Returns:
        One row per run and round in which the sample was recorded as a candidate, with the columns
        `LIFE_COLUMNS`.

    Raises:
        StoreError: If a record cannot be read.
    """
    rows: list[dict[str, Any]] = []
    for run_id in run_ids:
        config = runs.config(run_id)
        whose = {"run_id": run_id, "strategy": config.strategy.title, "seed": config.seed}
        for round in range(len(runs.history(run_id).rounds)):
            row = _seen(runs, run_id, round, sample)
            if row is not None:
                rows.append({**whose, "round": round, **row})
    return typed_frame(rows, LIFE_COLUMNS)


def _seen(runs: RunStore, run_id: str, round: int, sample: int) -> dict[str, Any] | None:
    arrays = _arrays(runs, run_id, round)
    if arrays is None:
        return None
    ids = arrays["id"]
    at = int(np.searchsorted(ids, sample))
    if at == ids.size or int(ids[at]) != sample:
        return None
    score = float(arrays["ood_score"][at])
    event = runs.history(run_id).rounds[round]
    bought = runs.blob(run_id, event.blobs["query"])["queried"]
    return {
        "sample": sample,
        "predicted": int(arrays["predicted"][at]),
        "confidence": 1.0 - score,
        "ood_score": score,
        "place": float(_places(arrays)[at]),
        "n_candidates": int(ids.size),
        "picked": bool((bought == sample).any()),
    }


def _arrays(runs: RunStore, run_id: str, round: int) -> dict[str, NDArray[Any]] | None:
    rounds = runs.history(run_id).rounds
    if not 0 <= round < len(rounds) or "predictions" not in rounds[round].blobs:
        return None
    arrays = runs.blob(run_id, rounds[round].blobs["predictions"])
    sizes = {arrays[name].size for name in ("id", "predicted", "ood_score") if name in arrays}
    if len(sizes) != 1 or not {"id", "predicted", "ood_score"} <= arrays.keys():
        raise StoreError(
            f"the predictions of round {round} of run {run_id} cannot be read; they were written "
            "by another version of ALScope or are damaged"
        )
    return arrays


def _places(arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    if "rank" not in arrays:
        return np.full(arrays["id"].size, np.nan)
    return arrays["rank"].astype(np.float64)
