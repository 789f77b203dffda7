"""The stores with real processes: killed, or competing for the same thing."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pytest

from alscope.errors import RunLockedError, StoreError
from alscope.store import runs
from alscope.store.artifacts import ArtifactCache
from alscope.store.runs import RunStore
from alscope.types import RunState
from tests.store.conftest import drive, python, run_config

DRIVE = """
import sys
from pathlib import Path
from alscope.store.runs import RunStore
from tests.store.conftest import drive
drive(RunStore(Path(sys.argv[1])))
"""

HOLD = """
import sys
from pathlib import Path
from alscope.store.runs import RunStore
from tests.store.conftest import run_config
store = RunStore(Path(sys.argv[1]))
with store.open(store.create(run_config())) as writer:
    writer.append("started", {})
    print("ready", flush=True)
    sys.stdin.read()
"""

CACHE = """
import json, sys, threading, time
from pathlib import Path
import numpy as np
from alscope.store.artifacts import ArtifactCache
cache = ArtifactCache(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
calls, found = [], []
def compute():
    calls.append(1)
    time.sleep(0.3)
    return {"x": np.arange(9000.0)}, {"cost": 1.5}
def work():
    found.append(cache.get_or_compute("key", compute))
threads = [threading.Thread(target=work) for _ in range(int(sys.argv[2]))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sums = [float(artifact.arrays["x"].sum()) for artifact in found]
print(json.dumps([len(calls), sums]))
"""


@pytest.mark.parametrize(
    "fault",
    [
        "blob.inside:2",
        *(
            pytest.param(fault, marks=pytest.mark.slow)
            for fault in ("journal.inside:3", "journal.after:4")
        ),
    ],
)
def test_a_run_killed_inside_a_write_continues_to_the_same_records(
    tmp_path: Path, whole_run: Path, fault: str
) -> None:
    killed = python(DRIVE, tmp_path, fault=fault)
    killed.communicate()
    store = RunStore(tmp_path)
    (run_id,) = store.run_ids()

    assert killed.returncode == -signal.SIGKILL
    assert store.history(run_id).state is RunState.INTERRUPTED
    assert store.verify(run_id) == []
    assert store.records(drive(store)) == RunStore(whole_run).records(run_id)


@pytest.mark.parametrize("fault", ["cache.set.inside:1", "cache.set.written:1"])
def test_a_process_killed_inside_a_cache_write_leaves_a_miss(tmp_path: Path, fault: str) -> None:
    killed = python(CACHE, tmp_path, 1, fault=fault)
    killed.communicate("\n")
    cache = ArtifactCache(tmp_path)

    assert killed.returncode == -signal.SIGKILL
    assert cache.get("key") is None
    assert not cache.get_or_compute("key", lambda: ({"x": np.arange(9000.0)}, {})).hit
    assert cache.get("key").hit
    assert len(list(tmp_path.glob("v1/*/*/*.val"))) == 1
    assert not list(tmp_path.glob("*.corrupt-*"))


def test_one_process_writes_a_run_until_it_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "_PATIENCE_S", 0.1)
    store, run_id = RunStore(tmp_path), run_config().run_id
    holder = python(HOLD, tmp_path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"

    assert store.is_active(run_id)
    assert store.history(run_id).state is RunState.RUNNING
    for method in (store.open, store.delete):
        with pytest.raises(RunLockedError, match=f"written by process {holder.pid} on"):
            method(run_id)
    holder.kill()
    holder.communicate()
    assert not store.is_active(run_id)
    assert store.history(run_id).state is RunState.INTERRUPTED
    assert len(store.history(drive(store)).rounds) == 4


def test_a_reader_asking_for_activity_does_not_keep_a_writer_out(tmp_path: Path) -> None:
    import threading

    store = RunStore(tmp_path)
    run_id = store.create(run_config())
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            store.is_active(run_id)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(10):
            store.open(run_id).close()
    finally:
        stop.set()
        asking.join()

    assert not store.is_active(run_id)


def test_an_unknown_owner_is_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "_PATIENCE_S", 0.0)
    store = RunStore(tmp_path)
    run_id = store.create(run_config())
    with store.open(run_id):
        (tmp_path / run_id / "owner.json").unlink()
        with pytest.raises(StoreError, match="written by another process"):
            store.open(run_id)


@pytest.mark.slow
def test_two_processes_with_four_threads_compute_a_value_once(tmp_path: Path) -> None:
    processes = [python(CACHE, tmp_path, 4) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    results = [json.loads(process.communicate()[0]) for process in processes]

    assert sorted(calls for calls, _ in results) == [0, 1]
    assert {total for _, sums in results for total in sums} == {float(np.arange(9000.0).sum())}
    assert [len(sums) for _, sums in results] == [4, 4]
