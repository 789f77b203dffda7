"""A study with results for tests of reports; nothing is trained."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

from alscope.config import ScenarioConfig, StrategySpec, StudyConfig
from alscope.reports.document import Document
from alscope.reports.results import Results
from alscope.reports.study import ReportOptions, study_document
from alscope.results.columns import CLASS_COLUMNS
from alscope.results.frames import typed_frame
from tests.charts.figures import NAMES, rounds

__all__ = ["HOSTILE", "document", "results"]

HOSTILE = "</script><img src=x onerror=\"document.title='owned'\">{x} %s & <b>bold</b>"
SCENARIOS = ("digits", "docstrings \u00b7 open set, OOD 0.40")


def results(**changes: Any) -> Results:
    """Eight strategies, five seeds, a closed and an open set; some of it changed."""
    return dataclasses.replace(_results(), **changes)


@cache
def _results() -> Results:
    study = StudyConfig(
        name=HOSTILE,
        description=HOSTILE,
        scenarios=(
            ScenarioConfig(),
            ScenarioConfig(dataset="docstrings", setting="open", n_known=6, ood_ratio=0.4),
        ),
        strategies=tuple(StrategySpec(name=name) for name in NAMES),
    )
    frame = rounds(*SCENARIOS)
    rows = [
        {"run_id": run_id, "round": number, "class_index": index, "n_labeled": number + index}
        for run_id, number in frame[["run_id", "round"]].itertuples(index=False)
        for index in range(2)
    ]
    empty = dict.fromkeys(CLASS_COLUMNS, 0) | {"dataset": "", "scenario": "", "strategy": ""}
    classes = typed_frame([{**empty, **row} for row in rows], CLASS_COLUMNS)
    environments = [{"device": "cpu", "torch": "2.6", HOSTILE: HOSTILE, "n_rounds": 480}]
    return Results(study, frame, classes, environments)


def document(**options: Any) -> Document:
    return study_document(results(), ReportOptions(**options))
