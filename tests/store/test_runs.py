from __future__ import annotations

import errno
import json
import os
import random
import shutil
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from alscope.errors import StorageUnavailable, StoreError
from alscope.store import writer as writer_module
from alscope.store.files import seal
from alscope.store.runs import RunStore
from alscope.types import RunState
from tests.store.conftest import (
    N_ROUNDS,
    CrashError,
    drive,
    fail_at,
    hooked,
    points_of,
    query,
    run_config,
)

BAD_IDS = [
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "a\\b",
    "/etc",
    "A",
    "a\n",
    "a\0",
    "-a",
    "_a",
    "é",
    "a" * 65,
    "%2e%2e",
    "c:x",
    "a.b",
]


def copy_of(root: Path, target: Path) -> RunStore:
    shutil.copytree(root, target)
    return RunStore(target)


def leftovers(root: Path) -> list[Path]:
    return sorted(root.rglob("*.tmp"))


def test_a_run_is_recorded_and_read_back(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    run_id = drive(store)
    history = RunStore(tmp_path / "runs").history(run_id)

    assert store.run_ids() == (run_id,) == (run_config().run_id,)
    assert store.config(run_id) == run_config()
    assert history.state is RunState.DONE
    assert [event.kind for event in history.events] == ["started", *["round"] * 4, "done"]
    assert [event.data["result"]["round"] for event in history.rounds] == [0, 1, 2, 3]
    assert history.damaged is None
    assert store.verify(run_id) == []


def test_arrays_of_a_round_come_back(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run_id = drive(store)
    event = store.history(run_id).rounds[1]
    found = store.blob(run_id, event.blobs["query"])

    assert found.keys() == query(1).keys()
    assert all(np.array_equal(found[name], array) for name, array in query(1).items())


def test_creating_a_run_again_keeps_what_it_has(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run_id = drive(store)
    before = store.history(run_id)

    assert store.create(run_config()) == run_id
    assert store.history(run_id) == before


def test_a_writer_sees_what_a_reader_sees(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run_id = store.create(run_config())
    with store.open(run_id) as writer:
        writer.append("started", {"n": np.int64(3), "t": (1, 2)})
        writer.append("round", {"result": {"loss": float("inf")}}, blobs={"query": query(0)})

        assert writer.history == RunStore(tmp_path).history(run_id) == store.history(run_id)
        assert writer.history.events[0].data == {"n": 3, "t": [1, 2]}
        assert np.array_equal(
            writer.blob(writer.history.rounds[0].blobs["query"])["queried"], query(0)["queried"]
        )


def test_a_reader_follows_a_writer(tmp_path: Path) -> None:
    store, reader = RunStore(tmp_path), RunStore(tmp_path)
    run_id = store.create(run_config())
    seen = []
    with store.open(run_id) as writer:
        for number in range(4):
            writer.append("round", {"result": {"round": number}})
            seen.append(len(reader.history(run_id).rounds))

    assert seen == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        ([], RunState.QUEUED),
        (["started"], RunState.INTERRUPTED),
        (["started", "round"], RunState.INTERRUPTED),
        (["started", "round", "paused"], RunState.PAUSED),
        (["started", "cancelled"], RunState.CANCELLED),
        (["started", "failed"], RunState.FAILED),
        (["started", "failed", "requeued"], RunState.QUEUED),
        (["started", "done"], RunState.DONE),
    ],
)
def test_the_state_follows_from_the_last_event(
    tmp_path: Path, kinds: list[str], state: RunState
) -> None:
    store = RunStore(tmp_path)
    run_id = store.create(run_config())
    with store.open(run_id) as writer:
        for kind in kinds:
            writer.append(kind, {"message": "why"})
    history = store.history(run_id)

    assert history.state is state
    assert history.error == ({"message": "why"} if state is RunState.FAILED else None)


def test_a_run_is_running_while_its_writer_is_open(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run_id = store.create(run_config())
    with store.open(run_id) as writer:
        writer.append("started", {})

        assert store.is_active(run_id)
        assert store.history(run_id).state is RunState.RUNNING
    assert not store.is_active(run_id)
    assert store.history(run_id).state is RunState.INTERRUPTED


def test_unknown_kinds_and_data_without_json_form_are_refused(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    with store.open(store.create(run_config())) as writer:
        with pytest.raises(StoreError, match="unknown kind"):
            writer.append("rounds", {})
        with pytest.raises(StoreError, match="JSON"):
            writer.append("round", {"x": object()})

        assert writer.history.events == ()


def test_records_hold_results_and_hashes_but_no_times(tmp_path: Path) -> None:
    first, second = RunStore(tmp_path / "a"), RunStore(tmp_path / "b")
    records = first.records(drive(first))
    lines = [json.loads(line) for line in records.splitlines()]

    assert records == second.records(drive(second))
    assert [line["result"]["round"] for line in lines] == [0, 1, 2, 3]
    assert all(line.keys() == {"config", "result", "blobs"} for line in lines)


def test_progress_is_published_at_most_once_per_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(writer_module.time, "monotonic", lambda: clock[0])
    store = RunStore(tmp_path)
    run_id = store.create(run_config())
    seen = [store.progress(run_id)]
    with store.open(run_id) as writer:
        for step, force in [(0.0, False), (0.5, False), (0.1, True), (1.5, False)]:
            clock[0] += step
            writer.progress(force=force, at_clock=clock[0])
            seen.append((store.progress(run_id) or {})["at_clock"])

    assert seen == [None, 100.0, 100.0, 100.6, 102.1]


def test_damaged_progress_is_no_progress(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run_id = drive(store)
    (tmp_path / run_id / "progress.json").write_bytes(b'{"round":')

    assert store.progress(run_id) is None


def test_a_failure_to_publish_progress_does_not_stop_the_run(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run_id = store.create(run_config())
    with store.open(run_id) as writer, hooked(fail_at(1, lambda: OSError(errno.ENOSPC, "full"))):
        writer.progress(force=True, round=1)

    assert store.progress(run_id) is None
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("wait", [pytest.param(True, marks=pytest.mark.slow), False])
def test_a_crash_at_any_point_changes_nothing_in_the_final_records(
    tmp_path: Path, whole_run: Path, wait: bool
) -> None:
    points = points_of(lambda: drive(RunStore(tmp_path / "whole"), wait=wait))
    truth = RunStore(whole_run).records(run_config().run_id)

    assert {"config.inside", "blob.inside", "journal.inside"} <= set(points)
    assert ("progress.inside" in points) is wait
    for n in range(len(points)):
        root = tmp_path / str(n)
        with hooked(fail_at(n, CrashError)), pytest.raises(CrashError):
            drive(RunStore(root), wait=wait)
        store = RunStore(root)
        run_id = drive(store)

        assert store.records(run_id) == truth, points[n]
        assert store.history(run_id).state is RunState.DONE
        assert store.history(run_id).damaged is None
        assert store.verify(run_id) == []
        if n > points.index("config.after"):
            assert leftovers(root) == []


@pytest.mark.slow
def test_repeated_crashes_change_nothing_in_the_final_records(
    tmp_path: Path, whole_run: Path
) -> None:
    truth = RunStore(whole_run).records(run_config().run_id)
    chance = random.Random(5)
    for case in range(10):
        store = RunStore(tmp_path / str(case))
        while not store.run_ids() or store.history(store.run_ids()[0]).state is not RunState.DONE:
            try:
                with hooked(fail_at(chance.randrange(25), CrashError)):
                    drive(store)
            except CrashError:
                store = RunStore(tmp_path / str(case))

        assert store.records(run_config().run_id) == truth


@pytest.mark.parametrize("code", [errno.ENOSPC, pytest.param(errno.EIO, marks=pytest.mark.slow)])
def test_a_full_disk_at_any_point_leaves_a_sound_run_that_goes_on(
    tmp_path: Path, whole_run: Path, code: int
) -> None:
    truth = RunStore(whole_run).records(run_config().run_id)
    points, words = points_of(lambda: drive(RunStore(tmp_path / "whole"))), os.strerror(code)
    for n in range(len(points)):
        store = RunStore(tmp_path / str(n))
        with (
            hooked(fail_at(n, lambda: OSError(code, os.strerror(code)))),
            # Progress is for display: a failure to write it is not an error.
            nullcontext() if "progress" in points[n] else pytest.raises(StoreError, match=words),
        ):
            drive(store)
        problems = [problem for run_id in store.run_ids() for problem in store.verify(run_id)]

        assert problems == []
        assert leftovers(tmp_path / str(n)) == []
        assert store.records(drive(store)) == truth


def test_a_writer_can_go_on_after_a_full_disk(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run_id = store.create(run_config())
    with store.open(run_id) as writer:
        writer.append("started", {})
        with (
            hooked(fail_at(1, lambda: OSError(errno.ENOSPC, "No space left on device"))),
            pytest.raises(StoreError, match="No space left on device; what was recorded before"),
        ):
            writer.append("round", {"result": {"round": 0}})
        assert (tmp_path / run_id / "journal.jsonl").read_bytes().count(b"{") == 3
        writer.append("round", {"result": {"round": 0}})

    assert [event.kind for event in store.history(run_id).events] == ["started", "round"]


def test_an_event_that_nobody_waits_for_is_there_before_the_next_is_begun(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run_id = store.create(run_config())
    go, arrays = threading.Event(), query(0)
    held: list[str] = []

    def hook(name: str) -> None:
        if name == "blob.before":
            held.append(threading.current_thread().name)
            assert go.wait(10)

    with hooked(hook), store.open(run_id) as writer:
        writer.append("round", {"result": {"round": 0}}, blobs={"query": arrays}, wait=False)
        arrays["labels"][:] = 99  # whoever goes on may change what it gave
        assert writer.history.rounds == store.history(run_id).rounds == ()
        threading.Timer(0.05, go.set).start()
        writer.append("paused", {})
        assert [event.kind for event in store.history(run_id).events] == ["round", "paused"]
        blob = writer.blob(writer.history.rounds[0].blobs["query"])

    assert held[0].startswith("alscope-journal")
    assert blob["labels"].tolist() == query(0)["labels"].tolist()


def test_what_nobody_waited_for_and_failed_is_raised_before_anything_follows(
    tmp_path: Path,
) -> None:
    store = RunStore(tmp_path)
    run_id = store.create(run_config())
    with store.open(run_id) as writer:
        with hooked(fail_at(1, lambda: OSError(errno.ENOSPC, "No space left on device"))):
            writer.append("round", {"result": {"round": 0}}, wait=False)
            with pytest.raises(StorageUnavailable, match="No space left on device"):
                writer.append("round", {"result": {"round": 1}}, wait=False)
        writer.append("paused", {})  # said once; the journal ends before what could not be written

    assert [event.kind for event in store.history(run_id).events] == ["paused"]


def test_a_last_event_that_cannot_be_written_is_raised_when_the_run_is_closed(
    tmp_path: Path,
) -> None:
    store = RunStore(tmp_path)
    run_id = store.create(run_config())
    writer = store.open(run_id)
    with hooked(fail_at(1, lambda: OSError(errno.ENOSPC, "No space left on device"))):
        writer.append("round", {"result": {"round": 0}}, wait=False)
        with pytest.raises(StorageUnavailable, match="No space left on device"):
            writer.close()

    assert store.history(run_id).events == ()
    assert not store.is_active(run_id)


def test_arrays_and_their_names_are_on_the_disk_before_the_line_that_names_them(
    tmp_path: Path, synced: list[int]
) -> None:
    store = RunStore(tmp_path)
    run_id = store.create(run_config())
    with store.open(run_id) as writer:
        synced.clear()
        before: list[int] = []

        def hook(name: str) -> None:
            if name == "journal.before":
                before.extend(synced)

        with hooked(hook):
            writer.append("round", {"result": {"round": 0}}, blobs={"query": query(0)})
    folder = tmp_path / run_id
    (blob,) = (folder / "blobs").iterdir()

    assert before == [blob.stat().st_ino, (folder / "blobs").stat().st_ino]
    assert synced == [*before, (folder / "journal.jsonl").stat().st_ino]


def test_a_new_run_is_on_the_disk_with_all_its_folders(tmp_path: Path, synced: list[int]) -> None:
    RunStore(tmp_path / "a" / "runs").create(run_config())
    folders = [tmp_path, tmp_path / "a", tmp_path / "a" / "runs"]

    assert synced[:3] == [folder.stat().st_ino for folder in folders]
    assert len(synced) == 5


def test_a_torn_tail_is_ignored_by_readers_and_cut_off_by_writers(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run_id = drive(store)
    path = tmp_path / run_id / "journal.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"at":"2026')
    history = store.history(run_id)
    with store.open(run_id) as writer:
        writer.append("requeued", {})

    assert len(history.events) == N_ROUNDS + 3
    assert history.damaged is None
    assert path.read_bytes().startswith(whole)
    assert [event.kind for event in RunStore(tmp_path).history(run_id).events][-1] == "requeued"
    assert list(path.parent.glob("journal.damaged-*")) == []


def test_a_damaged_line_ends_the_history_and_is_kept_aside(tmp_path: Path, whole_run: Path) -> None:
    truth = RunStore(whole_run).records(run_config().run_id)
    store = copy_of(whole_run, tmp_path / "runs")
    (run_id,) = store.run_ids()
    path = tmp_path / "runs" / run_id / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"accuracy":0.2', b'"accuracy":0.9')
    path.write_bytes(b"".join(lines))
    history = store.history(run_id)

    assert [event.kind for event in history.events] == ["started", "round"]
    assert "entry 2 of the journal" in str(history.damaged)
    assert "following 3 entries are lost" in str(history.damaged)
    assert history.state is RunState.INTERRUPTED
    assert store.verify(run_id) == [history.damaged]
    with store.open(run_id) as writer:
        assert writer.history.damaged == history.damaged
    assert path.read_bytes() == b"".join(lines[:2])
    assert (path.parent / "journal.damaged-1").read_bytes() == b"".join(lines)
    assert store.records(drive(store)) == truth
    assert store.history(run_id).damaged is None


@pytest.mark.parametrize("harm", ["missing", "changed", "shorter"])
def test_a_round_whose_arrays_are_harmed_does_not_count(
    tmp_path: Path, whole_run: Path, harm: str
) -> None:
    truth = RunStore(whole_run).records(run_config().run_id)
    store = copy_of(whole_run, tmp_path / "runs")
    (run_id,) = store.run_ids()
    sha = store.history(run_id).rounds[1].blobs["query"]
    path = tmp_path / "runs" / run_id / "blobs" / f"{sha}.bin"
    data = path.read_bytes()
    if harm == "missing":
        path.unlink()
    else:
        path.write_bytes(data[:-1] if harm == "shorter" else data[:-1] + bytes([data[-1] ^ 1]))
    fresh = RunStore(tmp_path / "runs")

    assert len(fresh.history(run_id).rounds) == 1
    assert sha[:12] in str(fresh.history(run_id).damaged)
    with pytest.raises(StoreError, match=sha[:12]):
        fresh.blob(run_id, sha)
    assert fresh.records(drive(fresh)) == truth
    assert fresh.verify(run_id) == []


def test_a_journal_of_another_run_is_refused(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    first, second = drive(store, run_config(1)), drive(store, run_config(2))
    shutil.copy(tmp_path / first / "journal.jsonl", tmp_path / second / "journal.jsonl")

    assert RunStore(tmp_path).history(second).events == ()
    assert "does not follow" in str(RunStore(tmp_path).history(second).damaged)


def _forge(line: dict[str, object]) -> bytes:
    return seal(line) + b"\n"


@pytest.mark.parametrize(
    "change",
    [
        {"blobs": {"query": ["../../config", 3]}},
        {"blobs": {"query": 3}},
        {"blobs": []},
        {"data": []},
        {"extra": 1},
        {"seq": 1},
    ],
)
def test_forged_lines_with_right_checksums_are_refused(
    tmp_path: Path, change: dict[str, object]
) -> None:
    store = RunStore(tmp_path)
    run_id = store.create(run_config())
    line = {"seq": 0, "kind": "round", "at": "", "data": {}, "blobs": {}, "prev": run_id}
    path = tmp_path / run_id / "journal.jsonl"
    path.write_bytes(_forge(line))

    assert len(RunStore(tmp_path).history(run_id).events) == 1
    path.write_bytes(_forge({**line, **change}))
    assert RunStore(tmp_path).history(run_id).events == ()


def test_a_line_that_names_arrays_of_another_size_is_refused(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run_id = store.create(run_config())
    with store.open(run_id) as writer:
        writer.append("round", {}, blobs={"query": query(0)})
    path = tmp_path / run_id / "journal.jsonl"
    line = json.loads(path.read_bytes())
    del line["check"]
    line["blobs"]["query"][1] += 1
    path.write_bytes(_forge(line))

    assert RunStore(tmp_path).history(run_id).events == ()
    assert "another size" in str(RunStore(tmp_path).history(run_id).damaged)


def test_a_run_that_cannot_be_locked_or_synced_is_an_error_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = RunStore(tmp_path)
    run_id = store.create(run_config())
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail_at(0, lambda: OSError(errno.EIO, "Input/output error")))
        with pytest.raises(StoreError, match="cannot be opened: Input/output error"):
            store.open(run_id)
    assert not store.is_active(run_id)
    store.open(run_id).close()
    (tmp_path / run_id / "lock").unlink()
    (tmp_path / run_id / "lock").mkdir()
    with pytest.raises(StoreError, match="cannot be locked"):
        store.open(run_id)
    with pytest.raises(StoreError, match="cannot be deleted"):
        store.delete(run_id)
    assert not store.is_active(run_id)


def _truncate(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def _flip(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def _zero(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    return data[:start] + bytes(len(data) - start)


def _swap(data: bytes, chance: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    chance.shuffle(lines)
    return b"".join(lines)


@pytest.mark.slow
def test_random_damage_is_never_taken_for_results(tmp_path: Path, whole_run: Path) -> None:
    whole = RunStore(whole_run)
    run_id = run_config().run_id
    truth, events = whole.records(run_id), whole.history(run_id).events
    harms: list[Callable[[bytes, random.Random], bytes]] = [_truncate, _flip, _flip, _zero, _swap]
    chance = random.Random(11)
    for case in range(100):
        root = tmp_path / str(case)
        store = copy_of(whole_run, root)
        names = ["journal.jsonl", "config.json", *["blobs"] * 2]
        target = root / run_id / chance.choice(names)
        if target.is_dir():
            target = chance.choice(sorted(target.iterdir()))
        target.write_bytes(chance.choice(harms)(target.read_bytes(), chance))
        found = store.history(run_id).events
        configs = [run_config()]
        try:
            configs.append(store.config(run_id))
        except StoreError:
            assert store.verify(run_id) != []

        assert found == events[: len(found)]
        assert configs[-1] == run_config()
        assert store.records(drive(store)) == truth
        assert store.verify(run_id) == []
        shutil.rmtree(root)


def test_verify_names_rounds_out_of_order_and_samples_bought_twice(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run_id = store.create(run_config())
    with store.open(run_id) as writer:
        writer.append("round", {"result": {"round": 0}}, blobs={"query": query(0)})
        writer.append("round", {"result": {"round": 2}}, blobs={"query": query(0)})
        writer.append("round", {}, blobs={"state": {"x": np.zeros(1)}})

    assert store.verify(run_id) == [
        "round 1 is expected but round 2 is recorded",
        "round 1 buys a sample that was bought before",
        "round 2 is expected but round None is recorded",
    ]


def test_a_damaged_configuration_is_an_error_in_words_and_written_again(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run_id = drive(store)
    path = tmp_path / run_id / "config.json"
    path.write_bytes(path.read_bytes().replace(b'"seed":0', b'"seed":1'))

    with pytest.raises(StoreError, match=r"configuration of run \w+ is damaged: its checksum"):
        store.config(run_id)
    assert len(store.history(run_id).rounds) == 4
    assert store.create(run_config()) == run_id
    assert store.config(run_id) == run_config()


@pytest.mark.parametrize("record", [{}, {"config": 3}, {"config": {"seed": "x"}}])
def test_a_sealed_configuration_of_another_form_is_an_error_in_words(
    tmp_path: Path, record: dict[str, object]
) -> None:
    store = RunStore(tmp_path)
    run_id = store.create(run_config())
    (tmp_path / run_id / "config.json").write_bytes(seal(record))

    with pytest.raises(StoreError, match="cannot be understood"):
        store.config(run_id)


def test_a_configuration_in_the_wrong_folder_is_refused(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    first, second = store.create(run_config(1)), store.create(run_config(2))
    shutil.copy(tmp_path / first / "config.json", tmp_path / second / "config.json")

    with pytest.raises(StoreError, match="belongs to another run"):
        store.config(second)


@pytest.mark.parametrize("run_id", BAD_IDS)
def test_illegal_ids_reach_no_file(tmp_path: Path, run_id: str) -> None:
    store = RunStore(tmp_path / "runs")
    for method in (store.config, store.history, store.open, store.delete, store.records):
        with pytest.raises(StoreError, match="is no run id"):
            method(run_id)

    assert not store.exists(run_id)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sha", ["", "../config", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_illegal_blob_names_reach_no_file(tmp_path: Path, sha: str) -> None:
    store = RunStore(tmp_path)
    run_id = drive(store)

    with pytest.raises(StoreError, match="is not the name"):
        store.blob(run_id, sha)


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    run_id = drive(store)
    folder = tmp_path / "runs" / run_id
    (tmp_path / "runs" / "linked").symlink_to(shutil.move(folder, tmp_path / "outside"))

    with pytest.raises(StoreError, match="leads out of its folder"):
        store.history("linked")
    other = store.create(run_config(1))
    os.mkfifo(tmp_path / "runs" / other / "journal.jsonl")
    with pytest.raises(StoreError, match="not a regular file"):
        store.history(other)
    with pytest.raises(StoreError, match="not a regular file"):
        store.open(other)
    assert "not a regular file" in store.verify(other)[0]
    config = tmp_path / "runs" / other / "config.json"
    config.symlink_to(shutil.move(config, tmp_path / "outside.json"))
    with pytest.raises(StoreError, match="cannot be read"):
        store.config(other)


def test_a_folder_that_vanishes_during_a_run_is_an_error_in_words(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run_id = store.create(run_config())
    with store.open(run_id) as writer:
        shutil.rmtree(tmp_path / run_id)
        with pytest.raises(StoreError, match="cannot be written: No such file"):
            writer.append("started", {})


def test_a_journal_that_is_replaced_during_a_run_is_an_error_in_words(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run_id = store.create(run_config())
    with store.open(run_id) as writer:
        (tmp_path / run_id / "journal.jsonl").unlink()
        (tmp_path / run_id / "journal.jsonl").touch()
        with pytest.raises(StoreError, match="the journal was replaced"):
            writer.append("started", {})


def test_a_deleted_run_is_gone_and_can_be_made_anew(tmp_path: Path) -> None:
    store, reader = RunStore(tmp_path), RunStore(tmp_path)
    run_id = drive(store)
    reader.history(run_id)
    store.delete(run_id)

    assert store.run_ids() == ()
    assert not (tmp_path / run_id).exists()
    with pytest.raises(StoreError, match="there is no run"):
        reader.history(run_id)
    drive(store)
    assert len(reader.history(run_id).rounds) == 4
    assert reader.history(run_id).damaged is None


def test_a_reader_that_knew_a_longer_or_other_journal_reads_anew(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run_id = drive(store)
    store.history(run_id)
    path = tmp_path / run_id / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]))

    assert len(store.history(run_id).rounds) == 2
    path.write_bytes(b"".join(lines[:4]))
    assert len(store.history(run_id).rounds) == 3


def test_a_reader_that_knew_the_beginning_of_another_journal_reads_anew(tmp_path: Path) -> None:
    store, other = RunStore(tmp_path / "a"), RunStore(tmp_path / "b")
    run_id = drive(store)
    drive(other)
    path = tmp_path / "a" / run_id / "journal.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    store.history(run_id)
    path.write_bytes((tmp_path / "b" / run_id / "journal.jsonl").read_bytes())

    assert store.history(run_id) == other.history(run_id)


def test_arrays_that_come_back_make_a_run_sound_again(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run_id = drive(store)
    moved = shutil.move(tmp_path / run_id / "blobs", tmp_path / "elsewhere")
    damaged = RunStore(tmp_path)

    assert damaged.history(run_id).rounds == ()
    shutil.move(moved, tmp_path / run_id / "blobs")
    assert damaged.history(run_id) == store.history(run_id)


def test_an_empty_store_has_no_runs(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "missing")

    assert store.run_ids() == ()
    assert not store.exists("a")
    with pytest.raises(StoreError, match="there is no run 'a'"):
        store.history("a")


def test_a_store_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")

    with pytest.raises(StoreError, match="cannot be changed: "):
        RunStore(tmp_path / "runs").create(run_config())
