"""Results made by hand: records in a run store, and frames without one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alscope.config import (
    BackboneConfig,
    RunConfig,
    ScenarioConfig,
    StrategySpec,
    TrainConfig,
)
from alscope.results.columns import COLUMNS
from alscope.results.frames import typed_frame
from alscope.store.runs import RunStore

_DEFAULTS = {"str": "", "int64": 0, "float64": 0.0, "bool": False}

Curve = Sequence[float] | Callable[[int], Sequence[float]]


def make_run(
    strategy: str = "margin", seed: int = 0, *, train: TrainConfig | None = None, **scenario: Any
) -> RunConfig:
    base: dict[str, Any] = {"n_initial": 10, "query_size": 5, "n_rounds": 2}
    return RunConfig(
        scenario=ScenarioConfig(**{**base, **scenario}),
        backbone=BackboneConfig(name="mlp"),
        train=train or TrainConfig(),
        strategy=StrategySpec(name=strategy),
        seed=seed,
    )


def make_store(folder: Path, configs: Sequence[RunConfig], *, n_recorded: int = 99) -> RunStore:
    store = RunStore(folder)
    for config in configs:
        record_run(store, config, n_recorded=n_recorded)
    return store


def record_run(store: RunStore, config: RunConfig, *, n_recorded: int = 99) -> str:
    """Record rounds the way the engine does; "done" is written if all of them are."""
    run_id = store.create(config)
    with store.open(run_id) as writer:
        writer.append("started", {"env": {}})
        for number in range(config.scenario.n_rounds + 1)[:n_recorded]:
            blobs = {} if number == config.scenario.n_rounds else {"query": query_arrays(number)}
            writer.append("round", round_data(config, number), blobs=blobs)
        if n_recorded > config.scenario.n_rounds:
            writer.append("done", {})
    return run_id


def query_arrays(number: int) -> dict[str, Any]:
    samples = np.arange(5, dtype=np.int64)[::-1] + 100 * number
    labels = np.array([0, 1, -1, 1, 0], dtype=np.int64)
    return {"queried": samples, "labels": labels, "scores": np.linspace(1.0, 0.0, 5)}


def round_data(config: RunConfig, number: int) -> dict[str, Any]:
    n_unknowns = number
    bought = number < config.scenario.n_rounds
    n_annotated = config.scenario.n_initial + number * config.scenario.query_size
    query = {"size": 5, "n_known": 4, "n_unknown": 1, "purity": 0.8, "class_counts": [2, 2]}
    metrics: dict[str, Any] = dict.fromkeys(
        ["balanced_accuracy", "macro_precision", "macro_recall", "macro_f1", "nll", "ece"], 0.25
    )
    metrics |= {"accuracy": 0.5 + 0.1 * number + 0.01 * config.seed}
    metrics |= {"per_class_recall": [0.5, None], "n_test": 40}
    return {
        "result": {
            "round": number,
            "n_annotated": n_annotated,
            "n_labeled": n_annotated - n_unknowns,
            "n_unknowns": n_unknowns,
            "n_pool": 200 - n_annotated,
            "metrics": metrics,
            "class_counts": [5 + number, 4 + number],
            "train": {"steps": 10, "epochs": 1, "loss": 0.1, "accuracy": 1.0, "retries": 0},
            "query": query | {"diagnostics": {}} if bought else None,
        },
        "timing": {
            "train_s": 1.0,
            "evaluate_s": 0.5,
            "load_s": 0.25,
            "inference_s": 0.5,
            "acquisition_s": 0.125,
            "aux_s": 0.0,
            "selection_s": 0.875,
            "executed_s": 2.0,
            "recording_s": 0.0,
            "train_cached": number == 0,
            "inputs_cached": False,
            "contended": False,
        },
        "env": {"device": "cpu", "n_threads": 1, "data_fingerprint": "abc"},
    }


def make_rounds(
    curves: dict[str, Curve],
    *,
    seeds: Sequence[int] = (0, 1, 2),
    n_rounds: int | None = None,
    scenario: str = "digits",
    metric: str = "accuracy",
    **values: Any,
) -> pd.DataFrame:
    """A rounds frame in which every seed of a strategy has the given curve.

    A curve is a sequence of values, 10 labels apart, or a function of the seed returning one.
    """
    rows = []
    for strategy, curve in curves.items():
        for seed in seeds:
            heights = curve(seed) if callable(curve) else curve
            for number, height in enumerate(heights):
                row = {name: _DEFAULTS[column.dtype] for name, column in COLUMNS.items()}
                row |= {
                    "run_id": f"{scenario}-{strategy}-{seed}",
                    "scenario": scenario,
                    "strategy": strategy,
                    "seed": seed,
                    "round": number,
                    "n_rounds": len(heights) - 1 if n_rounds is None else n_rounds,
                    "n_annotated": 10 * (number + 1),
                    "query_size": 10 if number < len(heights) - 1 else 0,
                    "device": "cpu",
                    "n_threads": 1,
                    "data_fingerprint": "abc",
                    metric: height,
                }
                rows.append(row | values)
    return typed_frame(rows, COLUMNS)
