"""Executors within this process: serial (inline) and thread (one background thread).

For notebooks, tests and machines that forbid processes. One run at a time, because torch's default
generator is shared by all threads of a process.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from alscope.engine.control import StopToken
from alscope.engine.defaults import Paths
from alscope.engine.executors.protocols import ExecutorConfig, Finished, nobody
from alscope.engine.runner import execute, make_resources
from alscope.errors import StoreError
from alscope.store.runs import RunStore
from alscope.types import RunState

if TYPE_CHECKING:
    from alscope.engine.resources import Resources

__all__ = ["SerialExecutor", "ThreadExecutor"]

log = logging.getLogger(__name__)


class SerialExecutor:
    """Executes a run in the calling thread; the reference behaviour."""

    max_parallel = 1
    max_turns = 1
    inline = True

    def __init__(self, config: ExecutorConfig) -> None:
        self._config = config
        self._store = RunStore(Paths(config.cache).runs)
        self._resources: Resources | None = None
        self._token = StopToken()
        self._running: str | None = None
        self._early: tuple[str, str] | None = None
        self._finished: list[Finished] = []
        self.on_change: Callable[[], None] = nobody

    def start(
        self, run_ids: Sequence[str], *, contended: bool, accept_change: Collection[str]
    ) -> None:
        """Execute the run now."""
        (run_id,) = run_ids
        self._begin(run_id)
        self._work(run_id, contended, run_id in accept_change)

    def request(self, run_id: str, action: str) -> None:
        """Stop a run at its next check, also if it is handed over at this moment."""
        self._early = (run_id, action)
        if run_id == self._running:
            self._token.request(action)

    def active(self) -> tuple[str, ...]:
        """The run that is executed now."""
        return (self._running,) if self._running else ()

    def poll(self) -> tuple[Finished, ...]:
        """Runs that finished since the last call."""
        done = []
        if self._finished:
            self._early = None  # whom it was meant for has ended
        while self._finished:  # one by one: the thread of a run may append at any moment
            done.append(self._finished.pop(0))
        return tuple(done)

    def shutdown(self) -> None:
        """Stop the active run at its next check."""
        self._token.request("stop")

    def _begin(self, run_id: str) -> None:
        self._token = StopToken()
        self._running = run_id
        if self._early is not None and self._early[0] == run_id:
            self._token.request(self._early[1])

    def _work(self, run_id: str, contended: bool, accept_change: bool) -> None:
        state = None
        problem, note = "the run ended without a result", ""
        try:
            state = execute(
                self._store,
                run_id,
                self._get_resources,
                self._token,
                contended=contended,
                accept_change=accept_change,
            )
            problem = ""
        except StoreError as error:  # the store is full, read-only or gone
            log.warning("run %s: %s", run_id, error)
            state, problem, note = RunState.INTERRUPTED, "", str(error)
        finally:
            # In this order: once it is known to have finished, the next run may begin.
            self._running = None
            self._finished.append(Finished(run_id, state, problem, note=note))
            self.on_change()

    def _get_resources(self) -> Resources:
        if self._resources is None:
            self._resources = make_resources(
                self._config.cache,
                self._config.data_root,
                device=self._config.device,
                n_threads=self._config.n_threads,
            )
        return self._resources


class ThreadExecutor(SerialExecutor):
    """Executes a run in one background thread."""

    inline = False

    def __init__(self, config: ExecutorConfig) -> None:
        super().__init__(config)
        self._thread: threading.Thread | None = None

    def start(
        self, run_ids: Sequence[str], *, contended: bool, accept_change: Collection[str]
    ) -> None:
        """Execute the run in the background."""
        (run_id,) = run_ids
        self._begin(run_id)
        self._thread = threading.Thread(
            target=self._work,
            args=(run_id, contended, run_id in accept_change),
            name=f"alscope-run-{run_id[:8]}",
            daemon=True,
        )
        self._thread.start()

    def shutdown(self) -> None:
        """Stop the active run and wait for its thread."""
        super().shutdown()
        if self._thread is not None:
            self._thread.join(timeout=30)
