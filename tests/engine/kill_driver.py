"""Executes a run in forked children that kill themselves (SIGKILL), until it is done.

Run as a module with a folder, a strategy and the cases. Torch is imported once, before the forks.
Prints, as JSON, how many children were killed and the final records.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from alscope.engine.control import StopToken
from alscope.engine.runner import execute
from alscope.store import _faults
from alscope.store.runs import RunStore
from tests.engine.conftest import Bench, tiny_run


def attempt(work: Callable[[], None], point: str, count: int) -> int:
    """Fork, work until `point` is passed `count` times, and return the wait status."""
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1]
    try:
        left = count

        def hook(name: str) -> None:
            nonlocal left
            if name == point:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        _faults.install(hook)
        work()
    finally:
        os._exit(0)


def work(folder: Path, strategy: str) -> None:
    """Execute the run."""
    bench = Bench(folder)
    run_id = bench.store.create(tiny_run(strategy))
    execute(bench.store, run_id, lambda: bench.resources, StopToken())


def warm_up() -> None:
    """Import what every child needs; the first optimizer of a process alone takes seconds."""
    importlib.import_module("alscope.engine.loop")
    importlib.import_module("sklearn.datasets")
    torch.optim.AdamW([torch.zeros(1)])


def until_done(folder: Path, strategy: str, point: str, count: int) -> dict[str, object]:
    """Kill with a growing count until the run survives; report what is left."""
    kills = 0
    while os.WIFSIGNALED(attempt(lambda: work(folder, strategy), point, count)) and kills < 50:
        kills += 1
        count += 1 + count // 3  # progress must be possible even if nothing was saved
    store = RunStore(folder / "runs")
    run_id = tiny_run(strategy).run_id
    return {
        "kills": kills,
        "state": store.history(run_id).state.value,
        "problems": store.verify(run_id),
        "records": store.records(run_id).decode(),
    }


def main() -> None:
    """Treat every case given as JSON: name to [point, count]."""
    warm_up()
    folder, strategy = Path(sys.argv[1]), sys.argv[2]
    cases = json.loads(sys.argv[3])
    reports = {
        name: until_done(folder / str(index), strategy, point, count)
        for index, (name, (point, count)) in enumerate(cases.items())
    }
    print(json.dumps(reports))


if __name__ == "__main__":
    main()
