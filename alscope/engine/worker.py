"""A warm worker process: imports torch once, then executes runs one after the other, or in turns.

Started by `alscope.engine.executors.worker` as `python -m alscope.engine.worker OPTIONS`. Commands
come as JSON lines on standard input, events leave as JSON lines on standard output; the end of
input means that the parent is gone, and the run stops at its next safe point.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import logging
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from alscope.data.protocols import DataRoot
from alscope.engine.control import StopToken
from alscope.engine.defaults import Paths
from alscope.engine.failures import DEVICE
from alscope.engine.memory import go_first, limit_memory
from alscope.engine.runner import make_resources
from alscope.engine.turns import execute_in_turns
from alscope.store.runs import RunStore
from alscope.texts import log_to_stderr
from alscope.types import RunState

__all__ = ["main"]

log = logging.getLogger(__name__)

ORPHAN_GRACE_S = 30.0
"""How long a run may take to notice that the parent is gone, before the process ends itself."""
NICENESS = 10
"""Training yields to the web server: a niced process costs a page next to nothing."""


class _Worker:
    def __init__(self, options: argparse.Namespace, events: IO[str]) -> None:
        self._options = options
        self._events = events
        self._store = RunStore(Paths(options.cache).runs)
        self._tokens: dict[str, StopToken] = {}
        self._commands: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        root = DataRoot(
            path=options.data,
            cache=Paths(options.cache).derived,
            allow_download=not options.offline,
        )
        self._resources = make_resources(
            options.cache,
            root,
            device=options.device,
            n_threads=options.threads,
            slot=options.slot,
        )
        self._is_settled = False

    @property
    def on_cpu(self) -> bool:
        """Whether runs are computed without a GPU."""
        return self._resources.device.type == "cpu"

    def serve(self) -> None:
        threading.Thread(target=self._listen, name="commands", daemon=True).start()
        self._tell(event="ready")
        while (command := self._commands.get()) is not None:
            if not self._run(command):
                return

    def _listen(self) -> None:
        for line in sys.stdin:
            command = json.loads(line)
            if command["cmd"] == "run":
                self._tokens = {run_id: StopToken() for run_id in command["runs"]}
                command["tokens"] = self._tokens
                self._commands.put(command)
            elif command["cmd"] == "contended":
                for token in self._tokens.values():
                    token.contended = True  # first: see `runner.execute`
                self._resources.contended = True
            else:
                asked = self._tokens.get(command["run_id"])
                if asked is not None:  # else it has ended
                    asked.request(command["cmd"])
        for token in self._tokens.values():
            token.request("stop")
        self._commands.put(None)
        # A run that never looks must not go on for ever without anybody who could stop it.
        time.sleep(ORPHAN_GRACE_S)
        os._exit(1)

    def _run(self, command: dict[str, Any]) -> bool:
        """Execute runs that take turns; whether the process can execute other ones."""
        lost = False

        def ended(run_id: str, state: RunState | None, note: str) -> bool:
            nonlocal lost
            lost |= state is RunState.FAILED and self._lost_device(run_id)
            value = state.value if state else None
            self._tell(event="finished", run_id=run_id, state=value, note=note)
            return not lost

        # Each end is told at once, so that the next run is chosen meanwhile.
        execute_in_turns(
            self._store,
            command["tokens"],
            lambda: self._resources,
            ended,
            turn=lambda run_id: self._tell(event="turn", run_id=run_id),
            contended=command["contended"],
            accept_change=command["accept_change"],
        )
        self._resources.forget_run()
        if not self._is_settled:
            # All libraries are imported now. Their objects stay, so no collection has to look at
            # them again: that would be a sixth of a second after every run.
            gc.freeze()
            self._is_settled = True
        return not lost

    def _lost_device(self, run_id: str) -> bool:
        """Whether the run failed because of the device, which no later call can use then."""
        error = self._store.history(run_id).error or {}
        return error.get("type") == DEVICE

    def _tell(self, **event: Any) -> None:
        with contextlib.suppress(BrokenPipeError):  # the parent is gone; end of input follows
            self._events.write(json.dumps(event) + "\n")
            self._events.flush()


def main() -> None:
    """Serve until the end of standard input."""
    options = _parse()
    # Whatever a library prints must not reach the event stream.
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    log_to_stderr(logging.INFO, "%(asctime)s %(levelname)s %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    worker = _Worker(options, events)
    go_first()
    if worker.on_cpu:  # what a GPU's driver reserves was not seen under such a limit
        limit_memory(options.memory)
    worker.serve()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="alscope.engine.worker")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--slot", type=int, default=0)
    parser.add_argument("--memory", type=int, default=None)
    parser.add_argument("--offline", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
