"""Executes runs that take turns in forked children that kill themselves, until they are done.

Run as a module with a folder and the cases; see `kill_driver`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from alscope.engine.control import StopToken
from alscope.engine.turns import execute_in_turns
from alscope.store.runs import RunStore
from tests.engine.conftest import Bench
from tests.engine.kill_driver import attempt, warm_up
from tests.engine.test_turns import head_run

CONFIGS = [head_run("margin", seed) for seed in range(3)]


def work(folder: Path) -> None:
    """Execute the runs in turns."""
    bench = Bench(folder)
    tokens = {bench.store.create(config): StopToken() for config in CONFIGS}
    execute_in_turns(bench.store, tokens, lambda: bench.resources, lambda *_: True)


def until_done(folder: Path, point: str, count: int) -> dict[str, object]:
    """Kill with a growing count until the runs survive; report what is left."""
    kills = 0
    while os.WIFSIGNALED(attempt(lambda: work(folder), point, count)) and kills < 50:
        kills += 1
        count += 1 + count // 3  # progress must be possible even if nothing was saved
    store = RunStore(folder / "runs")
    left = [
        {
            "state": store.history(config.run_id).state.value,
            "problems": store.verify(config.run_id),
            "records": store.records(config.run_id).decode(),
        }
        for config in CONFIGS
    ]
    return {"kills": kills, "runs": left}


def main() -> None:
    """Treat every case given as JSON: name to [point, count]."""
    warm_up()
    folder, cases = Path(sys.argv[1]), json.loads(sys.argv[2])
    reports = {
        name: until_done(folder / str(index), point, count)
        for index, (name, (point, count)) in enumerate(cases.items())
    }
    print(json.dumps(reports))


if __name__ == "__main__":
    main()
