"""A warm worker process: imports torch once, then executes runs one after the other.

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
from pathlib import Path
from typing import IO, Any

from alscope.data.protocols import DataRoot
from alscope.engine.control import StopToken
from alscope.engine.defaults import Paths
from alscope.engine.runner import execute, make_resources
from alscope.store.runs import RunStore
from alscope.texts import log_to_stderr

__all__ = ["main"]

NICENESS = 10
"""Training yields to the web server: a niced process costs a page next to nothing."""


class _Worker:
    def __init__(self, options: argparse.Namespace, events: IO[str]) -> None:
        self._options = options
        self._events = events
        self._store = RunStore(Paths(options.cache).runs)
        self._token = StopToken()
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

    def serve(self) -> None:
        threading.Thread(target=self._listen, name="commands", daemon=True).start()
        self._tell(event="ready")
        while (command := self._commands.get()) is not None:
            self._run(command)

    def _listen(self) -> None:
        for line in sys.stdin:
            command = json.loads(line)
            if command["cmd"] == "run":
                self._token = StopToken()
                command["token"] = self._token
                self._commands.put(command)
            elif command["cmd"] == "contended":
                self._token.contended = True  # first: see `runner.execute`
                self._resources.contended = True
            else:
                self._token.request(command["cmd"])
        self._token.request("stop")
        self._commands.put(None)

    def _run(self, command: dict[str, Any]) -> None:
        run_id = command["run_id"]
        state = execute(
            self._store,
            run_id,
            lambda: self._resources,
            command["token"],
            contended=command["contended"],
            accept_change=command["accept_change"],
        )
        # First, so that the next run is chosen meanwhile.
        self._tell(event="finished", run_id=run_id, state=state.value if state else None)
        self._resources.forget_run()
        if not self._is_settled:
            # All libraries are imported now. Their objects stay, so no collection has to look at
            # them again: that would be a sixth of a second after every run.
            gc.freeze()
            self._is_settled = True

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
    _Worker(options, events).serve()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="alscope.engine.worker")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--slot", type=int, default=0)
    parser.add_argument("--offline", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
