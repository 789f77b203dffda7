"""The tables of a study as a page of Markdown, for people who were not there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from alscope.config import StudyConfig
from alscope.errors import StoreError
from alscope.results.columns import METRICS
from alscope.results.compare import compare_with_random
from alscope.results.tables import aubc_table

__all__ = ["study_report"]

_SAID_ONCE = (
    "AUBC: area under the curve of {metric} over the budget, divided by the budget; mean over "
    "seeds with a 95 % t-interval. Against Random: paired difference in AUBC; two-sided "
    "sign-flip test, Holm's correction over the strategies. Labels: annotations until the mean "
    "curve reaches Random's mean final value. Purity: share of the queried samples that belong to "
    "known classes. Seconds: medians of a query as if the strategy ran alone, rounds beside "
    "other runs left out; selection is loading, inference and the strategy's own computation, "
    "auxiliary is training of its own learners (for an encoder that is fitted once per trial, "
    "the median does not show it)."
)


def study_report(study: StudyConfig, rounds: pd.DataFrame, metric: str = "accuracy") -> str:
    """A page with the settings, one table per scenario, and what was fitted beside the model.

    Args:
        study: What was asked.
        rounds: What was measured, from `rounds_frame`.
        metric: One of `METRICS`.

    Raises:
        StoreError: If nothing was measured yet.
        IncomparableError: If results of different data or runs would be mixed.
    """
    if rounds.empty:
        raise StoreError(f"study {study.name!r} has no results yet; run it first")
    areas, verdicts = aubc_table(rounds, metric), compare_with_random(rounds, metric)
    said = {(row["scenario"], row["strategy"]): row for row in _records(verdicts)}
    lines = [f"# {study.name}", "", *_lead(study, rounds), ""]
    for scenario, part in areas.groupby("scenario", sort=False):
        lines += [f"## {scenario}", "", *_table(_records(part), said), "", *_companions(part)]
    lines.append(_SAID_ONCE.format(metric=METRICS[metric].title.lower()))
    return "\n".join(lines) + "\n"


def _lead(study: StudyConfig, rounds: pd.DataFrame) -> Iterator[str]:
    if study.description:
        yield f"{study.description}\n"
    backbone = ", ".join(f"{k}={v}" for k, v in sorted(study.backbone.params.items()))
    yield (
        f"- seeds: {len(study.seeds)}; network: `{study.backbone.name}`"
        + (f" ({backbone})" if backbone else "")
        + f"; training: {study.train.optimizer}, rate {study.train.lr:g}, {study.train.epochs} "
        f"epochs or at least {study.train.min_steps} steps, batches of {study.train.batch_size}"
    )
    for scenario in study.scenarios:
        yield (
            f"- {scenario.title}: {scenario.n_initial} labels at the start ({scenario.initial}), "
            f"{scenario.n_rounds} queries of {scenario.query_size}"
        )
    machines = rounds[["device", "n_threads"]].drop_duplicates()
    where = "; ".join(
        f"{row['device']}, {row['n_threads']} {'thread' if row['n_threads'] == 1 else 'threads'}"
        for row in _records(machines)
    )
    yield f"- computed on: {where}"


def _table(rows: list[dict[str, Any]], said: dict[tuple[str, str], Any]) -> Iterator[str]:
    yield (
        "| strategy | seeds | AUBC | final | labels | purity | selection s | auxiliary s "
        "| against Random | p (Holm) | |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for row in rows:
        verdict = said.get((row["scenario"], row["strategy"]))
        mark = " (best)" if row["best"] else " (tied)" if row["tied"] else ""
        cells = [
            f"`{row['strategy']}`{mark}",
            str(row["n"]),
            _interval(row["aubc"], row["aubc_high"]),
            _interval(row["final"], row["final_high"]),
            _number(row["labels_to_target"], ".0f"),
            _number(row["purity"], ".2f"),
            _seconds(row["selection_s"]),
            _seconds(row["aux_s"]),
        ]
        cells += ["", "", ""] if verdict is None else _against(verdict)
        yield f"| {' | '.join(cells)} |"


def _against(verdict: dict[str, Any]) -> list[str]:
    half = verdict["high"] - verdict["difference"]
    difference = f"{verdict['difference']:+.3f}"
    if not math.isnan(half):
        difference += f" ± {half:.3f}"
    return [difference, _number(verdict["p_holm"], ".3f"), verdict["verdict"]]


def _companions(part: pd.DataFrame) -> Iterator[str]:
    rows = [row for row in _records(part) if row["companions"]]
    if rows:
        yield "Fitted beside the model:"
        yield ""
        yield from (f"- `{row['strategy']}`: {row['companions']}" for row in rows)
        yield ""


def _interval(mean: float, high: float) -> str:
    if math.isnan(mean):
        return "-"
    return f"{mean:.3f}" if math.isnan(high) else f"{mean:.3f} ± {high - mean:.3f}"


def _number(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)


def _seconds(value: float) -> str:
    if math.isnan(value):
        return "-"
    return "< 0.001" if value < 0.001 else format(value, ".3g")


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
