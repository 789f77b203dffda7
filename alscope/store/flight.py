"""Single flight: of many threads and processes that want the same thing, one makes it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

__all__ = ["SingleFlight"]

_POLL_S = 0.2
_log = logging.getLogger(__name__)


class SingleFlight:
    """Locks by key, between threads and between processes.

    Args:
        folder: Where the lock files are; the system frees them when their holder dies. If files
            cannot be made there, only the threads of this process exclude each other.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
        self._guard = threading.Lock()
        self._locks: dict[str, tuple[threading.Lock, int]] = {}

    @contextmanager
    def exclusive(self, key: str, check: Callable[[], None] | None = None) -> Iterator[None]:
        """Hold the lock of a key.

        Args:
            key: Letters and digits; becomes a file name.
            check: Called several times per second while waiting; may raise to give up.
        """
        with self._thread_lock(key, check):
            lock = self._file_lock(key, check)
            try:
                yield
            finally:
                if lock is not None:
                    _drop(lock)

    @contextmanager
    def _thread_lock(self, key: str, check: Callable[[], None] | None) -> Iterator[None]:
        with self._guard:
            lock, users = self._locks.get(key, (threading.Lock(), 0))
            self._locks[key] = (lock, users + 1)
        try:
            while not lock.acquire(timeout=_POLL_S):
                if check is not None:
                    check()
            try:
                yield
            finally:
                lock.release()
        finally:
            with self._guard:
                lock, users = self._locks.pop(key)
                if users > 1:
                    self._locks[key] = (lock, users - 1)

    def _file_lock(self, key: str, check: Callable[[], None] | None) -> BaseFileLock | None:
        lock = FileLock(self._folder / f"{key}.lock", thread_local=False)
        while True:
            try:
                lock.acquire(timeout=_POLL_S, poll_interval=0.02)
            except Timeout:
                if check is not None:
                    check()
            except OSError as error:
                _log.warning("no lock between processes: %s", error.strerror or error)
                return None
            else:
                return lock


def _drop(lock: BaseFileLock) -> None:
    # Removed while it is held, so that lock files do not pile up. Whoever opened it just before
    # could at worst compute the same value a second time.
    with suppress(OSError):
        Path(lock.lock_file).unlink()
    lock.release()
