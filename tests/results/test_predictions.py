"""Recorded predictions as frames, from records made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alscope.errors import StoreError
from alscope.results.predictions import (
    LIFE_COLUMNS,
    PREDICTION_COLUMNS,
    life_frame,
    predictions_frame,
)
from alscope.store.runs import RunStore
from tests.results.records import make_run, make_store, query_arrays, round_data


def predictions(number: int, *, ranked: bool = True) -> dict[str, np.ndarray]:
    ids = np.setdiff1d(np.arange(0, 105), np.arange(5) + 100 * (number - 1)).astype(np.uint8)
    arrays = {
        "id": ids,
        "predicted": (ids % 3).astype(np.uint8),
        "ood_score": (ids / 256).astype(np.float16),
    }
    return arrays | ({"rank": ids[::-1].copy()} if ranked else {})


def make_predicted(folder: Path, *, ranked: bool = True, damaged: bool = False) -> RunStore:
    store, config = RunStore(folder), make_run()
    with store.open(store.create(config)) as writer:
        for number in range(3):
            arrays = predictions(number, ranked=ranked)
            if damaged:
                arrays["predicted"] = arrays["predicted"][1:]
            blobs = {"query": query_arrays(number), "predictions": arrays}
            writer.append("round", round_data(config, number), blobs=blobs if number < 2 else {})
    return store


def test_a_frame_holds_what_was_recorded_with_fixed_types(tmp_path: Path) -> None:
    frame = predictions_frame(make_predicted(tmp_path), make_run().run_id, 0)
    unranked = predictions_frame(make_predicted(tmp_path / "b", ranked=False), make_run().run_id, 0)

    assert frame is not None
    assert unranked is not None
    assert list(frame.columns) == list(PREDICTION_COLUMNS)
    assert frame["predicted"].tolist() == (frame["sample"] % 3).tolist()
    assert np.allclose(frame["confidence"], 1 - frame["sample"] / 256, atol=1e-3)
    assert frame.dtypes.equals(unranked.dtypes)
    assert unranked["place"].isna().all()


def test_runs_recorded_without_predictions_say_none(tmp_path: Path) -> None:
    store = make_store(tmp_path, [make_run()])

    assert predictions_frame(store, make_run().run_id, 0) is None
    assert predictions_frame(store, make_run().run_id, 99) is None
    life = life_frame(store, [make_run().run_id], 4)
    assert life.empty
    assert list(life.columns) == list(LIFE_COLUMNS)


def test_a_life_ends_with_the_query_that_bought_the_sample(tmp_path: Path) -> None:
    store, run_id = make_predicted(tmp_path), make_run().run_id

    bought, kept = life_frame(store, [run_id], 3), life_frame(store, [run_id], 50)

    assert bought["picked"].tolist() == [True]
    assert kept["round"].tolist() == [0, 1]
    assert kept["picked"].tolist() == [False, False]
    assert kept["predicted"].tolist() == [2, 2]
    assert life_frame(store, [run_id], 9999).empty


def test_a_record_that_does_not_fit_together_is_an_error_in_words(tmp_path: Path) -> None:
    store = make_predicted(tmp_path, damaged=True)

    with pytest.raises(StoreError, match="predictions of round 0"):
        predictions_frame(store, make_run().run_id, 0)
