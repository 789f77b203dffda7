"""From the run store to tidy frames: one row per observation, one column per variable.

The columns are defined in `alscope.results.columns` and have the same types in every frame, empty
ones included.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pandas as pd

from alscope.config import RunConfig
from alscope.errors import StoreError
from alscope.results.columns import CLASS_COLUMNS, COLUMNS, METRICS, QUERY_COLUMNS, Column
from alscope.store.journal import Event, RunHistory
from alscope.store.runs import RunStore
from alscope.types import CAUTION

__all__ = ["classes_frame", "queries_frame", "rounds_frame", "scenario_titles"]

_Rows = Iterable[dict[str, Any]]
_TIMES = (
    "train_s",
    "evaluate_s",
    "load_s",
    "inference_s",
    "acquisition_s",
    "aux_s",
    "selection_s",
    "executed_s",
    "recording_s",
)


def rounds_frame(
    runs: RunStore,
    run_ids: Iterable[str],
    *,
    study: str = "",
    progress: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """One row per run and recorded round.

    Args:
        runs: The run store.
        run_ids: Runs to read, in the order of the rows; unfinished ones give the rounds they have.
            Runs that were never created are left out.
        study: Written to the column `study`.
        progress: Called before each run with the number of runs read so far.

    Returns:
        Columns as in `COLUMNS`.

    Raises:
        StoreError: If a record lacks a field; the message names the run, the round and the field.
    """
    read = itertools.count()

    def rows(config: RunConfig) -> list[dict[str, Any]]:
        if progress is not None:
            progress(next(read))
        return runs.derived(config.run_id, "rounds", lambda history: _round_rows(config, history))

    return _frame(runs, run_ids, COLUMNS, rows, {"study": study})


def queries_frame(runs: RunStore, run_ids: Iterable[str]) -> pd.DataFrame:
    """One row per queried sample.

    Args:
        runs: The run store.
        run_ids: Runs to read, in the order of the rows.

    Returns:
        Columns as in `QUERY_COLUMNS`.

    Raises:
        StoreError: If a record or its arrays cannot be read.
    """

    def rows(config: RunConfig, event: Event) -> _Rows:
        if "query" in event.blobs:
            arrays = runs.blob(config.run_id, event.blobs["query"])
            labels = arrays["labels"].tolist()
            scores = arrays["scores"].tolist() if "scores" in arrays else [math.nan] * len(labels)
            samples = arrays["queried"].tolist()
            for rank, row in enumerate(zip(samples, labels, scores, strict=True)):
                sample, label, score = row
                yield {
                    "round": event.data["result"]["round"],
                    "rank": rank,
                    "sample": sample,
                    "label": label,
                    "known": label >= 0,
                    "score": score,
                }

    return _frame(runs, run_ids, QUERY_COLUMNS, _of_events(runs, rows))


def classes_frame(runs: RunStore, run_ids: Iterable[str]) -> pd.DataFrame:
    """One row per run, recorded round and known class.

    Args:
        runs: The run store.
        run_ids: Runs to read, in the order of the rows.

    Returns:
        Columns as in `CLASS_COLUMNS`.

    Raises:
        StoreError: If a record lacks a field.
    """

    def rows(config: RunConfig, event: Event) -> _Rows:
        result = event.data["result"]
        counts = result["class_counts"]
        queried = result["query"]["class_counts"] if result["query"] else [0] * len(counts)
        recalls = result["metrics"]["per_class_recall"]
        for index, row in enumerate(zip(counts, queried, recalls, strict=True)):
            count, bought, recall = row
            yield {
                "round": result["round"],
                "n_annotated": result["n_annotated"],
                "class_index": index,
                "n_labeled": count,
                "n_queried": bought,
                "recall": _number(recall),
            }

    return _frame(runs, run_ids, CLASS_COLUMNS, _of_events(runs, rows))


def scenario_titles(configs: Iterable[RunConfig]) -> dict[str, str]:
    """A title for every scenario, such that different scenarios never share one.

    Runs are comparable if scenario, backbone and training are equal. Where titles of different
    ones agree, the settings that differ are added: `digits · query_size 10`.

    Args:
        configs: Runs.

    Returns:
        From `scenario_key(config)` to the title.
    """
    by_title: dict[str, dict[str, dict[str, Any]]] = {}
    for config in configs:
        alike = by_title.setdefault(config.scenario.title, {})
        key = scenario_key(config)
        if key not in alike:
            alike[key] = _settings(config)
    titles = {}
    for title, alike in by_title.items():
        names = next(iter(alike.values()))
        differing = [
            name for name in names if len({repr(item[name]) for item in alike.values()}) > 1
        ]
        for key, item in alike.items():
            extra = [f"{name} {_short(item[name])}" for name in differing]
            titles[key] = " · ".join([title, *extra])
    return titles


def scenario_key(config: RunConfig) -> str:
    """Content address of everything but strategy and seed."""
    return config.comparison_key


def _settings(config: RunConfig) -> dict[str, Any]:
    return {
        **dataclasses.asdict(config.scenario),
        "backbone": config.backbone.name,
        "backbone parameters": dict(config.backbone.params),
        **dataclasses.asdict(config.train),
    }


def _short(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) or "drawn"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={item}" for key, item in sorted(value.items())) or "default"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _frame(
    runs: RunStore,
    run_ids: Iterable[str],
    columns: Mapping[str, Column],
    rows: Callable[[RunConfig], _Rows],
    more: Mapping[str, Any] = MappingProxyType({}),
) -> pd.DataFrame:
    configs = [runs.config(run_id) for run_id in run_ids if runs.exists(run_id)]
    titles = scenario_titles(configs)
    found: list[dict[str, Any]] = []
    for config in configs:
        identity = {
            **more,
            "run_id": config.run_id,
            "dataset": config.scenario.dataset,
            "scenario": titles[scenario_key(config)],
            "strategy": config.strategy.title,
            "seed": config.seed,
        }
        found.extend({**identity, **row} for row in rows(config))
    return typed_frame(found, columns)


def _of_events(
    runs: RunStore, rows: Callable[[RunConfig, Event], _Rows]
) -> Callable[[RunConfig], _Rows]:
    """The rows of all rounds of a run, from those of one round."""

    def of_run(config: RunConfig) -> _Rows:
        for event in runs.history(config.run_id).rounds:
            yield from _checked(config, event, rows)

    return of_run


def _checked(
    config: RunConfig, event: Event, rows: Callable[[RunConfig, Event], _Rows]
) -> Iterator[dict[str, Any]]:
    try:
        yield from rows(config, event)
    except (KeyError, TypeError) as error:
        raise StoreError(
            f"record {event.seq} of run {config.run_id} cannot be read: {error}; it was written by "
            "another version of ALScope or is damaged"
        ) from error


def typed_frame(rows: list[dict[str, Any]], columns: Mapping[str, Column]) -> pd.DataFrame:
    """A frame with exactly these columns and types, also without rows."""
    series = {
        name: pd.Series([row[name] for row in rows], dtype=column.dtype)
        for name, column in columns.items()
    }
    return pd.DataFrame(series)


def _round_rows(config: RunConfig, history: RunHistory) -> list[dict[str, Any]]:
    facts = _round_facts(config)

    def rows(_: RunConfig, event: Event) -> _Rows:
        yield {**facts, **_round_values(event.data)}

    return [row for event in history.rounds for row in _checked(config, event, rows)]


def _round_facts(config: RunConfig) -> dict[str, Any]:
    scenario = config.scenario
    return {
        "setting": scenario.setting,
        "backbone": config.backbone.name,
        "ood_ratio": scenario.ood_ratio,
        "imbalance_ratio": scenario.imbalance_ratio,
        "n_initial": scenario.n_initial,
        "n_rounds": scenario.n_rounds,
    }


def _round_values(data: Mapping[str, Any]) -> dict[str, Any]:
    result, timing, env = data["result"], data["timing"], data["env"]
    query = result["query"] or {"size": 0, "n_known": 0, "purity": math.nan}
    return {
        **{name: result[name] for name in ("round", "n_annotated", "n_labeled", "n_unknowns")},
        "n_pool": result["n_pool"],
        "n_mislabeled": result.get("n_mislabeled", 0),
        "wasted": result["n_unknowns"],
        **{name: _number(result["metrics"][name]) for name in METRICS},
        "n_test": result["metrics"]["n_test"],
        "query_size": query["size"],
        "n_known_queried": query["n_known"],
        "purity": query["purity"],
        "companions": "; ".join(_named(item) for item in query.get("companions", ())),
        "caution": str(query.get("diagnostics", {}).get(CAUTION, "")),
        **{name: timing[name] for name in _TIMES},
        **{name: timing[name] for name in ("train_cached", "inputs_cached", "contended")},
        "trained_with": timing.get("trained_with", 1),
        **{name: env[name] for name in ("device", "n_threads", "data_fingerprint")},
    }


def _named(companion: Mapping[str, Any]) -> str:
    """The name, and which encoder it is where there is a choice."""
    encoder = companion.get("encoder")
    return str(companion["name"]) + (f" ({encoder})" if encoder else "")


def _number(value: Any) -> float:
    # JSON has no NaN: a measure that is not defined is recorded as null.
    return math.nan if value is None else float(value)
