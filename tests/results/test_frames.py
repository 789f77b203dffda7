"""Frames from a run store: rows, columns, types, and scenarios that must not be confused."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from alscope.config import TrainConfig
from alscope.errors import StoreError
from alscope.results.columns import CLASS_COLUMNS, COLUMNS, METRICS, QUERY_COLUMNS, fill_tables
from alscope.results.frames import classes_frame, queries_frame, rounds_frame, scenario_titles
from alscope.store.runs import RunStore
from tests.results.records import make_run, make_store, round_data

DOCS = Path(__file__).parents[2] / "docs" / "results.md"


def dtypes(frame: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(dtype) for name, dtype in frame.dtypes.items()}


def test_there_is_one_row_per_run_and_recorded_round(tmp_path: Path) -> None:
    configs = [make_run("margin", 1), make_run("random", 0)]
    store = make_store(tmp_path, configs)
    frame = rounds_frame(store, [config.run_id for config in configs], study="s")

    assert frame[["strategy", "seed", "round", "n_annotated"]].to_numpy().tolist() == [
        ["margin", 1, 0, 10],
        ["margin", 1, 1, 15],
        ["margin", 1, 2, 20],
        ["random", 0, 0, 10],
        ["random", 0, 1, 15],
        ["random", 0, 2, 20],
    ]
    assert set(frame["study"]) == {"s"}


def test_a_row_holds_what_was_recorded(tmp_path: Path) -> None:
    config = make_run(seed=3)
    row = rounds_frame(make_store(tmp_path, [config]), [config.run_id]).iloc[1]

    assert row["run_id"] == config.run_id
    assert row["dataset"] == "digits"
    assert row["accuracy"] == pytest.approx(0.63)
    assert row["n_labeled"] + row["n_unknowns"] == row["n_annotated"] == 15
    assert row["wasted"] == 1
    assert row["purity"] == 0.8
    assert row["selection_s"] == row["load_s"] + row["inference_s"] + row["acquisition_s"]
    assert row["data_fingerprint"] == "abc"
    assert row["n_initial"] == 10
    assert row["n_rounds"] == 2


def test_the_last_round_has_no_query(tmp_path: Path) -> None:
    config = make_run()
    row = rounds_frame(make_store(tmp_path, [config]), [config.run_id]).iloc[-1]

    assert row["query_size"] == 0
    assert row["n_known_queried"] == 0
    assert math.isnan(row["purity"])


def test_columns_and_types_are_those_of_the_table_also_without_rows(tmp_path: Path) -> None:
    config = make_run()
    full, empty = make_store(tmp_path / "full", [config]), RunStore(tmp_path / "empty")
    for read, columns in (
        (rounds_frame, COLUMNS),
        (queries_frame, QUERY_COLUMNS),
        (classes_frame, CLASS_COLUMNS),
    ):
        expected = {name: column.dtype for name, column in columns.items()}

        assert dtypes(read(full, [config.run_id])) == expected
        assert dtypes(read(empty, [config.run_id])) == expected
        assert dtypes(read(full, [])) == expected


def test_an_unfinished_run_gives_the_rounds_it_has(tmp_path: Path) -> None:
    config = make_run()
    store = make_store(tmp_path, [config], n_recorded=2)

    assert rounds_frame(store, [config.run_id])["round"].tolist() == [0, 1]


def test_there_is_one_row_per_queried_sample_in_order_of_preference(tmp_path: Path) -> None:
    config = make_run()
    frame = queries_frame(make_store(tmp_path, [config]), [config.run_id])
    second = frame[frame["round"] == 1]

    assert len(frame) == 10
    assert second["rank"].tolist() == [0, 1, 2, 3, 4]
    assert second["sample"].tolist() == [104, 103, 102, 101, 100]
    assert second["label"].tolist() == [0, 1, -1, 1, 0]
    assert second["known"].tolist() == [True, True, False, True, True]
    assert second["score"].tolist() == [1.0, 0.75, 0.5, 0.25, 0.0]


def test_a_query_without_scores_has_no_scores(tmp_path: Path) -> None:
    config = make_run()
    store = RunStore(tmp_path)
    with store.open(store.create(config)) as writer:
        arrays = {"queried": [7], "labels": [1]}
        blobs = {"query": {name: pd.Series(values).to_numpy() for name, values in arrays.items()}}
        writer.append("round", round_data(config, 0), blobs=blobs)

    assert queries_frame(store, [config.run_id])["score"].isna().all()


def test_there_is_one_row_per_known_class(tmp_path: Path) -> None:
    config = make_run()
    frame = classes_frame(make_store(tmp_path, [config]), [config.run_id])
    last = frame[frame["round"] == 2]

    assert last["class_index"].tolist() == [0, 1]
    assert last["n_labeled"].tolist() == [7, 6]
    assert last["n_queried"].tolist() == [0, 0]
    assert last["recall"].iloc[0] == 0.5
    assert math.isnan(last["recall"].iloc[1])


def test_a_record_that_lacks_a_field_is_named(tmp_path: Path) -> None:
    config = make_run()
    store = RunStore(tmp_path)
    data = round_data(config, 0)
    del data["result"]["metrics"]["accuracy"]
    with store.open(store.create(config)) as writer:
        writer.append("round", data)

    with pytest.raises(StoreError, match=f"record 0 of run {config.run_id}.*'accuracy'"):
        rounds_frame(store, [config.run_id])


def test_different_scenarios_never_share_a_title() -> None:
    configs = [
        make_run(query_size=5),
        make_run(query_size=10),
        make_run(query_size=5, train=TrainConfig(lr=0.5)),
        make_run(dataset="mnist"),
    ]

    assert sorted(scenario_titles(configs).values()) == [
        "digits · query_size 10 · lr 0.001",
        "digits · query_size 5 · lr 0.001",
        "digits · query_size 5 · lr 0.5",
        "mnist",
    ]


def test_seeds_and_strategies_do_not_change_the_title() -> None:
    configs = [make_run("margin", 0), make_run("random", 1)]

    assert list(scenario_titles(configs).values()) == ["digits"]


def test_every_metric_is_a_column() -> None:
    assert set(METRICS) <= set(COLUMNS)


def test_the_documentation_lists_exactly_these_columns() -> None:
    page = DOCS.read_text(encoding="utf-8")

    assert fill_tables(page) == page
    for columns in (COLUMNS, QUERY_COLUMNS, CLASS_COLUMNS):
        assert all(f"| `{name}` |" in page for name in columns)
