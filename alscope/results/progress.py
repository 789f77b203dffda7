"""Where the runs of a study stand, as frames: a cell per run, bars on a time axis, totals.

They are made from statuses, not from records, so they cost next to nothing and hold for runs that
have not begun.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pandas as pd

from alscope.results.frames import scenario_key, scenario_titles
from alscope.types import RunState

if TYPE_CHECKING:
    from alscope.engine.status import RunStatus, StudyStatus

__all__ = ["CELL_STATES", "count_frame", "labels_per_second", "run_frame", "timeline_frame"]

CELL_STATES = (
    "queued",
    "running",
    "paused",
    "interrupted",
    "done",
    "reused",
    "failed",
    "cancelled",
)
"""Words for the state of a cell; "reused": done before this study was submitted."""

_RUN_COLUMNS = (
    "run_id",
    "number",
    "scenario",
    "strategy",
    "seed",
    "state",
    "percent",
    "round",
    "n_rounds",
    "seconds",
    "priority",
)


def run_frame(study: StudyStatus) -> pd.DataFrame:
    """One row per run.

    Returns:
        run_id, number (of the scenario, from 1), scenario, strategy, seed, state (one of
        `CELL_STATES`), percent (of the run that is done), round, n_rounds, seconds (spent on
        recorded rounds) and priority, in the order of the study.
    """
    titles = _titles(study)
    numbers = {title: place for place, title in enumerate(dict.fromkeys(titles), start=1)}
    rows = [
        (
            run.run_id,
            numbers[title],
            title,
            run.strategy,
            run.seed,
            _word(run),
            round(100 * run.fraction),
            run.round,
            run.n_rounds,
            run.elapsed_s,
            run.priority,
        )
        for run, title in zip(study.runs, titles, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(_RUN_COLUMNS))


def count_frame(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per scenario and strategy, for studies with more runs than a page has room for.

    Args:
        runs: From `run_frame`.

    Returns:
        number, scenario, strategy, n (runs), done (reused ones included), failed, active (queued,
        running) and share (done / n), in the order of the study.
    """
    marked = runs.assign(
        done=runs["state"].isin(["done", "reused"]),
        failed=runs["state"].eq("failed"),
        active=runs["state"].isin(["queued", "running"]),
    )
    groups = marked.groupby(["number", "scenario", "strategy"], sort=False)
    counts = groups[["done", "failed", "active"]].sum().assign(n=groups.size())
    counts["share"] = counts["done"] / counts["n"]
    return counts.reset_index()


def timeline_frame(study: StudyStatus) -> pd.DataFrame:
    """When each run was worked on, in as many lanes as ran at the same time.

    A run that was interrupted is drawn from its first start to its last event. Reused runs belong
    to another study and are left out.

    Returns:
        run_id, scenario, strategy, seed, state, start, end (UTC) and lane (from 1).
    """
    spans = sorted(
        (
            (datetime.fromisoformat(run.started), datetime.fromisoformat(run.ended), title, run)
            for run, title in zip(study.runs, _titles(study), strict=True)
            if run.started and not run.reused
        ),
        key=lambda span: (*span[:2], span[3].run_id),
    )
    free: list[datetime] = []
    rows = []
    for start, end, title, run in spans:
        lane = next((place for place, until in enumerate(free) if until <= start), len(free))
        free[lane : lane + 1] = [end]
        rows.append((run.run_id, title, run.strategy, run.seed, _word(run), start, end, lane + 1))
    columns = ["run_id", "scenario", "strategy", "seed", "state", "start", "end", "lane"]
    return pd.DataFrame(rows, columns=columns)


def labels_per_second(study: StudyStatus) -> float | None:
    """Labels bought per second of work, initial sets left out; None before the first query."""
    bought = seconds = 0.0
    for run, config in zip(study.runs, study.config.runs(), strict=True):
        if run.round > 1 and not run.reused:
            bought += run.n_annotated - config.scenario.n_initial
            seconds += run.elapsed_s
    return bought / seconds if seconds else None


def _titles(study: StudyStatus) -> list[str]:
    """The title of each run's scenario; different scenarios never share one."""
    configs = study.config.runs()
    titles = scenario_titles(configs)
    return [titles[scenario_key(config)] for config in configs]


def _word(run: RunStatus) -> str:
    return "reused" if run.reused and run.state is RunState.DONE else run.state.value
