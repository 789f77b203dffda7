from __future__ import annotations

import errno
import logging
import os
import pickle
import random
import shutil
import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import diskcache
import numpy as np
import pytest
from filelock import FileLock

from alscope.errors import ShapeError, StoreError
from alscope.hashing import digest_bytes
from alscope.store import flight
from alscope.store.artifacts import Artifact, ArtifactCache
from alscope.store.disk import RefusedEntryError, SafeDisk
from tests.store.conftest import CrashError, fail_at, hooked, points_of

SIZES = {"a": 10, "b": 100, "c": 9000, "d": 20000, "e": 3}
"""Values per entry; c and d are large enough for files of their own."""


def value(key: str, size: int | None = None) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """What belongs to a key."""
    n = SIZES[key] if size is None else size
    array = np.random.default_rng(ord(key)).standard_normal(n)
    return {"x": array}, {"cost": {"compute_s": ord(key) / 7}, "key_is": key}


def right(artifact: Artifact, key: str) -> bool:
    arrays, meta = value(key)
    return artifact.meta == meta and artifact.arrays["x"].tobytes() == arrays["x"].tobytes()


def fill(path: Path, **options: Any) -> ArtifactCache:
    cache = ArtifactCache(path, **options)
    for key in SIZES:
        cache.get_or_compute(key, lambda key=key: value(key))
    return cache


def database(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path / "v1" / "cache.db", isolation_level=None)


def value_files(path: Path) -> list[Path]:
    return sorted(path.glob("v1/**/*.val"))


