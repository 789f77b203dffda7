"""A tiny experiment on the run store, and ways to interrupt it."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diskcache
import numpy as np
import pytest

from alscope.config import BackboneConfig, RunConfig, ScenarioConfig, StrategySpec, TrainConfig
from alscope.store import _faults
from alscope.store.runs import RunStore
from alscope.store.writer import RunWriter

N_ROUNDS = 3
ROOT = Path(__file__).parents[2]
Hook = Callable[..., None]


class CrashError(BaseException):
    """Stands for the death of the process: no handler of ours may catch it."""


def run_config(seed: int = 0) -> RunConfig:
    return RunConfig(
        scenario=ScenarioConfig(n_rounds=N_ROUNDS),
        backbone=BackboneConfig(params={"width": 4}),
        train=TrainConfig(),
        strategy=StrategySpec(name="margin"),
        seed=seed,
    )


def drive(store: RunStore, config: RunConfig | None = None, *, wait: bool = True) -> str:
    """Run a made-up experiment from wherever it stands to its end.

    Without waiting, as runs do it, nothing is published, so that points come in one order.
    """
    run_id = store.create(config or run_config())
    with store.open(run_id) as writer:
        if writer.history.events and writer.history.events[-1].kind == "done":
            return run_id
        writer.append("started", {"env": {"device": "cpu"}}, wait=wait)
        for number in range(len(writer.history.rounds), N_ROUNDS + 1):
            if wait:
                writer.progress(force=True, round=number)
            data = {
                "result": {"round": number, "metrics": {"accuracy": (number + 1) / 7}},
                "timing": {"train_s": float(os.times().elapsed)},
            }
            blobs = {"query": query(number)} if number < N_ROUNDS else None
            writer.append("round", data, blobs=blobs, wait=wait)
        writer.append("done", {})
    return run_id


def query(number: int) -> dict[str, np.ndarray]:
    """What the made-up strategy buys in a round."""
    return {
        "queried": np.arange(number * 5, number * 5 + 5),
        "labels": np.full(5, number % 3),
        "scores": np.linspace(0, 1, 5) + number,
    }


@contextmanager
def hooked(hook: Hook) -> Iterator[None]:
    _faults.install(hook)
    try:
        yield
    finally:
        _faults.install(None)


@contextmanager
def in_turns(hook: Hook) -> Iterator[None]:
    """As `hooked`; a run and the thread that writes its journal change over at every point.

    So while the hook looks at the folder, nobody writes: it sees what a kill would leave.
    """
    baton, write, settle = threading.Lock(), RunWriter._write, RunWriter._settle

    def at_point(name: str) -> None:
        hook(name)
        baton.release()
        time.sleep(0.0005)  # or the one who has it would take it again
        baton.acquire()

    def write_in_turn(*arguments: Any) -> None:
        with baton:
            write(*arguments)

    def settle_in_turn(writer: RunWriter) -> None:
        baton.release()
        try:
            settle(writer)
        finally:
            baton.acquire()

    with pytest.MonkeyPatch.context() as patch, baton, hooked(at_point):
        patch.setattr(RunWriter, "_write", write_in_turn)
        patch.setattr(RunWriter, "_settle", settle_in_turn)
        yield


def fail_at(n: int, error: Callable[[], BaseException]) -> Hook:
    """A hook that raises at the n-th point, counted from 0."""
    counter = itertools.count()

    def hook(*_: object) -> None:
        if next(counter) == n:
            raise error()

    return hook


def points_of(action: Callable[[], object]) -> list[str]:
    """The points that an action passes."""
    names: list[str] = []
    with hooked(names.append):
        action()
    return names


def python(code: str, *args: object, fault: str = "") -> subprocess.Popen[str]:
    """Start a Python process with pipes, possibly with an armed fault."""
    environment = {**os.environ, "ALSCOPE_FAULT": fault, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="session", autouse=True)
def _unsynced_databases() -> Iterator[None]:
    """SQLite does not wait for the disk either."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(diskcache.core.DEFAULT_SETTINGS, "sqlite_synchronous", 0)
        yield


@pytest.fixture(autouse=True)
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Inodes that were synced, in order. Only power cuts need the real thing, and it is slow."""
    inodes: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: inodes.append(os.fstat(handle).st_ino))
    return inodes


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of a run store with one finished run; copy it before you change it."""
    root = tmp_path_factory.mktemp("whole")
    drive(RunStore(root))
    return root
