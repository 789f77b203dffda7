"""diskcache behind a wall: bytes or nothing come out, and no exception does.

A broken database is set aside and replaced by an empty one; a folder that cannot be used turns
caching off for this process.
"""

from __future__ import annotations

import logging
import shutil
import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import diskcache
from diskcache.core import DEFAULT_SETTINGS, METADATA

from alscope.errors import StoreError
from alscope.store._faults import point
from alscope.store.disk import SafeDisk
from alscope.store.files import first_free

__all__ = ["SafeCache", "inspect_database"]

_OPENING = "open"
_TIMEOUT_S = 30.0
# These say that the database cannot be used now, not that its content is wrong.
_TRANSIENT = frozenset(
    (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
    )
)
_log = logging.getLogger(__name__)


class SafeCache:
    """Bytes under text keys.

    Args:
        folder: Belongs to the cache alone; made with mode 0700.
        size_limit: Bytes.
        exclusive: Makes a lock between processes, by name.
    """

    def __init__(
        self,
        folder: Path,
        *,
        size_limit: int,
        exclusive: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self._folder = folder
        self._size_limit = size_limit
        self._exclusive = exclusive
        self._guard = threading.Lock()
        self._refused_before = 0
        self._cache: Any = None
        with self._exclusive(_OPENING):
            self._cache = self._open()

    @property
    def available(self) -> bool:
        """Whether anything can be cached."""
        return self._cache is not None

    @property
    def n_refused(self) -> int:
        """Entries that were not in a form we write."""
        now = self._cache.disk.n_refused if self._cache is not None else 0
        return self._refused_before + int(now)

    def get(self, key: str) -> bytes | None:
        """The bytes of a key; None if they cannot be had."""
        value = self._try("read from", lambda cache: cache.get(key))
        return value if isinstance(value, bytes) else None

    def set(self, key: str, value: bytes) -> bool:
        """Store bytes; False if that was not possible. Nobody else may be storing the same key."""
        if len(value) > self._size_limit:
            _log.warning("a value of %d bytes is larger than the artifact cache", len(value))
            return False
        return self._try("write to", lambda cache: self._set(cache, key, value)) is True

    def delete(self, key: str) -> None:
        """Delete an entry if there is one."""
        self._try("delete from", lambda cache: cache.delete(key))

    def extent(self) -> tuple[int, int]:
        """Number of entries and bytes on the disk."""
        extent = self._try("measure", lambda cache: (len(cache), int(cache.volume())))
        return extent if isinstance(extent, tuple) else (0, 0)

    def shrink(self) -> None:
        """Evict what is above the size limit."""
        self._try("shrink", lambda cache: _evict(cache, self._size_limit))

    def clear(self) -> None:
        """Delete all entries, files that killed writers left, and what was set aside."""
        self._try("clear", _clear)
        for aside in self._folder.parent.glob(f"{self._folder.name}.corrupt-*"):
            shutil.rmtree(aside, ignore_errors=True)

    def close(self) -> None:
        """Close this thread's connection."""
        if self._cache is not None:
            self._cache.close()

    def _set(self, cache: Any, key: str, value: bytes) -> bool:
        cache.disk.remove_files_of(key)
        try:
            cache.set(key, value)
        except Exception:
            cache.disk.remove_files_of(key)
            raise
        point("cache.set.after")
        _evict(cache, self._size_limit)
        return True

    def _try(self, what: str, action: Callable[[Any], Any]) -> Any:
        cache = self._cache
        if cache is None:
            return None
        try:
            return action(cache)
        # A damaged database can make diskcache raise anything; a cache may never fail its user.
        except Exception as error:
            _log.warning("cannot %s the artifact cache: %s", what, error or type(error).__name__)
            if _is_broken(error):
                self._replace(cache)
            return None

    def _replace(self, broken: Any) -> None:
        with self._guard, self._exclusive(_OPENING):
            if self._cache is not broken:
                return
            self._refused_before += int(broken.disk.n_refused)
            broken.close()
            self._cache = None
            try:
                self._set_aside("its database is damaged")
            except FileNotFoundError:
                _log.warning("the folder of the artifact cache was deleted")
            except OSError as error:
                _log.warning("nothing is cached from now on: %s", error.strerror)
                return
            self._cache = self._open()

    def _open(self) -> Any:
        try:
            self._prepare()
            try:
                inspect_database(self._folder / "cache.db")
                return self._connect()
            except StoreError as error:
                self._set_aside(str(error))
            except Exception as error:  # see _try
                if not _is_broken(error):
                    raise
                self._set_aside(str(error))
            self._prepare()
            return self._connect()
        except (OSError, sqlite3.Error, diskcache.Timeout) as error:
            _log.warning("nothing is cached: the artifact cache cannot be opened: %s", error)
            return None

    def _prepare(self) -> None:
        if self._folder.is_symlink():
            self._set_aside("its folder is a link")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)

    def _connect(self) -> Any:
        return diskcache.Cache(
            str(self._folder),
            timeout=_TIMEOUT_S,
            disk=SafeDisk,
            size_limit=self._size_limit,
            eviction_policy="least-recently-used",
            cull_limit=0,  # diskcache evicts ten at a time; `_evict` as many as needed
            statistics=0,
            tag_index=0,
            # A mapped file that another process truncates would kill this one.
            sqlite_mmap_size=0,
        )

    def _set_aside(self, reason: str) -> None:
        aside = first_free(self._folder.with_name(f"{self._folder.name}.corrupt"))
        self._folder.rename(aside)
        _log.warning("the artifact cache was set aside as %s: %s", aside.name, reason)


def _is_broken(error: Exception) -> bool:
    if isinstance(error, sqlite3.DatabaseError):
        return (getattr(error, "sqlite_errorcode", 0) & 0xFF) not in _TRANSIENT
    return not isinstance(error, OSError | diskcache.Timeout | MemoryError)


def _evict(cache: Any, size_limit: int) -> None:
    while cache.volume() > size_limit:
        with cache._transact() as (sql, cleanup):
            oldest = "SELECT rowid, filename FROM Cache ORDER BY access_time LIMIT 1"
            rows = sql(oldest).fetchall()
            if not rows:
                return
            ((rowid, filename),) = rows
            sql("DELETE FROM Cache WHERE rowid = ?", (rowid,))
            cleanup(filename)


def _clear(cache: Any) -> None:
    cache.clear()
    cache.disk.remove_all_files()


def inspect_database(database: Path) -> None:
    """Refuse a database that says anything that diskcache would not have written.

    Settings become attributes of the cache object, so a planted one could redirect it. The size
    counter decides what is evicted; it must be the sum of the sizes.

    Raises:
        StoreError: If something is wrong.
    """
    if not database.exists():
        return
    if not stat.S_ISREG(database.lstat().st_mode):
        raise StoreError("its database is not a regular file")
    with closing(sqlite3.connect(database, timeout=_TIMEOUT_S, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        settings = dict(connection.execute("SELECT key, value FROM Settings").fetchall())
        sums = connection.execute("SELECT COUNT(*), TOTAL(size) FROM Cache").fetchone()
    foreign = settings.keys() - DEFAULT_SETTINGS.keys() - METADATA.keys()
    if foreign:
        raise StoreError(f"it has foreign settings: {sorted(map(str, foreign))}")
    if (settings.get("count"), settings.get("size")) != sums:
        raise StoreError("its counters are wrong")
