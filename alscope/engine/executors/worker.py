"""The default of the app: warm worker processes, one per slot.

With several GPUs the slots take them in turn; on a CPU they share its cores evenly.

`subprocess`, never `multiprocessing`: a spawned child would run the app's main script again. A
crash costs an attempt of the runs in it; the next ones get a fresh process.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import alscope
from alscope.engine.defaults import Paths
from alscope.engine.executors.protocols import ExecutorConfig, Finished, nobody
from alscope.engine.executors.slots import is_on_cpu
from alscope.learn.device import default_threads
from alscope.store.files import FileMark, file_mark
from alscope.types import RunState

__all__ = ["WorkerExecutor", "process_environment"]

log = logging.getLogger(__name__)

GRACE_S = {"cancel": 5.0, "pause": 15.0}
"""How long a run may take to notice a request before its process is ended."""


MAX_TURNS = 16
"""Runs that take turns: steps are hardly shared better by more, and each keeps its data at hand."""


class _Process:
    """One worker process and what it is doing."""

    def __init__(self, config: ExecutorConfig, slot: int, on_change: Callable[[], None]) -> None:
        logs = Paths(config.cache).logs
        logs.mkdir(parents=True, exist_ok=True)
        self.log = logs / f"worker-{os.getpid()}-{slot}.log"
        self.runs: set[str] = set()
        self.asked: dict[str, tuple[str, float]] = {}
        self.turn: tuple[str | None, float] = (None, 0.0)
        self.ended_by_us = False
        self.seen: list[FileMark | None] = []
        self.seen_at = time.monotonic()
        self.events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._on_change = on_change
        with self.log.open("ab") as output:
            self._popen = subprocess.Popen(
                _command(config, slot),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                start_new_session=True,  # Ctrl-C reaches the parent, which stops us in order
                env=process_environment(),
            )
        self._reader = threading.Thread(
            target=self._read, name=f"alscope-worker-{slot}", daemon=True
        )
        self._reader.start()

    def begin(self, run_ids: Iterable[str]) -> None:
        """Note the runs that are handed over."""
        self.runs, self.asked = set(run_ids), {}
        self.turn = (None, 0.0)
        self.seen, self.seen_at = [], time.monotonic()

    def stands_still_s(self, journals: Iterable[Path]) -> float:
        """Seconds since something was recorded of any of the runs."""
        marks = [file_mark(journal) for journal in journals]
        if marks != self.seen:
            self.seen, self.seen_at = marks, time.monotonic()
        return time.monotonic() - self.seen_at

    def send(self, **command: Any) -> bool:
        """Whether the command could be delivered."""
        assert self._popen.stdin is not None
        try:
            self._popen.stdin.write(json.dumps(command) + "\n")
            self._popen.stdin.flush()
        except (BrokenPipeError, ValueError, OSError):
            return False
        return True

    @property
    def exit_code(self) -> int | None:
        """None while the process lives."""
        return self._popen.poll()

    def stop(self) -> None:
        """End of input: stop at the next safe point."""
        assert self._popen.stdin is not None
        try:
            self._popen.stdin.close()
        except OSError:
            log.debug("worker %s was gone already", self._popen.pid)

    def overdue(self) -> str | None:
        """A run that works and does not stop although it was asked to, if there is one.

        One that waits for its turn hears of a request when the one that works looks up.
        """
        working, since = self.turn
        for run_id, (action, asked_at) in self.asked.items():
            heard_at = max(asked_at, since)
            if working in {run_id, None} and time.monotonic() - heard_at > GRACE_S[action]:
                return run_id
        return None

    def kill(self) -> None:
        """End the process now; the kernel frees its locks."""
        self.ended_by_us = True
        self._popen.kill()
        self._popen.wait()
        self.release()

    def wait(self, timeout: float) -> None:
        """Wait for the end, then make it happen."""
        try:
            self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
        self.release()

    def release(self) -> None:
        """Close the pipes of a process that has ended."""
        self.stop()
        self._reader.join(timeout=5)

    def log_tail(self, lines: int = 8) -> str:
        """The last lines that the process wrote."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def _read(self) -> None:
        assert self._popen.stdout is not None
        with self._popen.stdout as lines:
            for line in lines:
                try:
                    event = json.loads(line)
                except json.JSONDecodeError:
                    log.warning("worker said something unreadable: %.200s", line)
                    continue
                if event["event"] == "turn":
                    self.turn = (event["run_id"], time.monotonic())
                    continue
                self.events.put(event)
                self._on_change()
        self._on_change()  # the process has ended


@dataclass
class _Slot:
    process: _Process | None = None


