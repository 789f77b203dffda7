"""The app and, in the same process, somebody who launches, stops, resumes and deletes studies.

    python benchmarks/soak/server.py CACHE PORT SEED EVENTS PAUSE KEPT

The driver is a thread beside the server: a class of impatient users. It writes one JSON line per
action to EVENTS. What must always hold is checked on the way: every finished run verifies, and a
run that was deleted and computed again, or killed and resumed, has the same records as before.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from alscope.config import BackboneConfig, ScenarioConfig, StrategySpec, StudyConfig, TrainConfig
from alscope.engine.access import LOCAL
from alscope.engine.service import Service
from alscope.errors import ALScopeError
from alscope.types import RunState

ROOT = Path(__file__).resolve().parents[2]
STRATEGIES = ("random", "margin", "badge", "coreset", "bald")
MOST_STUDIES = 10
MOST_DELETED = 6


def study_of(dice: random.Random) -> StudyConfig:
    """One of a few hundred small studies, so that runs come back after they were deleted."""
    scenario = ScenarioConfig(
        dataset="digits",
        pool_limit=150,
        test_limit=60,
        n_initial=12,
        query_size=6,
        n_rounds=dice.choice((2, 4)),
    )
    return StudyConfig(
        name=f"soak {dice.randrange(40)}",
        scenarios=(scenario,),
        strategies=tuple(StrategySpec(name=name) for name in dice.sample(STRATEGIES, 2)),
        seeds=tuple(sorted(dice.sample(range(6), 2))),
        backbone=BackboneConfig(name="mlp"),
        train=TrainConfig(epochs=1, min_steps=10, batch_size=16),
    )


class Driver:
    """Acts at random on a service, and checks what must hold.

    Args:
        service: The service of this process.
        dice: Decides what is done.
        events: File for one line per action.
        pause: Mean seconds between actions.
    """

    def __init__(self, service: Service, dice: random.Random, events: Path, pause: float) -> None:
        self._service = service
        self._dice = dice
        self._events = events.open("a", encoding="utf-8", buffering=1)
        self._pause = pause
        self._over = threading.Event()
        self._records: dict[str, str] = {}
        self._actions: dict[str, tuple[int, Callable[[], str]]] = {
            "launch": (6, self._launch),
            "pause": (3, lambda: self._to_one(service.pause)),
            "resume": (4, lambda: self._to_one(service.resume)),
            "retry": (4, lambda: self._to_one(service.retry)),
            "cancel": (3, lambda: self._to_one(service.cancel)),
            "delete": (3, lambda: self._to_one(service.delete)),
            "restore": (2, self._restore),
            "purge": (2, self._purge),
            "kill worker": (1, self._kill_worker),
            "check": (4, self._check),
        }

    def go(self) -> None:
        """Act until `stop`."""
        weights = [weight for weight, _ in self._actions.values()]
        while not self._over.wait(self._dice.uniform(0, 2 * self._pause)):
            (name,) = self._dice.choices(list(self._actions), weights)
            if not self._records:  # on a busy machine no worker would ever come to finish a run
                name = "check" if self._service.studies() else "launch"
            try:
                said = self._actions[name][1]()
            except ALScopeError as error:  # such as deleting a study that is running: no fault
                said = f"refused: {error}"
            except Exception as error:
                said = f"SURPRISE {type(error).__name__}: {error}"
            print(json.dumps({"action": name, "said": said}), file=self._events)

    def stop(self) -> None:
        """Begin nothing more; a service that closes would wait for what is begun meanwhile."""
        self._over.set()

    def _launch(self) -> str:
        if len(self._service.studies()) >= MOST_STUDIES:
            return self._to_one(self._service.delete)
        return self._service.submit(study_of(self._dice))

    def _to_one(self, action: Callable[[str], object]) -> str:
        studies = self._service.studies()
        if not studies:
            return "no study"
        study_id = self._dice.choice(studies).study_id
        action(study_id)
        return study_id

    def _restore(self) -> str:
        entries = self._service.library.trash()
        return self._service.library.restore(self._dice.choice(entries).entry_id) if entries else ""

    def _purge(self) -> str:
        entries = self._service.library.trash()
        if len(entries) < MOST_DELETED:
            return ""
        freed = [self._service.library.purge(entry.entry_id) for entry in entries[2:]]
        return f"{len(freed)} entries"

    def _kill_worker(self) -> str:
        workers = [pid for pid in children(os.getpid()) if "alscope.engine.worker" in command(pid)]
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        return f"{len(workers)} killed"

    def _check(self) -> str:
        store, n = self._service.runs, 0
        for run_id in store.run_ids():
            try:
                if store.history(run_id).state is not RunState.DONE:
                    continue
                problems = store.verify(run_id)
                digest = hashlib.sha256(store.records(run_id)).hexdigest()
            except ALScopeError:  # deleted meanwhile
                continue
            if problems:
                return f"SURPRISE run {run_id}: {problems}"
            if self._records.setdefault(run_id, digest) != digest:
                return f"SURPRISE run {run_id} has other records than before"
            n += 1
        failed = [r for s in self._service.studies() for r in s.runs if r.state is RunState.FAILED]
        deaths = [run for run in failed if "killed by signal 9" not in run.message]
        if deaths:
            return f"SURPRISE run {deaths[0].run_id} failed: {deaths[0].message}"
        return f"{n} runs sound, {len(self._records)} known"


def children(pid: int) -> list[int]:
    """Direct child processes."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:  # the thread has ended
            continue
    return found


def command(pid: int) -> str:
    """The command line of a process; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def main() -> None:
    """Serve the app until the process is ended."""
    from streamlit.web import bootstrap

    from alscope.ui.service import adopt

    cache, port, seed, events, pause, kept = sys.argv[1:7]
    service = Service.open(cache, executor="worker", threads=1, device="cpu", offline=True)
    adopt(service)
    driver = Driver(service, random.Random(int(seed)), Path(events), float(pause))
    acting = threading.Thread(target=driver.go, name="driver", daemon=True)
    of_session = service.guard.who  # knows sessions only; the driver sits at this computer
    service.guard.who = lambda: LOCAL if threading.current_thread() is acting else of_session()
    acting.start()
    options = {"server.port": int(port), "server.headless": True}
    options["server.disconnectedSessionTTL"] = int(kept)
    bootstrap.load_config_options(options)
    bootstrap.run(str(ROOT / "app.py"), False, [], options)
    driver.stop()
    acting.join(timeout=20)


if __name__ == "__main__":
    main()
