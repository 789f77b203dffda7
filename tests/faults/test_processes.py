"""C3, C9, C10, C14, E4, E5 and E9: processes that die, hang, take everything, or never start."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alscope.config import StrategySpec
from alscope.engine import supervisor
from alscope.engine.executors import worker as worker_executor
from alscope.engine.memory import memory_of_machine
from alscope.engine.service import Service
from alscope.errors import RunLockedError
from alscope.store.files import seal
from alscope.store.runs import RunStore
from alscope.types import RunState
from tests.engine.conftest import tiny_run, tiny_study, tiny_train
from tests.faults.workers import python, sabotage, until
from tests.store.conftest import drive, run_config

Open = Callable[..., Service]

HANG = """
from pathlib import Path
from alscope.store import _faults
def hook(name):
    while name == "select.before":
        Path({marker!r}).touch()
_faults.install(hook)
"""
GREEDY = """
import numpy as np
from alscope.store import _faults
def hook(name):
    if name == "select.before":
        np.ones(2 * 10**9)
_faults.install(hook)
"""
IMPATIENT = """
import alscope.engine.worker as worker
worker.ORPHAN_GRACE_S = 0.5
sys.argv = ["worker", *sys.argv[2:]]
worker.main()
"""
BROKEN = "raise SystemExit('the library libexample.so is missing')"

SERVER = """
import sys, time
from pathlib import Path
from alscope.engine.service import Service
from tests.engine.conftest import tiny_study, tiny_train
service = Service.open(Path(sys.argv[1]), executor="worker", threads=1, device="cpu", offline=True)
study_id = service.submit(tiny_study(seeds=(0,), train=tiny_train(min_steps=3000)))
while not any(run.stage == "train" for run in service.study(study_id).runs):
    time.sleep(0.05)