@pytest.fixture
def boom() -> Callable[[], tuple[dict[str, np.ndarray], dict[str, Any]]]:
    def compute() -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        pytest.fail("computed although it is in the cache")

    return compute


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled and closed cache; copy it before you change it."""
    path = tmp_path_factory.mktemp("filled")
    fill(path).close()
    return path


def test_a_value_is_computed_once_and_then_read(tmp_path: Path, boom: Callable[[], Any]) -> None:
    first = fill(tmp_path)
    second = ArtifactCache(tmp_path)
    for key in SIZES:
        found = second.get_or_compute(key, boom)

        assert found.hit
        assert right(found, key)
    assert second.get("missing") is None
    assert (second.stats().hits, second.stats().misses) == (5, 1)
    assert (first.stats().hits, first.stats().misses, first.stats().n_entries) == (0, 5, 5)


def test_computed_and_read_artifacts_are_equal_down_to_the_memory_layout(tmp_path: Path) -> None:
    cache = ArtifactCache(tmp_path)

    def compute() -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        arrays = {"b": np.arange(6.0).reshape(2, 3).T, "a": np.arange(3, dtype=">i4")}
        return arrays, {"shape": (2, 3), "n": np.int64(2)}

    computed, read = cache.get_or_compute("k", compute), cache.get_or_compute("k", compute)

    assert (computed.hit, read.hit) == (False, True)
    assert computed.meta == read.meta == {"shape": [2, 3], "n": 2}
    for name, array in read.arrays.items():
        assert computed.arrays[name].strides == array.strides
        assert computed.arrays[name].dtype == array.dtype
        assert computed.arrays[name].tobytes() == array.tobytes()


def test_keys_may_be_any_text(tmp_path: Path) -> None:
    cache = ArtifactCache(tmp_path)
    keys = ["", "../x", "a\0b", "\ud800", "k" * 5000]
    for place, key in enumerate(keys):
        cache.get_or_compute(key, lambda place=place: ({"x": np.array(place)}, {}))

    assert [int(cache.get(key).arrays["x"]) for key in keys] == [0, 1, 2, 3, 4]


def test_what_cannot_be_stored_is_an_error_of_the_caller(tmp_path: Path) -> None:
    cache = ArtifactCache(tmp_path)
    with pytest.raises(ShapeError):
        cache.get_or_compute("k", lambda: ({"x": np.array([None])}, {}))
    with pytest.raises(StoreError):
        cache.get_or_compute("k", lambda: ({}, {"x": object()}))

    assert cache.get("k") is None


def test_an_error_while_computing_is_passed_on_and_nothing_is_stored(tmp_path: Path) -> None:
    cache = ArtifactCache(tmp_path)
    with pytest.raises(ZeroDivisionError):
        cache.get_or_compute("a", lambda: 1 / 0)

    assert right(cache.get_or_compute("a", lambda: value("a")), "a")


def test_computing_may_use_the_cache_for_other_keys(tmp_path: Path) -> None:
    cache = ArtifactCache(tmp_path)

    def outer() -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        return cache.get_or_compute("a", lambda: value("a")).arrays, {}

    assert "x" in cache.get_or_compute("b", outer).arrays


def test_the_least_recently_used_entries_go_first(tmp_path: Path) -> None:
    cache = ArtifactCache(tmp_path, size_limit=1_000_000)
    for key in "abc":
        cache.get_or_compute(key, lambda key=key: value(key, 37_000))
    cache.get("a")
    cache.get_or_compute("d", lambda: value("d", 37_000))

    assert [key for key in "abcd" if cache.get(key)] == ["a", "c", "d"]
    assert cache.stats().size <= 1_000_000
    assert len(value_files(tmp_path)) == 3


def test_one_large_value_takes_the_place_of_as_many_as_needed(tmp_path: Path) -> None:
    cache = ArtifactCache(tmp_path, size_limit=1_000_000)
    for key in "abcde":
        cache.get_or_compute(key, lambda key=key: value(key, 20_000))
    cache.get_or_compute("f", lambda: value("f", 60_000))

    assert [key for key in "abcdef" if cache.get(key)] == ["c", "d", "e", "f"]


def test_a_value_larger_than_the_cache_is_returned_but_not_stored(tmp_path: Path) -> None:
    cache = fill(tmp_path, size_limit=500_000)
    found = cache.get_or_compute("f", lambda: value("f", 100_000))

    assert found.arrays["x"].size == 100_000
    assert cache.get("f") is None
    assert all(cache.get(key) for key in SIZES)
    assert cache.stats().write_errors == 1


def test_a_limit_below_the_size_of_an_empty_database_stores_nothing(tmp_path: Path) -> None:
    cache = ArtifactCache(tmp_path, size_limit=1000)

    assert right(cache.get_or_compute("e", lambda: value("e")), "e")
    assert cache.get("e") is None


def test_the_folder_is_private_and_has_nothing_else_in_it(tmp_path: Path) -> None:
    fill(tmp_path)

    assert stat.S_IMODE((tmp_path / "v1").stat().st_mode) == 0o700
    assert {path.name for path in tmp_path.iterdir()} == {"v1", "locks"}
    assert list((tmp_path / "locks").iterdir()) == []


def test_clearing_removes_entries_and_files_without_a_row(tmp_path: Path) -> None:
    cache = fill(tmp_path)
    orphan = tmp_path / "v1" / "00" / "11" / f"{'2' * 28}.val"
    orphan.parent.mkdir(parents=True)
    orphan.touch()
    cache.clear()

    assert cache.stats().n_entries == 0
    assert value_files(tmp_path) == []
    assert right(cache.get_or_compute("d", lambda: value("d")), "d")


def test_closing_twice_and_going_on_works(tmp_path: Path) -> None:
    cache = fill(tmp_path)
    cache.close()
    cache.close()

    assert right(cache.get("a"), "a")


@pytest.mark.parametrize("key", ["a", "d"])
def test_a_failing_write_at_any_point_still_returns_the_value(tmp_path: Path, key: str) -> None:
    probe = ArtifactCache(tmp_path / "probe")
    points = points_of(lambda: probe.get_or_compute(key, lambda: value(key)))

    assert "cache.set.inside" in points
    for n in range(len(points)):
        cache = ArtifactCache(tmp_path / str(n))
        with hooked(fail_at(n, lambda: OSError(errno.ENOSPC, "No space left on device"))):
            found = cache.get_or_compute(key, lambda: value(key))

        assert right(found, key)
        assert cache.stats().write_errors == 1
        assert cache.stats().available
        if points[n] != "cache.set.after":
            assert value_files(tmp_path / str(n)) == []
        assert right(cache.get_or_compute(key, lambda: value(key)), key)


@pytest.mark.parametrize("key", ["a", "d"])
def test_a_crash_at_any_point_of_a_write_leaves_the_value_or_a_miss(
    tmp_path: Path, key: str
) -> None:
    probe = ArtifactCache(tmp_path / "probe")
    for n in range(len(points_of(lambda: probe.get_or_compute(key, lambda: value(key))))):
        cache = ArtifactCache(tmp_path / str(n))
        with hooked(fail_at(n, CrashError)), pytest.raises(CrashError):
            cache.get_or_compute(key, lambda: value(key))
        again = ArtifactCache(tmp_path / str(n))
        found = again.get(key)

        assert found is None or right(found, key)
        assert right(again.get_or_compute(key, lambda: value(key)), key)
        assert len(value_files(tmp_path / str(n))) <= 1


def test_values_are_computed_where_nothing_can_be_cached(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    cache = ArtifactCache(tmp_path / "file")
    found = [cache.get_or_compute("a", lambda: value("a")) for _ in range(2)]
    cache.clear()
    cache.close()

    assert all(right(artifact, "a") for artifact in found)
    assert not any(artifact.hit for artifact in found)
    assert not cache.stats().available
    assert cache.stats().n_entries == 0
    assert "nothing is cached" in caplog.text


def test_a_broken_database_is_set_aside_at_opening(
    tmp_path: Path, filled: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for n in (1, 2):
        shutil.rmtree(tmp_path / "v1", ignore_errors=True)
        shutil.copytree(filled / "v1", tmp_path / "v1")
        (tmp_path / "v1" / "cache.db").write_bytes(b"not a database" * 100)
        cache = ArtifactCache(tmp_path)

        assert cache.get("a") is None
        assert right(cache.get_or_compute("a", lambda: value("a")), "a")
        assert (tmp_path / f"v1.corrupt-{n}" / "cache.db").exists()
    assert "set aside" in caplog.text


def test_a_database_that_breaks_while_open_is_set_aside(tmp_path: Path) -> None:
    cache = fill(tmp_path)
    for name in ("cache.db", "cache.db-wal"):
        path = tmp_path / "v1" / name
        path.write_bytes(b"\xff" * path.stat().st_size)
    cache.close()  # the next connection has nothing in memory
    found = [cache.get_or_compute(key, lambda key=key: value(key)) for key in SIZES]
    again = [cache.get_or_compute(key, lambda key=key: value(key)) for key in SIZES]

    assert all(right(artifact, key) for artifact, key in zip(found, SIZES, strict=True))
    assert all(artifact.hit for artifact in again)
    assert (tmp_path / "v1.corrupt-1").exists()


def test_a_database_that_cannot_be_opened_now_stays_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise error

    fill(tmp_path).close()
    with monkeypatch.context() as patch:
        patch.setattr(diskcache, "Cache", refuse)
        cache = ArtifactCache(tmp_path)

    assert not cache.stats().available
    assert right(cache.get_or_compute("a", lambda: value("a")), "a")
    assert ArtifactCache(tmp_path).get("a").hit


def test_a_folder_that_is_deleted_while_in_use_is_made_again(tmp_path: Path) -> None:
    cache = fill(tmp_path)
    shutil.rmtree(tmp_path / "v1")
    cache.close()
    found = [cache.get_or_compute("d", lambda: value("d")) for _ in range(4)]

    assert all(right(artifact, "d") for artifact in found)
    assert ArtifactCache(tmp_path).get_or_compute("d", lambda: value("d")).arrays["x"].size > 0


@pytest.mark.parametrize("error", [FileNotFoundError(2, "No such file"), OSError(5, "I/O error")])
def test_a_broken_cache_that_cannot_be_set_aside_fails_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    cache = fill(tmp_path)
    cache.close()
    (tmp_path / "v1" / "cache.db").write_bytes(b"broken" * 1000)
    monkeypatch.setattr(Path, "rename", fail_at(0, lambda: error))

    assert right(cache.get_or_compute("a", lambda: value("a")), "a")


def test_clearing_removes_what_was_set_aside(tmp_path: Path) -> None:
    for number in (1, 3):
        (tmp_path / f"v1.corrupt-{number}").mkdir()
    fill(tmp_path).close()
    (tmp_path / "v1" / "cache.db").write_bytes(b"broken")
    cache = ArtifactCache(tmp_path)

    assert {path.name[-1] for path in tmp_path.glob("v1.corrupt-*")} == {"1", "2", "3"}
    cache.clear()
    assert {path.name for path in tmp_path.iterdir()} == {"v1", "locks"}


def test_a_locked_database_is_a_miss_and_stays_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alscope.store.safe_cache._TIMEOUT_S", 0.05)
    cache = fill(tmp_path)
    with closing(database(tmp_path)) as other:
        other.execute("BEGIN IMMEDIATE")

        assert right(cache.get_or_compute("a", lambda: value("a")), "a")
    assert cache.get("a").hit
    assert not (tmp_path / "v1.corrupt-1").exists()


@pytest.mark.slow
def test_random_damage_is_a_miss_and_never_a_wrong_value(
    tmp_path: Path, filled: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    chance = random.Random(17)
    n_right = n_missed = 0
    for case in range(100):
        path = tmp_path / str(case)
        shutil.copytree(filled, path)
        database_file = path / "v1" / "cache.db"
        target = chance.choice([database_file, database_file, *value_files(path)])
        data = bytearray(target.read_bytes())
        if chance.random() < 0.3:
            del data[chance.randrange(len(data)) :]
        else:
            for _ in range(chance.choice([1, 1, 20])):
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        target.write_bytes(data)
        cache = ArtifactCache(path)
        for key in SIZES:
            found = cache.get(key)

            assert found is None or right(found, key)
            n_right += found is not None
            n_missed += found is None
            assert right(cache.get_or_compute(key, lambda key=key: value(key)), key)
        cache.close()
        shutil.rmtree(path)

    assert n_right > 100
    assert n_missed > 100


def test_swapped_entries_are_misses(tmp_path: Path) -> None:
    cache = fill(tmp_path)
    files = value_files(tmp_path)
    first, second = (path.read_bytes() for path in files)
    files[0].write_bytes(second)
    files[1].write_bytes(first)

    assert cache.get("c") is None
    assert cache.get("d") is None
    assert cache.stats().damaged == 2
    assert right(cache.get_or_compute("c", lambda: value("c")), "c")


class Evil:
    """Unpickling an instance makes a folder."""

    def __init__(self, canary: Path) -> None:
        self._canary = str(canary)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.mkdir, (self._canary,)


Attack = Callable[[sqlite3.Connection, bytes, Path], object]
ATTACKS: dict[str, Attack] = {
    "pickled values": lambda db, evil, _: db.execute(
        "UPDATE Cache SET mode = 4, filename = NULL, value = ?", (evil,)
    ),
    "pickled files": lambda db, _, outside: db.execute(
        "UPDATE Cache SET mode = 4, value = NULL, filename = ?", (os.fspath(outside),)
    ),
    "files of our own name with a pickle mode": lambda db, *_: db.execute(
        "UPDATE Cache SET mode = 4 WHERE filename IS NOT NULL"
    ),
    "pickled keys": lambda db, evil, _: db.executemany(
        "INSERT INTO Cache(key, raw, access_time, mode, value) VALUES (?, 0, 0, 4, ?)",
        [(evil, evil), ("text", evil)],
    ),
    "text files": lambda db, *_: db.execute("UPDATE Cache SET mode = 3"),
    "text values": lambda db, *_: db.execute("UPDATE Cache SET mode = 1, value = 'text'"),
    "files outside": lambda db, _, outside: db.execute(
        "UPDATE Cache SET mode = 2, value = NULL, filename = ?", (f"../../{outside.name}",)
    ),
    "absolute files": lambda db, _, outside: db.execute(
        "UPDATE Cache SET mode = 2, value = NULL, filename = ?", (os.fspath(outside),)
    ),
    "the database as a file": lambda db, *_: db.execute(
        "UPDATE Cache SET mode = 2, value = NULL, filename = 'cache.db'"
    ),
    "file names that are no text": lambda db, *_: db.execute(
        "UPDATE Cache SET mode = 2, value = NULL, filename = 7"
    ),
    "a foreign setting": lambda db, _, outside: db.execute(
        "INSERT INTO Settings VALUES ('_directory', ?)", (os.fspath(outside.parent),)
    ),
    "a setting for another disk": lambda db, *_: db.execute(
        "INSERT INTO Settings VALUES ('disk__directory', '/')"
    ),
    "a wrong size": lambda db, *_: db.execute("UPDATE Settings SET value = -1 WHERE key = 'size'"),
    "a setting that is no number": lambda db, *_: db.execute(
        "UPDATE Settings SET value = 'x' WHERE key = 'disk_min_file_size'"
    ),
}


@pytest.mark.parametrize("reopen", [True, False])
@pytest.mark.parametrize("name", ATTACKS)
def test_planted_rows_run_no_code_and_touch_nothing_outside(
    tmp_path: Path, name: str, reopen: bool
) -> None:
    canary, outside, path = tmp_path / "canary", tmp_path / "outside.val", tmp_path / "cache"
    evil = pickle.dumps(Evil(canary))
    outside.write_bytes(evil)
    cache = fill(path)
    for file in value_files(path) if "own name" in name else []:
        file.write_bytes(evil)
    with closing(database(path)) as connection:
        ATTACKS[name](connection, evil, outside)
    if reopen:
        cache = ArtifactCache(path, size_limit=600_000)
    for key in SIZES:
        found = cache.get(key)
        assert found is None or right(found, key)
        assert right(cache.get_or_compute(key, lambda key=key: value(key)), key)
    for key in "fgh":  # with the small limit, evicts what was planted
        cache.get_or_compute(key, lambda key=key: value(key, 37_000))
    cache.stats()
    cache.clear()

    assert not canary.exists()
    assert (path / "v1" / "cache.db").exists()
    assert outside.read_bytes() == evil
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["cache", "outside.val"]


def test_a_database_that_lies_about_its_size_is_set_aside(tmp_path: Path) -> None:
    fill(tmp_path).close()
    with closing(database(tmp_path)) as connection:
        connection.execute("UPDATE Settings SET value = value - 1000000000 WHERE key = 'size'")
    ArtifactCache(tmp_path)

    assert (tmp_path / "v1.corrupt-1").exists()


def test_keys_and_values_of_other_types_are_never_pickled(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    with diskcache.Cache(str(tmp_path / "cache"), disk=SafeDisk) as cache:
        cache["text"] = b"value"
        for key, bad in [(1, b""), (("a",), b""), ("k", "text"), ("k", 1), ("k", None)]:
            with pytest.raises(TypeError, match="of the cache are"):
                cache[key] = bad
        assert list(cache) == ["text"]
        evil = "INSERT INTO Cache(key, raw, mode, value) VALUES (?, 0, 1, '')"
        cache._sql(evil, (pickle.dumps(Evil(canary)),))
        with pytest.raises(RefusedEntryError):
            list(cache)

    assert not canary.exists()


@pytest.mark.parametrize("kind", ["link", "pipe", "linked folder", "folder"])
def test_planted_links_and_pipes_are_misses(tmp_path: Path, kind: str) -> None:
    cache = fill(tmp_path / "cache")
    for file in value_files(tmp_path / "cache"):
        moved = tmp_path / f"outside-{file.name}"
        if kind == "linked folder":
            file.parent.rename(moved)
            file.parent.symlink_to(moved)
            continue
        file.rename(moved)
        if kind == "link":
            file.symlink_to(moved)
        elif kind == "pipe":
            os.mkfifo(file)
        else:
            file.mkdir()

    assert cache.get("c") is None
    assert cache.get("d") is None
    assert right(cache.get("a"), "a")


@pytest.mark.parametrize("what", ["v1", "v1/cache.db"])
def test_a_planted_link_to_a_folder_or_database_is_set_aside(tmp_path: Path, what: str) -> None:
    path = tmp_path / "cache"
    fill(path).close()
    (path / what).rename(tmp_path / "outside")
    (path / what).symlink_to(tmp_path / "outside")
    cache = ArtifactCache(path)

    assert cache.get("a") is None
    assert right(cache.get_or_compute("a", lambda: value("a")), "a")
    assert (path / "v1.corrupt-1").exists()


def test_threads_that_want_the_same_value_compute_it_once(tmp_path: Path) -> None:
    cache = ArtifactCache(tmp_path)
    calls: list[int] = []
    start = threading.Barrier(6)
    found: list[Artifact] = []

    def compute() -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        calls.append(1)
        threading.Event().wait(0.1)
        return value("c")

    def work() -> None:
        start.wait()
        found.append(cache.get_or_compute("c", compute))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(calls) == 1
    assert all(right(artifact, "c") for artifact in found)
    assert sorted(artifact.hit for artifact in found) == [False] + [True] * 5


def test_waiting_for_another_process_can_be_given_up(tmp_path: Path) -> None:
    cache = ArtifactCache(tmp_path)

    def give_up() -> None:
        raise InterruptedError

    with (
        FileLock(tmp_path / "locks" / f"{digest_bytes(b'a')}.lock"),
        pytest.raises(InterruptedError),
    ):
        cache.get_or_compute("a", lambda: value("a"), check=give_up)

    assert right(cache.get_or_compute("a", lambda: value("a")), "a")


@pytest.mark.parametrize("take", [flight._by_flock, flight._by_library])
def test_a_lock_has_one_holder_until_it_is_given_back(
    tmp_path: Path, take: Callable[[Path], Callable[[], None] | None]
) -> None:
    path = tmp_path / "a.lock"
    release = take(path)

    assert release is not None
    assert take(path) is None
    release()
    again = take(path)
    assert again is not None
    again()


def test_a_lock_file_that_its_holder_removed_is_not_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.lock"
    stat_of = os.stat

    def removed_meanwhile(name: Path) -> os.stat_result:
        path.unlink()
        path.touch()  # somebody else made it anew
        return stat_of(name)

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", removed_meanwhile)
        assert flight._by_flock(path) is None

    release = flight._by_flock(path)
    assert release is not None
    release()


def test_a_link_in_place_of_a_lock_file_is_not_followed(tmp_path: Path) -> None:
    cache = ArtifactCache(tmp_path / "cache")
    outside = tmp_path / "outside"
    (tmp_path / "cache" / "locks" / f"{digest_bytes(b'a')}.lock").symlink_to(outside)

    assert right(cache.get_or_compute("a", lambda: value("a")), "a")
    assert not outside.exists()


def test_threads_that_meet_a_broken_database_replace_it_once(tmp_path: Path) -> None:
    cache = fill(tmp_path)
    for name in ("cache.db", "cache.db-wal"):
        (tmp_path / "v1" / name).write_bytes(b"\xff" * 4096)
    start = threading.Barrier(6)

    def work() -> None:
        start.wait()
        for key in SIZES:
            cache.get_or_compute(key, lambda key=key: value(key))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(list(tmp_path.glob("v1.corrupt-*"))) == 1
    assert all(right(cache.get(key), key) for key in SIZES)


def test_waiting_for_another_thread_can_be_given_up(tmp_path: Path) -> None:
    cache = ArtifactCache(tmp_path)
    computing, release = threading.Event(), threading.Event()

    def compute() -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        computing.set()
        release.wait()
        return value("a")

    def give_up() -> None:
        raise InterruptedError

    thread = threading.Thread(target=cache.get_or_compute, args=("a", compute))
    thread.start()
    computing.wait()
    with pytest.raises(InterruptedError):
        cache.get_or_compute("a", lambda: value("a"), check=give_up)
    release.set()
    thread.join()

    assert right(cache.get("a"), "a")
