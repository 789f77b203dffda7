"""The one door to the engine, for pages, command line and notebooks.

A supervisor thread owns the queue and moves runs through an executor; all state that matters is in
the stores, so any number of services (tabs, processes) may look at one cache folder. A run is
executed by whoever holds its lock. What a user asks of a study (active, paused, cancelled) is
stored with the study, so a request made in one process reaches the process that executes it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alscope.config import BackboneConfig, RunConfig, ScenarioConfig, StudyConfig
from alscope.data.protocols import DataRoot
from alscope.engine.access import Action, Guard
from alscope.engine.calibrating import SECONDS, Calibrations
from alscope.engine.calibration import Calibration
from alscope.engine.defaults import Paths, cache_root, data_root
from alscope.engine.executors.local import SerialExecutor, ThreadExecutor
from alscope.engine.executors.protocols import Executor, ExecutorConfig
from alscope.engine.executors.slots import workers_asked_for
from alscope.engine.executors.worker import WorkerExecutor
from alscope.engine.extend import dry_run, more_seeds
from alscope.engine.grid import Scenarios
from alscope.engine.library import DamagedStudy, DiskUse, Library, noted
from alscope.engine.plan import (
    Plan,
    composition,
    make_plan,
    scenario_reasons,
    study_problems,
    time_of,
    unusable,
)
from alscope.engine.preview import sizes
from alscope.engine.runlog import LogLine, run_log, worker_log
from alscope.engine.sharing import are_alike, takes_turns
from alscope.engine.status import Activity, RunStatus, StudyStatus, run_status, seen_from_outside
from alscope.engine.supervisor import TICK_S, Item, Supervisor
from alscope.engine.timings import Estimate, TimingBook
from alscope.engine.usage import bytes_of, waiting_of
from alscope.errors import ConfigError, Problem, StoreError, UnknownNameError
from alscope.store.owners import Owners
from alscope.store.runs import RunStore
from alscope.store.studies import QueueWish, StudyStore
from alscope.store.summaries import RunSummaries
from alscope.store.wishes import PRIORITIES
from alscope.types import RunState

__all__ = [
    "Activity",
    "DamagedStudy",
    "DiskUse",
    "Library",
    "Plan",
    "RunStatus",
    "Service",
    "StudyStatus",
    "composition",
]

log = logging.getLogger(__name__)

_EXECUTORS: dict[str, Callable[[ExecutorConfig], Executor]] = {
    "serial": SerialExecutor,
    "thread": ThreadExecutor,
    "worker": WorkerExecutor,
}
_WANTED = {"pause": "paused", "cancel": "cancelled"}


class Service:
    """Submit, watch, stop and resume studies.

    Args:
        cache: The cache folder.
        root: Where data sets are.
        executor: Moves the runs.
        config: What the executor was made of.

    Attributes:
        calibrations: What this machine can do, measured on request.
        guard: Asked at the beginning of every action; everybody may do everything until its
            `who` is set. The others raise `AccessError` then, and nothing has changed.
        library: Notes, trash and disk use of what is stored.
    """

    def __init__(
        self, cache: Path, root: DataRoot, executor: Executor, config: ExecutorConfig
    ) -> None:
        paths = Paths(cache)
        self.cache = cache
        self.data_root = root
        self.runs = RunStore(paths.runs)
        self.studies_store = StudyStore(paths.studies)
        self.guard = Guard(Owners(paths.owners))
        self.library = Library(paths, root, self.runs, self.studies_store, self.guard)
        self._summaries = RunSummaries(self.runs, paths.summaries)
        self._supervisor = Supervisor(self.runs, self.studies_store, executor)
        self.calibrations = Calibrations(config)
        self._timings = TimingBook(self.runs, self.calibrations.current)

    @classmethod
    def open(
        cls,
        cache: Path | str | None = None,
        *,
        data: Path | str | None = None,
        executor: str = "worker",
        workers: int | str | None = None,
        threads: int | None = None,
        device: str = "auto",
        offline: bool = False,
        round_limit_s: float = ExecutorConfig.round_limit_s,
        memory: int | None = None,
    ) -> Service:
        """A service on a cache folder.

        Args:
            cache: The folder; None: `ALSCOPE_CACHE`, else `cache` in the working folder.
            data: The data root; None: `ALSCOPE_DATA`, else `datasets` in the cache folder.
            executor: "worker" (warm processes), "thread" or "serial" (inside `wait`).
            workers: Runs at the same time, or "auto"; None: `ALSCOPE_WORKERS`, else 1. For the
                executor "worker" only.
            threads: CPU threads of a run; None: one less than the physical cores, and with several
                workers an even share of them.
            device: "auto", "cpu" or "cuda".
            offline: Never download data.
            round_limit_s: Seconds that a round may take before its process is ended; "worker" only.
            memory: Bytes that a run may take; None: what the machine has; "worker" only.

        Raises:
            UnknownNameError: If there is no such executor.
            StoreError: If the folder cannot be written.
            ConfigError: If `workers` is neither a number nor "auto".
        """
        if executor not in _EXECUTORS:
            raise UnknownNameError("executor", executor, _EXECUTORS)
        folder = cache_root(cache)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"the cache folder {str(folder)!r:.300} cannot be made ({error.strerror}); "
                "choose another one with --cache or ALSCOPE_CACHE"
            ) from error
        root = DataRoot(
            path=data_root(folder, data),
            cache=Paths(folder).derived,
            allow_download=not offline,
        )
        config = ExecutorConfig(
            cache=folder,
            data_root=root,
            device=device,
            n_threads=threads,
            workers=workers_asked_for(workers, device=device),
            memory=memory,
            round_limit_s=round_limit_s,
        )
        return cls(folder, root, _EXECUTORS[executor](config), config)

    # ------------------------------------------------------------------ asking

    def problems(self, study: StudyConfig) -> list[Problem]:
        """Everything wrong with a study, names, data and impossible numbers included."""
        return study_problems(study, self.data_root)

    def sort_out(self, scenarios: Iterable[ScenarioConfig]) -> Scenarios:
        """Equal scenarios taken once, those that cannot be run apart, each with the reasons."""
        return Scenarios.sorted_out(scenarios, lambda s: scenario_reasons(s, self.data_root))

    def unusable(
        self, scenarios: Sequence[ScenarioConfig], backbone: BackboneConfig
    ) -> dict[str, str]:
        """Strategies that cannot run there with their defaults, and the first reason of each."""
        return unusable(scenarios, backbone, self.data_root)

    def preview(self, study: StudyConfig) -> Plan:
        """What a study would do and cost.

        Raises:
            ConfigError: With every problem found.
        """
        return make_plan(
            study,
            self.data_root,
            self.runs,
            workers=self.workers,
            rates=self._timings.rates(),
            look=self._summaries.get,
        )

    def run_log(self, run_id: str) -> tuple[LogLine, ...]:
        """What happened in a run, oldest first; empty if it was never started.

        Raises:
            StoreError: If its journal cannot be read.
        """
        return run_log(self.runs.history(run_id)) if self.runs.exists(run_id) else ()

    def worker_log(self, n_lines: int = 200) -> tuple[LogLine, ...]:
        """The last lines that worker processes wrote, oldest first."""
        return worker_log(Paths(self.cache).logs, n_lines=n_lines)

    def remaining(self, study_id: str) -> Estimate | None:
        """How long the unfinished runs of a study will take; None if nothing was measured yet.

        Raises:
            UnknownNameError: If there is no such study.
        """
        status = self.study(study_id)
        left = {run.run_id: run.round for run in status.runs if not run.state.is_final}
        todo = [run for run in status.config.runs() if run.run_id in left]
        sized = {run.scenario: sizes(run.scenario, self.data_root) for run in todo}
        rates = self._timings.rates()
        return time_of(todo, left, rates, sized, workers=self.workers)

    @property
    def workers(self) -> int:
        """Runs that this service executes at the same time."""
        return self._supervisor.max_parallel

    def studies(self) -> tuple[StudyStatus, ...]:
        """All studies, newest first; unreadable ones are left out and logged."""
        held = self._supervisor.held()
        found = []
        for study_id in self.studies_store.ids():
            try:
                found.append(self._study(study_id, held))
            except (StoreError, ConfigError, UnknownNameError) as error:
                log.warning("study %s is left out: %s", study_id, error)
        self._summaries.keep()
        return tuple(found)

    def study(self, study_id: str) -> StudyStatus:
        """One study.

        Raises:
            UnknownNameError: With the nearest study id.
        """
        if not self.studies_store.exists(study_id):
            raise UnknownNameError("study", study_id, self.studies_store.ids())
        return self._study(study_id, self._supervisor.held())

    def _study(self, study_id: str, held: frozenset[Item]) -> StudyStatus:
        record = self.studies_store.load(study_id)
        wanted = self.studies_store.desired(study_id)
        wish = self._wish(study_id)
        runs = tuple(
            run_status(
                self.runs,
                run,
                queued=(study_id, run.run_id) in held,
                wanted=wanted,
                summaries=self._summaries,
                priority=wish.of(run.run_id),
                created=record.created,
                note=self._supervisor.note(run.run_id),
            )
            for run in record.config.runs()
        )
        mine = any(item[0] == study_id for item in held)
        about, origin, unreadable = noted(self.studies_store, study_id)
        return StudyStatus(
            study_id=study_id,
            name=record.config.name,
            created=record.created,
            config=record.config,
            runs=runs if mine else seen_from_outside(runs),
            wanted=wanted,
            wish=wish,
            about=about,
            origin=origin,
            unreadable=unreadable,
        )

    def activity(self) -> Activity:
        """What this service is doing now; looks at the studies it works on, and at no others."""
        held = self._supervisor.held()
        done, total = 0.0, 0
        for study_id in {item[0] for item in held}:
            try:
                study = self._study(study_id, held)
            except (StoreError, ConfigError):  # deleted or damaged while its runs go on
                continue
            done += study.fraction * study.n_runs
            total += study.n_runs
        running = len(self._supervisor.running)
        return Activity(running, self._supervisor.n_queued, done / total if total else 1.0)

    # ------------------------------------------------------------------ acting

    def submit(
        self, study: StudyConfig, *, priority: int = 0, time_cap_s: float | None = None
    ) -> str:
        """Store a study and queue every run that is not done; submitting it again resumes it.

        Data that are not here are downloaded by the runs, in the background; `active_downloads`
        tells how far that is.

        Args:
            study: What to run.
            priority: From -9 to 9; larger goes first.
            time_cap_s: Pause it after that many seconds; None: never.

        Returns:
            The study id.

        Raises:
            ConfigError: With every problem found; nothing is stored then.
        """
        self.guard.require(Action.START)
        problems = study_problems(study, self.data_root)
        if problems:
            raise ConfigError(problems)
        study_id = self.studies_store.id_of(study)
        is_new = not self.studies_store.exists(study_id)
        if not is_new:
            self.guard.require(Action.STEER, study_id)
        self._admit(study.runs())
        with self.runs.changing():  # nobody deletes a run that it shares meanwhile
            self.studies_store.save(study_id, study)
            if is_new:
                self.guard.claim(study_id)
            if priority or self._wish(study_id).priority:
                self.set_priority(study_id, priority)
            self.pause_after(study_id, time_cap_s)
            self.retry(study_id)
        return study_id

    def calibrate(self, seconds: float = SECONDS) -> Calibration:
        """Measure what this machine can do, so that the time of what was never run is estimated.

        Args:
            seconds: How long; starting the process comes on top.

        Raises:
            AccessError: If this user may not start studies.
            StoreError: If runs are active, which would disturb it, or it failed.
        """
        self._require_calm()
        return self.calibrations.measure(seconds)

    def begin_calibration(self) -> None:
        """The same in the background; `calibrations` tells how it goes.

        Raises:
            AccessError: If this user may not start studies.
            StoreError: If runs are active, or somebody is measuring already.
        """
        self._require_calm()
        self.calibrations.begin()

    def _require_calm(self) -> None:
        self.guard.require(Action.START)
        if self._supervisor.running:
            raise StoreError("runs are active, and would disturb the measurement; wait for them")

    def dry_run(self, study: StudyConfig) -> str:
        """Submit the study with one seed and at most two queries, before everything that waits.

        Returns:
            The id of the small study.

        Raises:
            ConfigError: As `submit`.
        """
        return self.submit(dry_run(study), priority=PRIORITIES[-1])

    def add_seeds(self, study_id: str, n_more: int) -> str:
        """Start a study with more seeds than an earlier one, whose runs it takes over.

        A study never changes: its id is the digest of what it is, and a link to it means the same
        for ever. So this is a second study; runs belong to both, and none is executed twice.

        Args:
            study_id: The earlier study.
            n_more: How many seeds to add; they count on from its largest seed.

        Returns:
            The id of the larger study.

        Raises:
            UnknownNameError: If there is no such study.
            ConfigError: If the number is not positive, or the larger study cannot run.
        """
        return self.submit(more_seeds(self.study(study_id).config, n_more))

    def resume(
        self,
        study_id: str,
        run_ids: Iterable[str] | None = None,
        *,
        accept_change: bool = False,
    ) -> None:
        """Continue what was paused, interrupted or never started.

        Args:
            study_id: The study.
            run_ids: Some of its runs; None: all.
            accept_change: Continue runs recorded under another torch version, thread count or
                device; the rest is then comparable, not identical, and the record says so.
        """
        self.guard.require(Action.STEER, study_id)
        skip = (RunState.DONE, RunState.FAILED, RunState.CANCELLED)
        self._enqueue(study_id, run_ids, skip=skip, accept_change=accept_change)

    def retry(
        self,
        study_id: str,
        run_ids: Iterable[str] | None = None,
        *,
        accept_change: bool = False,
    ) -> None:
        """Queue everything that is not done, failed and cancelled runs included.

        A retried run continues after its last recorded round. Arguments as for `resume`.
        """
        self.guard.require(Action.STEER, study_id)
        self._enqueue(study_id, run_ids, skip=(RunState.DONE,), accept_change=accept_change)

    def pause(self, study_id: str, run_ids: Iterable[str] | None = None) -> None:
        """Stop at the next batch; what was recorded stays. `resume` continues."""
        self._stop(study_id, run_ids, "pause")

    def set_priority(
        self, study_id: str, priority: int, run_ids: Iterable[str] | None = None
    ) -> None:
        """Let waiting runs go before those of lower priority; running ones are not stopped.

        It is stored with the study, so that the process that executes it hears of it.

        Args:
            study_id: The study.
            priority: From -9 to 9; 0 to begin with.
            run_ids: Some of its runs; None: all, also those with a priority of their own.

        Raises:
            StoreError: If there is no such priority, or it cannot be written.
        """
        self.guard.require(Action.STEER, study_id)
        selected = self._selected(study_id, run_ids)
        wish = self._wish(study_id)
        if run_ids is None:
            wish = replace(wish, priority=priority, runs={})
        else:
            wish = replace(wish, runs={**wish.runs, **{r.run_id: priority for r in selected}})
        self.studies_store.set_queue(study_id, wish)

    def pause_after(self, study_id: str, seconds: float | None) -> None:
        """Pause a study that many seconds from now; None: never. Resuming it ends the cap too.

        Raises:
            StoreError: If there is no such study, or it cannot be written.
        """
        self.guard.require(Action.STEER, study_id)
        at = None
        if seconds is not None:
            at = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="seconds")
        wish = self._wish(study_id)
        if wish.pause_at != at:
            self.studies_store.set_queue(study_id, replace(wish, pause_at=at))

    def cancel(self, study_id: str, run_ids: Iterable[str] | None = None) -> None:
        """Stop at the next batch and do not continue; what was recorded stays."""
        self._stop(study_id, run_ids, "cancel")

    def delete(self, study_id: str) -> str:
        """Move a study to the trash, and its runs unless another study has them too.

        While a study is damaged nobody knows which runs it has, and all runs stay.
        `library.restore` brings it back, `library.purge` deletes it for ever.

        Returns:
            The id of the entry in the trash.

        Raises:
            UnknownNameError: With the nearest study id.
            StoreError: If one of its runs is being executed, or it cannot be moved.
        """
        if not self.studies_store.exists(study_id):
            raise UnknownNameError("study", study_id, self.studies_store.ids())
        self.guard.require(Action.DELETE, study_id)
        try:
            status = self.study(study_id)
        except (StoreError, ConfigError):  # damaged: it cannot run, and may go
            return self.library.discard(study_id)
        if status.count(RunState.RUNNING):
            raise StoreError(f"study {status.name!r} is running; cancel it first")
        for run in status.runs:
            self._supervisor.drop((study_id, run.run_id))
        return self.library.discard(study_id)

    def wait(self, study_id: str, timeout: float | None = None) -> StudyStatus:
        """Wait until no run of a study is running or queued; a serial executor works in here.

        Args:
            study_id: The study.
            timeout: Seconds to wait at most; None: for ever.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            n_finished = self._supervisor.n_finished  # before looking, so that no end is missed
            worked = self._supervisor.inline and self._supervisor.pump()
            status = self.study(study_id)
            if not status.n_active or (deadline is not None and time.monotonic() > deadline):
                return status
            if not worked:  # somebody else executes it, perhaps in another process
                self._supervisor.wait_for_more(n_finished, TICK_S)

    def close(self) -> None:
        """Stop at the next safe point; unfinished runs can be resumed."""
        self._supervisor.close()

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _wish(self, study_id: str) -> QueueWish:
        try:
            return self.studies_store.queue(study_id)
        except StoreError as error:
            log.warning("the queue wish of %s is not readable: %s", study_id, error)
            return QueueWish()

    def _selected(self, study_id: str, run_ids: Iterable[str] | None) -> list[RunConfig]:
        runs = self.study(study_id).config.runs()
        if run_ids is None:
            return list(runs)
        wanted = set(run_ids)
        unknown = wanted - {run.run_id for run in runs}
        if unknown:
            raise UnknownNameError("run", min(unknown), [run.run_id for run in runs])
        return [run for run in runs if run.run_id in wanted]

    def _enqueue(
        self,
        study_id: str,
        run_ids: Iterable[str] | None,
        *,
        skip: tuple[RunState, ...],
        accept_change: bool,
    ) -> None:
        selected = self._selected(study_id, run_ids)
        self._admit(selected)
        wish = self._wish(study_id)
        if wish.is_over():
            self.studies_store.set_queue(study_id, replace(wish, pause_at=None))
        self.studies_store.set_desired(study_id, "active")
        ordered = sorted(selected, key=lambda run: -wish.of(run.run_id))
        first = ordered[:1]
        if first and takes_turns(first[0]):
            wanted = wish.of(first[0].run_id)
            first = [
                run for run in ordered if are_alike(first[0], run) and wish.of(run.run_id) == wanted
            ]
        at_once = {run.run_id for run in first}
        # They begin while the others are made.
        for part in (first, [run for run in ordered if run.run_id not in at_once]):
            for run in part:
                self.runs.create(run)
                self._supervisor.put(
                    (study_id, run.run_id), run, skip=skip, accept_change=accept_change
                )
            self._supervisor.start()

    def room(self) -> int | None:
        """Bytes that whoever acts now may still fill; None: no limit.

        Raises:
            AccessError: If none are left.
        """
        return self.guard.room(
            lambda user: bytes_of(
                user, self.guard.owners, self.studies(), self.library.trash(), self.data_root
            )
        )

    def _admit(self, runs: Iterable[RunConfig]) -> None:
        """Let runs into the queue of whoever acts now, unless they are done."""
        states = {run.run_id: self._summaries.get(run.run_id) for run in runs}
        new = {name for name, known in states.items() if not known or known.state != RunState.DONE}
        self.guard.admit_runs(new, lambda user: waiting_of(user, self.guard.owners, self.studies()))
        if new:
            self.room()

    def _stop(self, study_id: str, run_ids: Iterable[str] | None, action: str) -> None:
        self.guard.require(Action.STEER, study_id)
        selected = self._selected(study_id, run_ids)
        if run_ids is None:
            self.studies_store.set_desired(study_id, _WANTED[action])
        for run in selected:
            self._supervisor.stop((study_id, run.run_id), action)