class WorkerExecutor:
    """Executes runs in warm worker processes.

    Args:
        config: Where stores and data are; `workers` is the number of slots.
    """

    inline = False

    def __init__(self, config: ExecutorConfig) -> None:
        self._config = config
        self.max_parallel = config.workers
        # On a GPU nothing is trained together.
        self.max_turns = MAX_TURNS if is_on_cpu(config.device) else 1
        self._slots = [_Slot() for _ in range(config.workers)]
        self._finished: list[Finished] = []
        self.on_change: Callable[[], None] = nobody

    def start(
        self, run_ids: Sequence[str], *, contended: bool, accept_change: Collection[str]
    ) -> None:
        """Hand the runs to a free worker; starts one if none is warm."""
        command = {
            "cmd": "run",
            "runs": list(run_ids),
            "contended": contended,
            "accept_change": list(accept_change),
        }
        index, slot = next(
            (i, s) for i, s in enumerate(self._slots) if s.process is None or not s.process.runs
        )
        try:
            self._hand_over(slot, index, command)
        except OSError as error:
            problem = f"no worker process could be started: {error.strerror or error}"
            self._finished += [Finished(run_id, None, problem) for run_id in run_ids]
            return
        if contended:
            for process in self._busy():
                process.send(cmd="contended")

    def _hand_over(self, slot: _Slot, index: int, command: dict[str, Any]) -> None:
        if slot.process is not None:
            slot.process.begin(command["runs"])  # first, or an answer could come before it
            if slot.process.send(**command):
                return
        if slot.process is not None:
            log.warning("a warm worker had died; a new one takes run %s", command["runs"][0])
            slot.process.kill()
            slot.process = None
        slot.process = _Process(self._config, index, lambda: self.on_change())
        slot.process.begin(command["runs"])
        slot.process.send(**command)

    def request(self, run_id: str, action: str) -> None:
        """Ask the worker of an active run to pause, cancel or stop it."""
        for process in self._busy():
            if run_id in process.runs and process.asked.get(run_id, ("", 0.0))[0] != action:
                if action in GRACE_S:  # nobody is hurried to make room for others
                    process.asked[run_id] = (action, time.monotonic())
                process.send(cmd=action, run_id=run_id)

    def active(self) -> tuple[str, ...]:
        """Runs in worker processes."""
        return tuple(run_id for process in self._busy() for run_id in sorted(process.runs))

    def poll(self) -> tuple[Finished, ...]:
        """Runs that finished, and runs whose worker died or had to be ended."""
        for slot in self._slots:
            if slot.process is not None:
                self._poll_slot(slot, slot.process)
        done, self._finished = tuple(self._finished), []
        return done

    def shutdown(self) -> None:
        """Stop every worker at its next safe point; end those that do not."""
        processes = [slot.process for slot in self._slots if slot.process is not None]
        for process in processes:
            process.stop()
        for process in processes:
            process.wait(timeout=10)
        self._slots = [_Slot() for _ in range(self.max_parallel)]

    def _busy(self) -> list[_Process]:
        return [s.process for s in self._slots if s.process is not None and s.process.runs]

    def _poll_slot(self, slot: _Slot, process: _Process) -> None:
        code = process.exit_code
        if code is not None:
            process.release()  # and with it the reader, so that the last events are here
        while not process.events.empty():
            event = process.events.get()
            if event["event"] == "finished":
                state = RunState(event["state"]) if event["state"] else None
                note = event.get("note", "")
                self._finished.append(Finished(event["run_id"], state, note=note))
                process.runs.discard(event["run_id"])
                process.asked.pop(event["run_id"], None)
        if code is not None:
            self._finished += [self._left(code, process, run_id) for run_id in sorted(process.runs)]
            slot.process = None
        elif process.runs:
            self._end_if_stuck(process)

    def _left(self, code: int, process: _Process, run_id: str) -> Finished:
        """What to say of a run whose process has ended."""
        asked, _ = process.asked.get(run_id, ("", 0.0))
        if process.ended_by_us and not asked:
            return Finished(run_id, None)  # because of another one: it goes on elsewhere
        problem = self._too_long() if asked == "limit" else _death(code, process)
        return Finished(run_id, None, problem, asked=asked)

    def _end_if_stuck(self, process: _Process) -> None:
        overdue = process.overdue()
        if overdue is not None:
            log.warning("run %s ignored a request; ending its process", overdue)
            process.kill()
            return
        journals = [self._journal(run_id) for run_id in sorted(process.runs)]
        if process.stands_still_s(journals) > self._config.round_limit_s:
            working, _ = process.turn
            late = process.runs if working not in process.runs else {working}
            log.warning("runs %s take too long; ending their process", ", ".join(late))
            process.asked |= dict.fromkeys(late, ("limit", time.monotonic()))
            process.kill()

    def _journal(self, run_id: str) -> Path:
        return Paths(self._config.cache).runs / run_id / "journal.jsonl"

    def _too_long(self) -> str:
        return (
            f"one round took longer than {self._config.round_limit_s / 3600:.3g} hours, so its "
            "process was ended; the strategy may hang. Retry it, with a longer --round-limit if it "
            "needs the time"
        )


def _command(config: ExecutorConfig, slot: int) -> list[str]:
    command = [
        sys.executable,
        "-m",
        "alscope.engine.worker",
        "--cache",
        str(config.cache),
        "--data",
        str(config.data_root.path),
        "--device",
        config.device,
        "--slot",
        str(slot),
        "--threads",
        str(config.n_threads or default_threads(config.workers)),
    ]
    if config.memory is not None:
        command += ["--memory", str(config.memory)]
    if not config.data_root.allow_download:
        command.append("--offline")
    return command


def process_environment() -> dict[str, str]:
    """Variables for a process of the same package."""
    # The package may be used from a checkout that is not installed.
    package_parent = str(Path(alscope.__file__).resolve().parent.parent)
    known = os.environ.get("PYTHONPATH", "")
    joined = os.pathsep.join([package_parent, known]) if known else package_parent
    return {**os.environ, "PYTHONPATH": joined, "PYTHONUNBUFFERED": "1"}


def _death(code: int, process: _Process) -> str:
    if code < 0:
        reason = f"was killed by signal {-code}"
        if code == -9:
            reason += ", possibly because memory ran out (use a smaller pool_limit or eval_batch)"
    else:
        reason = f"ended with exit code {code}"
    return f"the worker process {reason}. Last lines of its log:\n{process.log_tail()}"
