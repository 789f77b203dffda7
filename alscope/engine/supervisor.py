"""The queue, and the thread that moves runs from it through an executor."""

from __future__ import annotations

import itertools
import logging
import math
import threading
import time
from collections import Counter

from alscope.config import RunConfig
from alscope.engine.executors.protocols import Executor, Finished
from alscope.engine.sharing import takes_turns
from alscope.engine.waiting import Item, Waiting
from alscope.errors import RunLockedError, StoreError
from alscope.store.runs import RunStore
from alscope.store.studies import StudyStore
from alscope.types import RunState

__all__ = ["Item", "Supervisor"]

log = logging.getLogger(__name__)

TICK_S = 0.1
_IDLE_S = 1.0
_LOOK_AGAIN_S = 2.0
_MAKE_ROOM_EVERY_S = 1.0
_BACK_OFF_S = (1.0, 5.0)
"""A run whose process died is tried again after so many seconds, and then no more."""


class Supervisor:
    """Owns the queue of one process.

    A run is executed by whoever holds its lock, so several supervisors may look at one cache
    folder. What the user wants of a study is read from the study store, so a request made in
    another process is noticed here.

    Args:
        runs: The run store.
        studies: The study store.
        executor: Moves the runs; used by this object only.
    """

    def __init__(self, runs: RunStore, studies: StudyStore, executor: Executor) -> None:
        self._runs = runs
        self._studies = studies
        self._executor = executor
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._settled = threading.Condition()
        self._n_finished = 0
        self._closed = False
        self._queue = Waiting(studies)
        self._running: dict[str, Item] = {}
        self._numbers = itertools.count()
        self._starts: dict[str, int] = {}
        self._let_go: set[str] = set()
        self._made_room_at = -math.inf
        self._again: dict[Item, tuple[RunState, ...]] = {}
        self._accept_change: set[str] = set()
        self._elsewhere: dict[str, float] = {}
        self._deaths: Counter[str] = Counter()
        self._notes: dict[str, str] = {}
        self._thread: threading.Thread | None = None
        executor.on_change = self._wake.set

    @property
    def inline(self) -> bool:
        """Whether runs are executed inside `pump`."""
        return self._executor.inline

    @property
    def max_parallel(self) -> int:
        """Runs at the same time; those that take turns count as one."""
        return self._executor.max_parallel

    @property
    def running(self) -> tuple[str, ...]:
        """Runs in the executor."""
        return tuple(self._running)

    @property
    def n_queued(self) -> int:
        """Runs waiting."""
        return len(self._queue)

    @property
    def n_finished(self) -> int:
        """Runs that left the executor so far."""
        return self._n_finished

    def wait_for_more(self, n: int, timeout: float) -> None:
        """Wait until more than `n` runs have left the executor, at most so many seconds."""
        with self._settled:
            self._settled.wait_for(lambda: self._n_finished > n, timeout)

    def note(self, run_id: str) -> str:
        """Why how a run ended here could not be recorded, in words; "" if it was."""
        return self._notes.get(run_id, "")

    def held(self) -> frozenset[Item]:
        """The runs that wait here or were handed to the executor."""
        with self._lock:
            return frozenset((*self._queue, *self._running.values()))

    def put(
        self, item: Item, run: RunConfig, *, skip: tuple[RunState, ...], accept_change: bool
    ) -> None:
        """Queue a run unless its state is one of `skip`; a running one comes back if it stops."""
        with self._lock:
            self._deaths.pop(run.run_id, None)
            self._notes.pop(run.run_id, None)
            if accept_change:
                self._accept_change.add(run.run_id)
            if run.run_id in self._running:
                # It may be about to stop because of an earlier request.
                self._again[item] = skip
            elif self._runs.history(run.run_id).state not in skip:
                self._enqueue(item, run)

    def drop(self, item: Item) -> None:
        """Forget a waiting run."""
        with self._lock:
            self._queue.pop(item, None)
            self._again.pop(item, None)

    def stop(self, item: Item, action: str) -> None:
        """Ask a run to "pause" or "cancel"; one that waits is marked at once."""
        run_id = item[1]
        with self._lock:
            self._queue.pop(item, None)
            self._again.pop(item, None)  # another study may still want the run
            if self._running.get(run_id) == item:
                self._executor.request(run_id, action)
            elif run_id not in self._running and self._can_note(run_id):
                self._note(run_id, "paused" if action == "pause" else "cancelled")

    def start(self) -> None:
        """Start the thread if the executor needs one, and wake it."""
        with self._lock:
            if not self.inline and self._thread is None and not self._closed:
                self._thread = threading.Thread(
                    target=self._supervise, name="alscope-supervisor", daemon=True
                )
                self._thread.start()
        self._wake.set()

    def close(self) -> None:
        """Stop everything at the next safe point."""
        self._closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=10)
        self._executor.shutdown()

    def pump(self) -> bool:
        """One step: collect what finished, forward requests, start what fits.

        Returns:
            Whether a run was executed in here, as an inline executor does.
        """
        with self._lock:
            self._collect()
            self._forward_requests()
            waiting = self._dispatch()
            self._make_room()
        if waiting:
            # Not under the lock: it takes as long as the run, and others want to stop it.
            self._start(waiting)
        with self._lock:
            self._collect()
        return bool(waiting)

    def _supervise(self) -> None:
        while not self._closed:
            try:
                self.pump()
            except Exception:  # the supervisor must outlive any surprise of one step
                log.exception("the supervisor stumbled; it goes on")
            self._wake.wait(TICK_S if self._running or self._queue else _IDLE_S)
            self._wake.clear()

    def _enqueue(self, item: Item, run: RunConfig) -> None:
        if self._runs.history(run.run_id).state.is_final:
            self._note(run.run_id, "requeued")
        self._queue[item] = run

    def _collect(self) -> None:
        for finished in self._executor.poll():
            item = self._running.pop(finished.run_id, None)
            self._starts.pop(finished.run_id, None)
            asked = [other for other in self._again if other[1] == finished.run_id]
            again = {other: self._again.pop(other) for other in asked}
            try:
                self._settle(finished, item)
                self._take_up_again(again)
            except StoreError as error:  # deleted or unreadable; the others have finished too
                log.warning("run %s is given up: %s", finished.run_id, error)
            with self._settled:
                self._n_finished += 1
                self._settled.notify_all()

    def _settle(self, finished: Finished, item: Item | None) -> None:
        run_id = finished.run_id
        let_go = run_id in self._let_go
        self._let_go.discard(run_id)
        if finished.note:
            self._notes[run_id] = finished.note
        if finished.problem:
            self._handle_death(finished, item)
        elif item is None:
            return
        elif finished.state is None:
            self._look_again(run_id)
            self._queue[item] = self._runs.config(run_id)
        elif let_go and finished.state is RunState.INTERRUPTED and not finished.note:
            self._queue[item] = self._runs.config(run_id)
        elif finished.state is RunState.PAUSED and self._wanted(item[0]) == "cancelled":
            self._note(run_id, "cancelled")  # asked for while the run was pausing

    def _take_up_again(self, again: dict[Item, tuple[RunState, ...]]) -> None:
        """Queue what was asked for while the run was stopping; a run that failed stays failed."""
        for item, skip in again.items():
            if self._runs.history(item[1]).state not in {*skip, RunState.DONE, RunState.FAILED}:
                self._enqueue(item, self._runs.config(item[1]))

    def _handle_death(self, finished: Finished, item: Item | None) -> None:
        """The process died under a run: resume it twice, then give up and say why."""
        run_id = finished.run_id
        n_before = self._deaths[run_id]
        self._deaths[run_id] += 1
        if n_before < len(_BACK_OFF_S) and item is not None and not finished.asked:
            log.warning("run %s is resumed: %s", run_id, finished.problem)
            self._elsewhere[run_id] = time.monotonic() + _BACK_OFF_S[n_before]
            self._queue[item] = self._runs.config(run_id)
            return
        asked = {"cancel": "cancelled", "pause": "paused"}.get(finished.asked)
        if asked:
            self._note(run_id, asked)
        else:
            kind = "TimeLimit" if finished.asked == "limit" else "WorkerDied"
            failure = {"type": kind, "message": finished.problem, "traceback": ""}
            self._note(run_id, "failed", failure)

    def _forward_requests(self) -> None:
        for run_id, (study_id, _) in tuple(self._running.items()):
            wanted = self._wanted(study_id)
            if wanted != "active":
                self._executor.request(run_id, "pause" if wanted == "paused" else "cancel")

    def _wanted(self, study_id: str) -> str:
        if not self._studies.exists(study_id):
            return "cancelled"  # another process deleted the study
        try:
            desired = self._studies.desired(study_id)
            if desired == "active" and self._queue.wish(study_id).is_over():
                log.info("the time of study %s is over; it is paused", study_id)
                desired = "paused"
                self._studies.set_desired(study_id, desired)
        except StoreError:
            return "active"  # not readable now is no wish of the user
        return desired

    def _dispatch(self) -> tuple[str, ...]:
        """Start what fits; the runs that an inline executor must be given, if there are any."""
        full = self._executor.max_parallel
        order = self._queue.in_order() if self._n_busy() < full else []
        for item in order:
            n_free = full - self._n_busy()
            if n_free <= 0:
                break
            run = self._queue.get(item)
            if run is None:
                continue
            start = next(self._numbers)
            others = self._companions(item, run)
            if not self._take(item, start):
                continue
            taken = (other[1] for other in others if self._take_along(other, start))
            n_others = self._n_others(len(others), n_free, part=math.ceil(len(order) / full))
            run_ids = (item[1], *itertools.islice(taken, n_others))
            if self.inline:
                return run_ids
            self._start(run_ids)
        return ()

    def _take(self, item: Item, start: int) -> bool:
        """Move an item from the queue to what is running, if it may be executed now."""
        try:
            if self._wanted(item[0]) != "active":
                del self._queue[item]
            elif self._is_ready(item):
                del self._queue[item]
                self._running[item[1]] = item
                self._starts[item[1]] = start
                return True
        except StoreError as error:  # one unreadable run must not hold up the others
            self._queue.pop(item, None)
            log.warning("run %s is left out: %s", item[1], error)
        return False

    def _take_along(self, item: Item, start: int) -> bool:
        """`_take` for a companion, which must not keep those that are taken from being started."""
        try:
            return self._take(item, start)
        except Exception:
            log.exception("run %s takes no turn with others", item[1])
            return False

    def _n_others(self, n_alike: int, n_free: int, *, part: int) -> int:
        """How many of the runs that could take turns with the one that was just taken shall.

        An equal part of all that waited; of the last strategy, a share for every free place. With
        more, workers would end at different times.
        """
        is_last = len(self._queue) == n_alike
        share = math.ceil((1 + n_alike) / n_free) if is_last else part
        return min(share, self._executor.max_turns) - 1

    def _companions(self, item: Item, run: RunConfig) -> list[Item]:
        """Other seeds of a run that are trained faster together with it.

        Not where a process died under one of them: alone it takes nobody with it.
        """
        if self._executor.max_turns == 1 or self._deaths[item[1]] or not takes_turns(run):
            return []
        return self._queue.alike(item, run, lambda run_id: not self._deaths[run_id])

    def _make_room(self) -> None:
        """Where something urgent waits, let runs that take turns wait instead, but for one.

        So it waits for the end of one run at most, as if each had been started alone.
        """
        now = time.monotonic()
        if not self._queue or now - self._made_room_at < _MAKE_ROOM_EVERY_S:
            return
        self._made_room_at = now
        in_turns: dict[int, list[str]] = {}
        for run_id, start in self._starts.items():
            in_turns.setdefault(start, []).append(run_id)
        shared = [run_ids for run_ids in in_turns.values() if len(run_ids) > 1]
        if not shared or self._n_busy() < self.max_parallel:
            return
        ready = (item for item in self._queue.in_order() if not self._is_elsewhere(item[1]))
        most = next((self._queue.priority(item) for item in ready), -math.inf)
        for _, *others in shared:
            for run_id in set(others) - self._let_go:
                if self._queue.priority(self._running[run_id]) < most:
                    self._let_go.add(run_id)
                    self._executor.request(run_id, "stop")

    def _n_busy(self) -> int:
        """Starts that are active; runs that take turns count as one."""
        return len({self._starts[run_id] for run_id in self._running})

    def _start(self, run_ids: tuple[str, ...]) -> None:
        self._executor.start(
            run_ids,
            contended=self._n_busy() > 1,
            accept_change=self._accept_change.intersection(run_ids),
        )

    def _is_ready(self, item: Item) -> bool:
        run_id = item[1]
        if run_id in self._running or self._is_elsewhere(run_id):
            return False
        if self._runs.history(run_id).state in {RunState.DONE, RunState.FAILED}:
            # Executed elsewhere since it was queued; a failed run is "requeued" to be retried.
            del self._queue[item]
            return False
        if self._runs.is_active(run_id):
            self._look_again(run_id)
            return False
        return True

    def _is_elsewhere(self, run_id: str) -> bool:
        """Whether another process holds the run, or held it when it was last looked at."""
        return time.monotonic() < self._elsewhere.get(run_id, 0.0)

    def _look_again(self, run_id: str) -> None:
        self._elsewhere[run_id] = time.monotonic() + _LOOK_AGAIN_S

    def _can_note(self, run_id: str) -> bool:
        if not self._runs.exists(run_id) or self._runs.is_active(run_id):
            return False
        return not self._runs.history(run_id).state.is_final

    def _note(self, run_id: str, kind: str, data: dict[str, str] | None = None) -> None:
        if not self._runs.exists(run_id):  # deleted meanwhile
            return
        try:
            with self._runs.open(run_id) as writer:
                writer.append(kind, data or {})
        except RunLockedError:
            log.info("run %s is held by another process, which will hear of it", run_id)
        except StoreError:
            log.exception("%r of run %s could not be recorded", kind, run_id)
