"""C7 and C8: a disk that is full, read-only, forbidden or broken, at any write and at any read."""

from __future__ import annotations

import errno
import itertools
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alscope.engine.control import StopToken
from alscope.engine.service import Service
from alscope.errors import StorageUnavailable, StoreError
from alscope.store import trouble
from alscope.store.runs import RunStore
from alscope.store.writer import RunWriter
from alscope.types import RunState
from tests.engine.conftest import Bench, tiny_run, tiny_study
from tests.source import ROOT
from tests.store.conftest import drive, fail_at, hooked, run_config

WORDS = {
    errno.ENOSPC: "free space",
    errno.EDQUOT: "quota",
    errno.EROFS: "file system writable",
    errno.EACCES: "permissions",
    errno.EIO: "reports errors",
    errno.EMFILE: "limit of open files",
}
WRITES = ("blob.inside", "journal.before", "journal.inside", "owner.inside", "cache.set.inside")


def fails_from(point: str, n: int, code: int) -> Callable[[str], None]:
    """A hook: from the n-th time that a point is passed, every write of results fails."""
    passed = 0

    def hook(name: str) -> None:
        nonlocal passed
        passed += name == point
        if passed >= n and name.endswith((".inside", ".before")) and name != "select.before":
            raise OSError(code, os.strerror(code))

    return hook


@pytest.mark.parametrize("code", WORDS, ids=lambda code: errno.errorcode[code])
def test_every_trouble_of_a_disk_has_its_own_advice(tmp_path: Path, code: int) -> None:
    store = RunStore(tmp_path)
    run_id = store.create(run_config())
    with store.open(run_id) as writer:
        writer.append("started", {})
        with (
            hooked(fail_at(0, lambda: OSError(code, os.strerror(code)))),
            pytest.raises(StorageUnavailable, match=WORDS[code]) as caught,
        ):
            writer.append("round", {"result": {"round": 0}})

    assert os.strerror(code) in str(caught.value)
    assert "what was recorded before is safe" in str(caught.value)
    assert [event.kind for event in store.history(run_id).events] == ["started"]


@pytest.mark.parametrize(
    "code", [errno.ENOSPC, pytest.param(errno.EIO, marks=pytest.mark.slow)], ids=["full", "broken"]
)
def test_a_run_whose_results_cannot_be_written_is_not_at_fault_and_ends_the_same_later(
    bench: Bench, make_bench: Callable[..., Bench], code: int
) -> None:
    config = tiny_run()
    with hooked(fails_from("journal.inside", 3, code)):
        with pytest.raises(StorageUnavailable, match=WORDS[code]):
            bench.execute(config)
        with pytest.raises(StorageUnavailable):
            bench.execute(config)  # a second one in the queue stops before it trains

    assert bench.store.history(config.run_id).state is RunState.INTERRUPTED
    assert len(bench.store.history(config.run_id).rounds) == 1
    assert list(bench.folder.rglob("*.tmp")) == []
    assert bench.execute(config) is RunState.DONE
    whole = make_bench("whole")
    whole.execute(config)
    assert bench.records(config) == whole.records(config)


def test_a_full_disk_is_told_on_the_run_because_room_was_kept_for_that(bench: Bench) -> None:
    config, store = tiny_run(), bench.store
    reserve = store.root / ".reserve"
    held: list[int] = []

    def full(name: str) -> None:
        if name != "journal.inside" or not reserve.exists():
            return  # as on a real disk: what was held back can be used once it is given back
        held.append(reserve.stat().st_size)
        if len(store.history(config.run_id).events) == 2:  # round 1 is being written
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with hooked(full):
        assert bench.execute(config) is RunState.PAUSED
    event = store.history(config.run_id).events[-1]

    assert held[0] == 1 << 20
    assert not reserve.exists()
    assert event.kind == "paused"
    assert "No space left on device" in event.data["message"]
    assert bench.execute(config) is RunState.DONE
    assert reserve.exists()


@pytest.mark.parametrize("end", [RunState.CANCELLED, RunState.PAUSED, RunState.FAILED])
def test_how_a_run_ends_is_recorded_although_the_round_before_is_not(
    bench: Bench,
    make_bench: Callable[..., Bench],
    monkeypatch: pytest.MonkeyPatch,
    end: RunState,
) -> None:
    config, store, token = tiny_run(), bench.store, StopToken()
    writing, ended, append = threading.Event(), threading.Event(), RunWriter.append

    def begun(writer: RunWriter, kind: str, data: dict[str, Any], **options: Any) -> None:
        append(writer, kind, data, **options)
        if kind == "round" and data["result"]["round"] == 1:
            assert writing.wait(30)  # else the run may be through with round 2 by then

    monkeypatch.setattr(RunWriter, "append", begun)

    def full(name: str) -> None:
        if name == "journal.inside" and len(store.history(config.run_id).events) == 2:
            if not ended.is_set():  # round 1 is on its way while the run ends in round 2
                writing.set()
                assert ended.wait(30)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        elif name == "check" and writing.is_set() and not ended.is_set():
            ended.set()
            if end is RunState.FAILED:
                raise ValueError("a flaw of the strategy")
            token.request("cancel" if end is RunState.CANCELLED else "pause")

    with hooked(full):
        assert bench.execute(config, token) is end

    assert [event.kind for event in store.history(config.run_id).events][2:] == [end.value]
    assert bench.execute(config) is RunState.DONE
    whole = make_bench("whole")
    whole.execute(config)
    assert bench.records(config) == whole.records(config)