(pid,) = [slot.process._popen.pid for slot in service._supervisor._executor._slots]
print(study_id, pid, flush=True)
time.sleep(600)
"""

CLAIM = """
import json, sys
from pathlib import Path
from alscope.errors import RunLockedError
from alscope.store.runs import RunStore
store = RunStore(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
claimed = []
for run_id in store.run_ids():
    try:
        with store.open(run_id) as writer:
            if not writer.history.events:
                writer.append("started", {})
                writer.append("done", {})
                claimed.append(run_id)
    except RunLockedError:
        continue
print(json.dumps(claimed))
"""


def alive(pid: int) -> bool:
    """Whether a process lives and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
def test_a_killed_server_leaves_no_worker_behind_and_the_study_can_be_resumed(
    open_service: Open, tmp_path: Path
) -> None:
    server = python(SERVER, tmp_path / "cache")
    assert server.stdout is not None
    study_id, worker = server.stdout.readline().split()
    server.kill()
    server.communicate()
    until(lambda: not alive(int(worker)), 90)
    service = open_service("cache", executor="thread")
    states = {run.state for run in service.study(study_id).runs}

    assert states == {RunState.INTERRUPTED}
    service.resume(study_id)
    until(lambda: service.study(study_id).count(RunState.RUNNING) == 1)
    service.cancel(study_id)


@pytest.mark.slow
def test_eight_processes_claim_every_queued_run_once(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run_ids = [store.create(run_config(seed)) for seed in range(30)]
    processes = [python(CLAIM, tmp_path) for _ in range(8)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    claimed = [json.loads(process.communicate()[0]) for process in processes]

    assert sorted(run_id for one in claimed for run_id in one) == sorted(run_ids)
    for run_id in run_ids:
        assert [event.kind for event in store.history(run_id).events] == ["started", "done"]


def test_what_stands_in_the_lock_files_is_information_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alscope.store.runs._PATIENCE_S", 0.0)
    store = RunStore(tmp_path)
    run_id = store.create(run_config())
    forged = {"pid": os.getpid(), "host": "elsewhere", "since": "2099-01-01T00:00:00+00:00"}
    (tmp_path / run_id / "owner.json").write_bytes(seal(forged))
    (tmp_path / run_id / "lock").write_text(f"{os.getppid()}\nelsewhere\n")

    assert not store.is_active(run_id)
    with store.open(run_id):
        assert store.is_active(run_id)
        me = f"process {os.getpid()} on {socket.gethostname()} since"
        with pytest.raises(RunLockedError, match=me):
            RunStore(tmp_path).open(run_id)
    assert RunStore(tmp_path).history(drive(store)).state is RunState.DONE


@pytest.mark.slow
def test_a_strategy_that_hangs_is_cancelled_and_a_round_has_a_limit(
    open_service: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = tmp_path / "hanging"
    sabotage(tmp_path / "code", monkeypatch, HANG.format(marker=str(hanging)))
    monkeypatch.setattr(worker_executor, "GRACE_S", {"cancel": 0.5, "pause": 0.5})
    service = open_service(executor="worker")
    study = tiny_study(seeds=(0,), strategies=(StrategySpec(name="margin"),))
    study_id = service.submit(study)
    until(hanging.exists)
    began = time.monotonic()
    service.cancel(study_id)
    until(lambda: service.study(study_id).state == "cancelled", 20)
    assert time.monotonic() - began < 5

    hanging.unlink()
    service.retry(study_id)
    until(hanging.exists)
    executor: Any = service._supervisor._executor
    executor._config = replace(executor._config, round_limit_s=0.5)
    (run,) = service.wait(study_id, timeout=90).runs
    assert run.state is RunState.FAILED
    assert "one round took longer than" in run.message
    error = service.runs.history(run.run_id).error
    assert error is not None
    assert error["type"] == "TimeLimit"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux")
def test_a_strategy_that_takes_all_memory_fails_alone(
    open_service: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sabotage(tmp_path / "code", monkeypatch, GREEDY)
    service = open_service(executor="worker", memory=2**30)
    names = (StrategySpec(name="margin"), StrategySpec(name="random"))
    study = tiny_study(seeds=(0,), strategies=names, scenarios=tiny_study().scenarios)
    status = service.wait(service.submit(study), timeout=120)
    process = service._supervisor._executor._slots[0].process  # type: ignore[attr-defined]

    assert {run.state for run in status.runs} == {RunState.FAILED}
    assert all(run.message.startswith("out of memory (Unable to alloc") for run in status.runs)
    assert process.exit_code is None  # the same process took both


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
def test_the_memory_of_the_machine_is_known() -> None:
    total = memory_of_machine()

    assert total is not None
    assert 2**28 < total < 2**46


@pytest.mark.slow
def test_a_worker_that_never_starts_is_tried_three_times_and_its_log_is_told(
    open_service: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sabotage(tmp_path / "code", monkeypatch, BROKEN)
    monkeypatch.setattr(supervisor, "_BACK_OFF_S", (0.1, 0.3))
    service = open_service(executor="worker")
    study = tiny_study(seeds=(0,), strategies=(StrategySpec(name="random"),))
    (run,) = service.wait(service.submit(study), timeout=60).runs
    logs = "".join(path.read_text() for path in (service.cache / "logs").iterdir())

    assert run.state is RunState.FAILED
    assert "the library libexample.so is missing" in run.message
    assert logs.count("libexample.so") == 3


@pytest.mark.slow
def test_a_worker_whose_parent_is_gone_ends_although_its_strategy_hangs(tmp_path: Path) -> None:
    hanging = tmp_path / "hanging"
    impatient = (
        HANG.format(marker=str(hanging))
        + "import alscope.engine.worker as w; w.ORPHAN_GRACE_S = 0.5\n"
    )
    code = "import runpy, sys; " + "exec(open(sys.argv[1]).read())"
    (tmp_path / "code.py").write_text(
        impatient + "sys.argv = ['worker', *sys.argv[2:]]; w.main()\n"
    )
    store = RunStore(tmp_path / "cache" / "runs")
    run_id = store.create(tiny_run())
    options = ["--cache", tmp_path / "cache", "--data", tmp_path / "data", "--offline"]
    command = {"cmd": "run", "runs": [run_id], "contended": False, "accept_change": []}
    with python(code, tmp_path / "code.py", *options, "--threads", 1) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(command) + "\n")
        process.stdin.flush()
        until(hanging.exists)
        process.stdin.close()
        process.wait(timeout=60)

    assert process.returncode == 1
    assert store.history(run_id).state is RunState.INTERRUPTED


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["thread", "worker"])
def test_a_cache_folder_that_is_deleted_ends_the_runs_and_leaves_an_empty_store(
    open_service: Open, executor: str
) -> None:
    service = open_service(executor=executor)
    study_id = service.submit(tiny_study(seeds=(0,), train=tiny_train(min_steps=400)))
    until(lambda: any(run.stage for run in service.study(study_id).runs))
    shutil.rmtree(service.cache, ignore_errors=True)
    until(lambda: service.activity().n_running == 0)

    assert service.studies() == ()
    again = service.submit(tiny_study(name="after it", seeds=(0,)))
    assert service.wait(again, timeout=120).state == "done"
