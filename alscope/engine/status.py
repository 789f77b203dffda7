"""What people and pages see of studies and runs: immutable snapshots made from the stores."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from alscope.config import RunConfig, StudyConfig
from alscope.errors import ALScopeError, NewerFormatError, StorageUnavailable
from alscope.store.about import About
from alscope.store.runs import RunStore
from alscope.store.studies import Origin
from alscope.store.summaries import RunSummaries, RunSummary, summarize
from alscope.store.wishes import QueueWish
from alscope.types import RunState

__all__ = ["Activity", "RunStatus", "StudyStatus", "run_status", "seen_from_outside"]

_SAYING_WHY = {"paused": RunState.PAUSED, "cancelled": RunState.CANCELLED}


@dataclass(frozen=True)
class Activity:
    """What the engine is doing now.

    Attributes:
        n_running: Runs being executed.
        n_queued: Runs waiting.
        fraction: Share of the work of the studies these belong to that is done, 0..1.
    """

    n_running: int
    n_queued: int
    fraction: float


@dataclass(frozen=True)
class RunStatus:
    """Where a run stands.

    Attributes:
        run_id: Content address.
        state: Its state.
        dataset: Data set.
        scenario: Title of the scenario.
        strategy: Title of the strategy.
        seed: Trial seed.
        round: Rounds recorded so far; the number of the round in work.
        n_rounds: Queries of the whole run.
        stage: What is being done ("train", "infer", ...); "" if nothing.
        fraction: Share of the run that is done, 0..1.
        message: Why it failed or could not go on, in words; "" otherwise.
        traceback: For the folded details; "" otherwise.
        heartbeat_age_s: Seconds since the last sign of life of a running run; None otherwise.
        elapsed_s: Seconds spent on recorded rounds.
        damaged: What was lost to damage on disk, in words; "" if nothing.
        points: Annotated samples and accuracy of every recorded round, for lists; tables and charts
            read the journal.
        size: Bytes on disk.
        priority: In the queue; larger goes first.
        started: ISO 8601 time at which it was first executed; "" if it never was.
        ended: ISO 8601 time of the last recorded event; "" if there is none.
        reused: It was done before this study was submitted.
    """

    run_id: str
    state: RunState
    dataset: str
    scenario: str
    strategy: str
    seed: int
    round: int
    n_rounds: int
    stage: str
    fraction: float
    message: str
    traceback: str
    heartbeat_age_s: float | None
    elapsed_s: float
    damaged: str = ""
    points: tuple[tuple[int, float], ...] = ()
    size: int = 0
    priority: int = 0
    started: str = ""
    ended: str = ""
    reused: bool = False

    @property
    def n_annotated(self) -> int:
        """Labels paid for so far, those of the initial set included."""
        return self.points[-1][0] if self.points else 0


@dataclass(frozen=True)
class StudyStatus:
    """Where a study stands.

    Attributes:
        study_id: Identifier, safe in URLs.
        name: Title for people.
        created: ISO 8601 time, for display.
        config: The study.
        runs: One status per run, in the order of `config.runs()`.
        wanted: "active", "paused" or "cancelled": what the user asked for last.
        wish: How it shall be queued.
        about: Tags and note.
        origin: Where it came from; None if it was made here.
        unreadable: What of these two cannot be read, in words; "" if nothing.
    """

    study_id: str
    name: str
    created: str
    config: StudyConfig
    runs: tuple[RunStatus, ...]
    wanted: str
    wish: QueueWish = field(default_factory=QueueWish)
    about: About = field(default_factory=About)
    origin: Origin | None = None
    unreadable: str = ""

    def count(self, *states: RunState) -> int:
        """Runs in one of the states."""
        return sum(run.state in states for run in self.runs)

    @property
    def n_runs(self) -> int:
        """All runs."""
        return len(self.runs)

    @property
    def n_done(self) -> int:
        """Finished runs."""
        return self.count(RunState.DONE)

    @property
    def n_failed(self) -> int:
        """Failed runs."""
        return self.count(RunState.FAILED)

    @property
    def n_active(self) -> int:
        """Runs being executed or waiting in the queue."""
        return self.count(RunState.RUNNING, RunState.QUEUED)

    @property
    def source(self) -> str:
        """Where it came from: here, imported, or unknown where the note about it is damaged."""
        if self.origin is not None:
            return "imported"
        return "unknown" if self.unreadable else "here"

    @property
    def size(self) -> int:
        """Bytes of its runs on disk, those of other studies included."""
        return sum(run.size for run in self.runs)

    @property
    def fraction(self) -> float:
        """Share of the work that is done, 0..1."""
        return sum(run.fraction for run in self.runs) / len(self.runs) if self.runs else 1.0

    @property
    def state(self) -> str:
        """One word for the whole: that of the most active run."""
        order = ("running", "queued", "paused", "interrupted", "failed", "cancelled")
        present = {run.state.value for run in self.runs}
        return next((state for state in order if state in present), "done")


def run_status(
    store: RunStore,
    config: RunConfig,
    *,
    queued: bool,
    wanted: str,
    summaries: RunSummaries | None = None,
    priority: int = 0,
    created: str = "",
    note: str = "",
) -> RunStatus:
    """The status of one run.

    Args:
        store: The run store.
        config: The run.
        queued: Whether this process has it in its queue.
        wanted: What the user asked of its study last.
        summaries: Of the store's runs; None: the journal is read.
        priority: In the queue.
        created: ISO 8601 time at which its study was submitted.
        note: Why how it ended could not be recorded, in words.
    """
    run_id = config.run_id
    look = summaries.get if summaries is not None else partial(summarize, store)
    try:
        summary = look(run_id)
        active = _may_be_active(summary) and store.is_active(run_id)
        if summary is not None and summary.state is RunState.RUNNING and not active:
            summary = look(run_id)  # it may have ended between the two looks
    except (StorageUnavailable, NewerFormatError) as error:  # nothing is known to be wrong with it
        return _status(config, RunState.INTERRUPTED, None, {}, message=str(error))
    except ALScopeError as error:
        return _status(config, RunState.FAILED, None, {}, message=f"damaged: {error}")
    state = _shown_state(summary, active=active, queued=queued, wanted=wanted)
    live = store.progress(run_id) if state is RunState.RUNNING else None
    found = _status(config, state, summary, live or {}, message=_why(state, summary, note))
    reused = state is RunState.DONE and found.ended < created
    return replace(found, priority=priority, reused=reused) if priority or reused else found


def _why(state: RunState, summary: RunSummary | None, note: str) -> str:
    """Why a run does not go on, in words; "" if nothing keeps it."""
    if state is RunState.INTERRUPTED and note:
        return note
    if state in {RunState.FAILED, RunState.PAUSED} and summary and summary.error:
        return str(summary.error.get("message", ""))
    return ""


def seen_from_outside(runs: tuple[RunStatus, ...]) -> tuple[RunStatus, ...]:
    """The statuses of a study that this process does not execute.

    Its queue is in another process and cannot be read from here. But where one run is being
    executed, somebody works on the study, and what is not done is waiting rather than interrupted.
    """
    if not any(run.state is RunState.RUNNING for run in runs):
        return runs
    return tuple(
        replace(run, state=RunState.QUEUED)
        if run.state is RunState.INTERRUPTED and not run.message
        else run
        for run in runs
    )


def _may_be_active(summary: RunSummary | None) -> bool:
    """Whether somebody may hold the run: it is recorded as running, or not yet as begun."""
    return summary is not None and summary.state in {RunState.RUNNING, RunState.QUEUED}


def _shown_state(
    summary: RunSummary | None, *, active: bool, queued: bool, wanted: str
) -> RunState:
    state = summary.state if summary else RunState.QUEUED
    if state is RunState.RUNNING and not active:
        state = RunState.INTERRUPTED
    if state in {RunState.RUNNING, RunState.DONE}:
        return state
    if queued:
        return RunState.QUEUED
    if state is RunState.QUEUED:
        if wanted in _SAYING_WHY:  # never started and nobody here is going to
            return _SAYING_WHY[wanted]
        # Held, but nothing in the journal yet: whoever executes it is loading its data.
        return RunState.RUNNING if active else RunState.INTERRUPTED
    return state


def _status(
    config: RunConfig,
    state: RunState,
    summary: RunSummary | None,
    live: dict[str, Any],
    *,
    message: str = "",
) -> RunStatus:
    error = (summary.error if summary and state is RunState.FAILED else None) or {}
    n_rounds = config.scenario.n_rounds
    recorded = summary.n_rounds if summary else 0
    done = recorded / (n_rounds + 1)
    return RunStatus(
        run_id=config.run_id,
        state=state,
        dataset=config.scenario.dataset,
        scenario=config.scenario.title,
        strategy=config.strategy.title,
        seed=config.seed,
        round=recorded,
        n_rounds=n_rounds,
        stage=str(live.get("stage", "")),
        fraction=1.0 if state is RunState.DONE else max(done, live.get("fraction", 0.0)),
        message=message,
        traceback=str(error.get("traceback", "")),
        heartbeat_age_s=_age_s(live["at"]) if "at" in live else None,
        elapsed_s=summary.elapsed_s if summary else 0.0,
        damaged=(summary.damaged or "") if summary else "",
        points=summary.points if summary else (),
        size=summary.size if summary else 0,
        started=summary.started if summary else "",
        ended=summary.ended if summary else "",
    )


def _age_s(at: str) -> float:
    return max((datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds(), 0.0)