def test_why_runs_cannot_go_on_is_shown_and_resuming_them_ends_well(
    open_service: Callable[..., Service],
) -> None:
    service = open_service(executor="serial")
    study = tiny_study(seeds=(0,))
    with hooked(fails_from("journal.inside", 1, errno.EROFS)):
        status = service.wait(service.submit(study), timeout=60)

    assert {run.state for run in status.runs} == {RunState.INTERRUPTED}
    assert all("Read-only file system" in run.message for run in status.runs)
    service.resume(status.study_id)
    assert service.wait(status.study_id, timeout=60).state == "done"
    assert [run.message for run in service.study(status.study_id).runs] == ["", ""]


@pytest.mark.slow
def test_a_full_disk_at_any_write_of_a_real_run_leaves_a_sound_run(
    make_bench: Callable[..., Bench],
) -> None:
    config, whole = tiny_run(n_rounds=1), make_bench("whole")
    names: list[str] = []
    with hooked(names.append):
        whole.execute(config)
    truth = whole.records(config)
    writes = [n for n, name in enumerate(names) if name.endswith(".inside")]
    for n in writes:
        bench = make_bench(f"full-{n}")
        error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with hooked(fail_at(n, lambda error=error: error)):
            try:
                state = bench.execute(config)
            except StoreError:  # not even the run could be made
                state = None

        assert state in {None, RunState.PAUSED, RunState.DONE}, names[n]
        assert list(bench.folder.rglob("*.tmp")) == [], names[n]
        assert bench.execute(config) is RunState.DONE, names[n]
        assert bench.records(config) == truth, names[n]
        assert bench.store.verify(config.run_id) == []

    assert len(writes) > 10


CALLS = ("open", "fsync", "replace", "mkdir", "ftruncate", "unlink")


@pytest.mark.slow
def test_a_system_call_that_fails_anywhere_leaves_a_sound_run(
    tmp_path: Path, dice: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = {name: getattr(os, name) for name in CALLS}
    counter, fail_on = itertools.count(), -1

    def intercepted(name: str) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            if next(counter) == fail_on:
                code = dice.choice(list(WORDS))
                raise OSError(code, os.strerror(code))
            return real[name](*args, **options) if name != "fsync" else None

        return call

    for name in CALLS:
        monkeypatch.setattr(os, name, intercepted(name))
    truth_store = RunStore(tmp_path / "truth")
    truth = truth_store.records(drive(truth_store))
    n_calls = next(counter)
    n_told = 0
    for n in range(n_calls):
        counter, fail_on = itertools.count(), n
        store = RunStore(tmp_path / str(n))
        try:
            drive(store)
        except StoreError:  # in words; anything else would end this test
            n_told += 1
        fail_on = -1
        run_id = drive(store)
        assert store.verify(run_id) == [], n
        assert store.records(run_id) == truth, n
        assert not list(store.root.rglob("journal.damaged*")), n

    assert n_calls > 40
    assert n_told > 10


@pytest.mark.parametrize(
    "code", [errno.EMFILE, errno.EIO, errno.EACCES], ids=["files", "broken", "forbidden"]
)
def test_arrays_that_cannot_be_read_for_a_moment_cost_no_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    store = RunStore(tmp_path)
    run_id = drive(store)
    truth = store.records(run_id)
    journal = (tmp_path / run_id / "journal.jsonl").read_bytes()
    real = os.open

    def closed(path: object, *args: object, **options: object) -> int:
        if str(path).endswith(".bin"):
            raise OSError(code, os.strerror(code))
        return real(path, *args, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", closed)
        for look in (RunStore(tmp_path).open, RunStore(tmp_path).history):
            with pytest.raises(StorageUnavailable, match=WORDS[code]):
                look(run_id)

    assert (tmp_path / run_id / "journal.jsonl").read_bytes() == journal
    assert RunStore(tmp_path).records(run_id) == truth
    assert RunStore(tmp_path).verify(run_id) == []


LIMITED = """
import resource, signal, sys
from pathlib import Path
from alscope.errors import StorageUnavailable
from alscope.store.runs import RunStore
from alscope.store.writer import RunWriter
from tests.store.conftest import run_config
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = RunStore(Path(sys.argv[1]))
run_id = store.create(run_config())
with store.open(run_id) as writer:
    writer.append("started", {})
    size = (store.root / run_id / "journal.jsonl").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, hard))  # in the middle of the next line
    try:
        writer.append("round", {"result": {"round": 0, "text": "x" * 5000}})
    except StorageUnavailable as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
print([event.kind for event in RunStore(store.root).history(run_id).events])
with store.open(run_id) as writer:
    writer.append("done", {})
print(store.verify(run_id))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limit for files on this system")
def test_a_line_that_the_system_cuts_in_the_middle_is_never_finished_later(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    said, kinds, problems = done.stdout.splitlines()

    assert "File too large" in said
    assert kinds == "['started']"
    assert problems == "[]"


def test_an_error_that_says_something_about_the_content_is_no_trouble_of_the_disk() -> None:
    assert trouble.hinders(OSError(errno.ENOSPC, "full"))
    assert not trouble.hinders(FileNotFoundError(errno.ENOENT, "gone"))
    assert not trouble.hinders(OSError("not a regular file"))
    assert not trouble.hinders(ValueError("7"))
    assert not trouble.hinders(None)
