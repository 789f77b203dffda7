"""What every executor is: something that moves runs. All state passes through the run store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from alscope.data.protocols import DataRoot
from alscope.types import RunState

__all__ = ["Executor", "ExecutorConfig", "Finished", "nobody"]


@dataclass(frozen=True)
class ExecutorConfig:
    """What an executor needs to reach stores, data and devices.

    Attributes:
        cache: The cache folder.
        data_root: Where data sets are.
        device: "auto", "cpu" or "cuda".
        n_threads: CPU threads of one run; None: what this machine has for each of the workers.
        workers: Runs executed at the same time, where the executor can.
        memory: Bytes that a worker process may take on top of what it has when it is ready; None:
            what the machine has.
        round_limit_s: Seconds that one round may take before its process is ended.
    """

    cache: Path
    data_root: DataRoot
    device: str = "auto"
    n_threads: int | None = None
    workers: int = 1
    memory: int | None = None
    round_limit_s: float = 24 * 3600.0


@dataclass(frozen=True)
class Finished:
    """A run has left the executor.

    Attributes:
        run_id: Which one.
        state: How it ended; None: another process holds it.
        problem: What went wrong outside the run (the worker died), in words; "" if nothing did.
        asked: Why the run had to be ended by force: it had been asked to "pause" or to "cancel", or
            one round took longer than the "limit".
        note: Why it could not be recorded how the run ended, in words; "" if it was.
    """

    run_id: str
    state: RunState | None
    problem: str = ""
    asked: str = ""
    note: str = ""


def nobody() -> None:
    """What is called while nobody listens."""


class Executor(Protocol):
    """Moves runs. Not thread-safe: one supervisor uses it."""

    max_parallel: int
    """Starts that may be active at the same time."""
    max_turns: int
    """Runs that one start may carry, which then take turns and count as one."""
    inline: bool
    """Whether `start` returns only when the run has ended."""
    on_change: Callable[[], None]
    """Called from any thread as soon as a run may have left; what happened is in `poll`."""

    def start(
        self, run_ids: Sequence[str], *, contended: bool, accept_change: Collection[str]
    ) -> None:
        """Begin a run, or several that take turns.

        Args:
            run_ids: At most `max_turns`.
            contended: Others are active.
            accept_change: Which may continue although the environment changed.
        """

    def request(self, run_id: str, action: str) -> None:
        """Ask an active run to "pause" or "cancel"; nothing happens if it is not active.

        One that takes turns with others may also be asked to "stop": it leaves as interrupted.
        """

    def active(self) -> tuple[str, ...]:
        """Runs that were started and have not finished."""

    def poll(self) -> tuple[Finished, ...]:
        """Runs that finished since the last call."""

    def shutdown(self) -> None:
        """Stop everything at the next safe point and release processes."""
