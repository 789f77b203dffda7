"""Writing a run: the one process that holds its lock appends events."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from filelock import BaseFileLock

from alscope.errors import StorageUnavailable, StoreError
from alscope.store._faults import point
from alscope.store.codecs import encode, from_json, plain_values
from alscope.store.files import (
    first_free,
    halves,
    open_regular,
    read_regular,
    remove_leftovers,
    seal,
    sync_folder,
    write_all,
    write_file,
)
from alscope.store.journal import (
    KINDS,
    Event,
    Journal,
    RunHistory,
    load_blob,
    make_line,
    read_journal,
    state_of,
    write_blob,
)
from alscope.store.trouble import keep_reserve, release_reserve, unavailable
from alscope.types import Arrays

__all__ = ["RunWriter", "now"]

_PROGRESS_EVERY_S = 1.0
_log = logging.getLogger(__name__)


def now() -> str:
    """Wall time, ISO 8601 UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class RunWriter:
    """Appends events to a run. A context manager; made by `RunStore.open`, which takes the lock.

    At opening, an unfinished last line is cut off. If a line or its arrays are damaged, the journal
    is kept as `journal.damaged-<n>` and cut back to what is sound; `history.damaged` says what was
    lost.
    """

    def __init__(self, folder: Path, run_id: str, lock: BaseFileLock) -> None:
        self._folder = folder
        self._run_id = run_id
        self._lock = lock
        self._progress_at = -_PROGRESS_EVERY_S
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="alscope-journal")
        self._pending: Future[None] | None = None
        try:
            keep_reserve(folder.parent)
            self._journal = self._recover()
            self._claim()
            self._file = self._open_journal()
        except OSError as error:
            raise self._unavailable("opened", error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Wait for what is being written, and give the lock back. May be called twice.

        Raises:
            StorageUnavailable: If an event that nobody waited for could not be written.
        """
        try:
            self._settle()
        finally:
            self._thread.shutdown()
            try:
                self._file.close()
            finally:
                self._lock.release()

    @property
    def history(self) -> RunHistory:
        """Everything recorded so far; not what is being written."""
        journal = self._journal
        return RunHistory(self._run_id, journal.events, state_of(journal.events), journal.damaged)

    def blob(self, sha: str) -> Arrays:
        """Arrays of an event of this run, by the hash that the event names.

        Raises:
            StoreError: If they are missing or damaged.
        """
        return load_blob(self._folder, sha)

    def append(
        self,
        kind: str,
        data: Mapping[str, Any],
        *,
        blobs: Mapping[str, Arrays] | None = None,
        wait: bool = True,
    ) -> None:
        """Record an event; when this returns, it survives a power loss.

        Args:
            kind: One of `alscope.store.journal.KINDS`.
            data: JSON-serializable.
            blobs: Named groups of arrays.
            wait: Otherwise this returns while the event is on its way to the disk. It is there
                before any later one is begun: the next call waits, and raises what went wrong.

        Raises:
            StorageUnavailable: If it, or the one before, cannot be written; the journal ends before
                what could not be.
            StoreError: If the data cannot be stored.
        """
        if kind not in KINDS:
            raise StoreError(f"unknown kind of event {kind!r}; use one of {', '.join(KINDS)}")
        plain = plain_values(data)  # what a reader will see
        # Now, because the caller may change the arrays while they are written.
        records = {name: encode(arrays, {}) for name, arrays in sorted((blobs or {}).items())}
        self._settle()
        # Always in the one thread, so that events are written one by one whatever interrupts us.
        self._pending = self._thread.submit(self._write, kind, plain, records)
        if wait:
            self._settle()

    def _settle(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def _write(self, kind: str, plain: dict[str, Any], records: Mapping[str, bytes]) -> None:
        try:
            stored = {name: write_blob(self._folder, record) for name, record in records.items()}
            if stored:
                sync_folder(
                    self._folder / "blobs"
                )  # once for all names, before the line names them
            hashes = {name: sha for name, (sha, _) in stored.items()}
            event = Event(len(self._journal.events), kind, plain, hashes, now())
            sizes = {name: size for name, (_, size) in stored.items()}
            self._write_line(make_line(event, sizes, prev=self._journal.last), event)
        except OSError as error:
            release_reserve(self._folder.parent, error)
            raise self._unavailable("written", error) from error

    def progress(self, *, force: bool = False, **fields: Any) -> None:
        """Publish how far the current round is, for display; at most once per second.

        A failure to write is logged, not raised: nothing depends on it.

        Args:
            force: Write also if the last time is less than a second ago.
            fields: JSON-serializable; `at` (wall time) is added.
        """
        clock = time.monotonic()
        if not force and clock - self._progress_at < _PROGRESS_EVERY_S:
            return
        self._progress_at = clock
        record = seal({"at": now(), **fields})
        try:
            write_file(self._folder / "progress.json", record, label="progress", durable=False)
        except OSError as error:
            _log.warning("progress of run %s cannot be written: %s", self._run_id, error.strerror)

    def _write_line(self, line: bytes, event: Event) -> None:
        self._check_in_place()
        point("journal.before")
        size = self._journal.size
        try:
            self._file.truncate(size)  # also what an earlier failure may have left
            self._file.seek(size)
            for piece in halves(line, "journal"):
                write_all(self._file, piece)
            os.fsync(self._file.fileno())
        except Exception:
            self._file.truncate(size)
            raise
        last = from_json(line)["check"]
        events = (*self._journal.events, event)
        self._journal = Journal(events, size + len(line), last, self._journal.damaged)
        point("journal.after")

    def _check_in_place(self) -> None:
        ours = os.fstat(self._file.fileno())
        there = os.stat(self._folder / "journal.jsonl")  # noqa: PTH116 - FileNotFoundError wanted
        if not os.path.samestat(ours, there):
            raise FileNotFoundError(2, "the journal was replaced")

    def _recover(self) -> Journal:
        (self._folder / "blobs").mkdir(exist_ok=True)
        for folder in (self._folder, self._folder / "blobs"):
            remove_leftovers(folder)
        journal = read_journal(self._folder, Journal((), 0, self._run_id))
        if journal.damaged:
            self._keep_damaged()
            _log.warning("run %s: %s", self._run_id, journal.damaged)
        return journal

    def _keep_damaged(self) -> None:
        copy = first_free(self._folder / "journal.damaged")
        write_file(copy, read_regular(self._folder / "journal.jsonl"), label="repair")

    def _open_journal(self) -> IO[bytes]:
        file = open_regular(self._folder / "journal.jsonl", write=True)
        try:
            if os.fstat(file.fileno()).st_size > self._journal.size:
                file.truncate(self._journal.size)
                os.fsync(file.fileno())
            sync_folder(self._folder)
        except OSError:
            file.close()
            raise
        return file

    def _claim(self) -> None:
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": now()}
        write_file(self._folder / "owner.json", seal(owner), label="owner", durable=False)

    def _unavailable(self, what: str, error: OSError) -> StorageUnavailable:
        return unavailable(
            f"run {self._run_id} cannot be {what}", error, safe="what was recorded before is safe"
        )
