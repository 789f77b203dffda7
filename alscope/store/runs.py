"""The run store: one folder per run, never evicted, only deleted on request.

<root>/<run_id>/config.json       what the run is; checked
<root>/<run_id>/journal.jsonl     what happened; see `alscope.store.journal`
<root>/<run_id>/blobs/<sha>.bin   arrays named by the journal
<root>/<run_id>/lock              held by whoever writes; freed by the system when it dies
<root>/<run_id>/progress.json     how far the current round is; may vanish
<root>/<run_id>/owner.json        who wrote last; for messages
<root>/.changing                  held while runs are made or deleted
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from filelock import BaseFileLock, FileLock, Timeout

from alscope.config import RunConfig
from alscope.errors import NewerFormatError, RunLockedError, StoreError
from alscope.hashing import digest
from alscope.store.codecs import to_json
from alscope.store.files import (
    FileMark,
    check_id,
    child,
    file_mark,
    folder_size,
    is_id,
    make_folder,
    read_regular,
    read_sealed,
    refuse_newer,
    seal,
    sync_folder,
    write_file,
)
from alscope.store.journal import (
    Event,
    Journal,
    RunHistory,
    load_blob,
    read_blob,
    read_journal,
    state_of,
)
from alscope.store.trouble import unavailable
from alscope.store.verify import record_problems
from alscope.store.writer import RunWriter
from alscope.types import Arrays, RunState

__all__ = ["Event", "RunHistory", "RunStore", "RunWriter"]

_PATIENCE_S = 2.0
_REMEMBERED = 1024
_CHANGE_PATIENCE_S = 30.0  # a study of hundreds of runs takes seconds to make
_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class _Known(NamedTuple):
    """A journal that was read to its end, the file it was read from, and what was made of it."""

    stamp: FileMark
    journal: Journal
    derived: dict[str, Any]


class _Configured(NamedTuple):
    """A configuration, and the file it was read from."""

    stamp: FileMark
    config: RunConfig


class RunStore:
    """Runs on disk. Any number of processes may read while one per run writes.

    Args:
        root: Folder of the runs; made if it is missing.
    """

    def __init__(self, root: Path) -> None:
        self._root = Path(root)
        self._known: dict[str, _Known] = {}
        self._configured: dict[str, _Configured] = {}
        self._guard = threading.Lock()
        # One object per store, so that a thread that holds it may take it again.
        self._changing = FileLock(self._root / ".changing")

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Within, no other thread or process makes or deletes runs.

        Whoever decides from a study which runs to make or to delete holds it meanwhile.

        Raises:
            StoreError: If another one holds it for half a minute, or it cannot be taken.
        """
        try:
            make_folder(self._root)
            self._changing.acquire(timeout=_CHANGE_PATIENCE_S, poll_interval=0.02)
        except Timeout as error:
            raise StoreError(
                "another process is making or deleting runs; try again in a moment"
            ) from error
        except OSError as error:
            raise unavailable("the run folder cannot be changed", error) from error
        try:
            yield
        finally:
            self._changing.release()

    @property
    def root(self) -> Path:
        """Folder of the runs."""
        return self._root

    def create(self, config: RunConfig) -> str:
        """Make the run of a configuration if it does not exist; returns its id.

        Raises:
            StoreError: If it cannot be written.
        """
        with self.changing():
            return self._create(config)

    def _create(self, config: RunConfig) -> str:
        run_id = check_id(config.run_id, "run")
        folder = child(self._root, run_id)
        record = seal({"run_id": run_id, "config": config.to_dict()})
        try:
            if self.exists(run_id):
                self.config(run_id)
                return run_id
        except NewerFormatError:
            raise
        except StoreError as error:  # the id is the content, so what it must say is known
            _log.warning("run %s: its configuration is written again: %s", run_id, error)
        try:
            make_folder(folder)
            write_file(folder / "config.json", record, label="config")
        except OSError as error:
            raise unavailable(f"run {run_id} cannot be created", error) from error
        return run_id

    def run_ids(self) -> tuple[str, ...]:
        """Ids of all runs, sorted."""
        if not self._root.is_dir():
            return ()
        return tuple(sorted(path.name for path in self._root.iterdir() if self.exists(path.name)))

    def newest(self, n: int, *, executed_here: bool = False) -> list[tuple[str, float]]:
        """The runs that were written last, newest first, with the time of their last event.

        Runs of which nothing is recorded are left out.

        Args:
            n: At most so many.
            executed_here: Leave out runs that were only imported; nobody ever held their lock.
        """
        found = []
        if self._root.is_dir():
            for path in self._root.iterdir():
                stamp = file_mark(path / "journal.jsonl") if is_id(path.name) else None
                if stamp is not None and not (executed_here and not (path / "owner.json").exists()):
                    found.append((path.name, stamp.modified_ns / 1e9))
        return sorted(found, key=lambda entry: (-entry[1], entry[0]))[:n]

    def exists(self, run_id: str) -> bool:
        """Whether there is such a run."""
        return is_id(run_id) and (self._root / run_id / "config.json").is_file()

    def config(self, run_id: str) -> RunConfig:
        """What the run is.

        Raises:
            StoreError: If there is no such run, or its configuration is damaged.
        """
        path = self._folder(run_id) / "config.json"
        stamp = file_mark(path)
        known = self._configured.get(run_id)
        if known is not None and known.stamp == stamp:
            return known.config
        what = f"the configuration of run {run_id}"
        record = read_sealed(path, what)
        refuse_newer(record, f"run {run_id}")
        try:
            config = RunConfig.from_dict(record["config"])
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"{what} cannot be understood: {error}") from error
        if record.get("run_id") != run_id:
            raise StoreError(f"{what} belongs to another run; submit the study again")
        if stamp is not None:
            with self._guard:
                _remember(self._configured, run_id, _Configured(stamp, config))
        return config

    def path_of(self, run_id: str) -> Path:
        """Where a run is or would be.

        Raises:
            StoreError: If it is no legal id.
        """
        return self._root / check_id(run_id, "run")

    def size(self, run_id: str) -> int:
        """Bytes of a run on disk; 0 if there is none."""
        return folder_size(self.path_of(run_id))

    def open(self, run_id: str) -> RunWriter:
        """Take the lock of a run and prepare it for writing.

        Raises:
            RunLockedError: If another writer holds the lock and keeps it for two seconds.
            NewerFormatError: If a newer ALScope made it; opening it would cut off what it wrote.
            StoreError: If there is no such run or it cannot be written.
        """
        folder = self._folder(run_id)
        self._refuse_newer(run_id)
        lock = FileLock(folder / "lock", thread_local=False)
        try:
            # A reader that looks whether the run is active holds the lock for an instant.
            lock.acquire(timeout=_PATIENCE_S, poll_interval=0.02)
        except Timeout as error:
            raise RunLockedError(self._who(run_id)) from error
        except OSError as error:
            raise unavailable(f"run {run_id} cannot be locked", error) from error
        try:
            self._folder(run_id)  # it may have been deleted while we waited
            return RunWriter(folder, run_id, lock)
        except BaseException:
            lock.release()
            raise

    def history(self, run_id: str) -> RunHistory:
        """What is known of a run; also while somebody writes.

        Raises:
            StoreError: If there is no such run or its journal cannot be read.
        """
        journal = self._journal(run_id)
        state = state_of(journal.events)
        if state is RunState.RUNNING and not self.is_active(run_id):
            state = RunState.INTERRUPTED
        return RunHistory(run_id, journal.events, state, journal.damaged)

    def derived(self, run_id: str, name: str, make: Callable[[RunHistory], _T]) -> _T:
        """What a function makes of the history of a run, made once for each state of its journal.

        Args:
            run_id: The run.
            name: Of what is made.
            make: Reads the history and nothing else; nobody changes what it returns.

        Raises:
            StoreError: If there is no such run or its journal cannot be read.
        """
        history = self.history(run_id)
        known = self._known.get(run_id)
        if known is None or known.journal.events is not history.events:
            return make(history)
        if name not in known.derived:
            known.derived[name] = make(history)
        made: _T = known.derived[name]
        return made

    def blob(self, run_id: str, sha: str) -> Arrays:
        """Arrays that an event names.

        Raises:
            StoreError: If they are missing or damaged.
        """
        return load_blob(self._folder(run_id), sha)

    def progress(self, run_id: str) -> dict[str, Any] | None:
        """What the writer last published, with `at`; None if nothing readable is there."""
        try:
            record = read_sealed(self._folder(run_id) / "progress.json", "progress")
        except StoreError:
            return None
        return {name: value for name, value in record.items() if name != "check"}

    def is_active(self, run_id: str) -> bool:
        """Whether a living process holds the lock of the run."""
        path = self._folder(run_id) / "lock"
        if not path.exists():
            return False
        lock = FileLock(path, thread_local=False)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return True
        except OSError:  # not ours to write, so nobody here writes it
            return False
        lock.release()
        return False

    def journal_bytes(self, run_id: str) -> bytes:
        """The valid part of the journal, as it is on the disk.

        Raises:
            StoreError: If there is no such run or it cannot be read.
        """
        size = self._journal(run_id).size
        try:
            return read_regular(self._folder(run_id) / "journal.jsonl")[:size]
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise unavailable(f"run {run_id} cannot be read", error) from error

    def blob_bytes(self, run_id: str, sha: str) -> bytes:
        """The bytes of arrays that an event names, checked.

        Raises:
            StoreError: If they are missing or damaged.
        """
        return read_blob(self._folder(run_id), sha)

    def staging(self) -> Path:
        """A new folder on the same disk in which runs can be prepared for `admit`.

        Raises:
            StoreError: If it cannot be made.
        """
        try:
            make_folder(self._root)
            return Path(tempfile.mkdtemp(prefix=".import-", dir=self._root))
        except OSError as error:
            raise unavailable("the run store cannot be written", error) from error

    def admit(self, config: RunConfig, prepared: Path) -> bool:
        """Take over the journal and arrays of a run that was prepared elsewhere.

        Rounds that are recorded here are never replaced.

        Args:
            config: The run.
            prepared: Its folder, on the same disk, synced and verified; used up.

        Returns:
            Whether it was taken over; False if rounds of this run are recorded here.

        Raises:
            RunLockedError: If the run is being written.
            StoreError: If it cannot be written.
        """
        run_id = self.create(config)
        folder = self._folder(run_id)
        lock: BaseFileLock = FileLock(folder / "lock", thread_local=False)
        try:
            with lock.acquire(timeout=_PATIENCE_S, poll_interval=0.02):
                if self.history(run_id).rounds:
                    return False
                make_folder(folder / "blobs")
                for blob in sorted((prepared / "blobs").iterdir()):
                    blob.replace(folder / "blobs" / blob.name)
                sync_folder(folder / "blobs")
                # Last: from here on the rounds exist.
                (prepared / "journal.jsonl").replace(folder / "journal.jsonl")
                sync_folder(folder)
        except Timeout as error:
            raise RunLockedError(self._who(run_id)) from error
        except OSError as error:
            raise unavailable(f"run {run_id} cannot be written", error) from error
        return True

    def verify(self, run_id: str) -> list[str]:
        """Everything wrong with a run, in words; empty if it is sound.

        Raises:
            StoreError: If there is no such run.
        """
        folder = self._folder(run_id)
        problems = []
        try:
            self.config(run_id)
        except NewerFormatError as error:
            return [str(error)]
        except StoreError as error:
            problems.append(str(error))
        try:
            journal = read_journal(folder, Journal((), 0, run_id))
        except StoreError as error:
            return [*problems, str(error)]
        if journal.damaged:
            problems.append(journal.damaged)
        return [*problems, *record_problems(folder, journal.events)]

    def delete(self, run_id: str) -> None:
        """Delete a run and everything recorded.

        Raises:
            RunLockedError: If it is being written.
            StoreError: If there is no such run or it cannot be deleted.
        """
        self._folder(run_id)
        with self.changing():
            self._delete(run_id)

    def _delete(self, run_id: str) -> None:
        folder = self._folder(run_id)
        lock: BaseFileLock = FileLock(folder / "lock", thread_local=False)
        try:
            with lock.acquire(timeout=_PATIENCE_S, poll_interval=0.02):
                # Without these two it is no run any more, whatever happens next.
                (folder / "config.json").unlink(missing_ok=True)
                (folder / "journal.jsonl").unlink(missing_ok=True)
            shutil.rmtree(folder)
        except Timeout as error:
            raise RunLockedError(self._who(run_id)) from error
        except OSError as error:
            raise unavailable(f"run {run_id} cannot be deleted", error) from error
        with self._guard:
            self._known.pop(run_id, None)
            self._configured.pop(run_id, None)

    def records(self, run_id: str) -> bytes:
        """The part of the rounds that must not depend on interruptions: one line per round.

        Two runs with the same records are bitwise the same experiment: results and hashes of the
        queries, with a digest of everything in the configuration but the strategy. Times and
        environment are not in it.

        Raises:
            StoreError: If there is no such run or it cannot be read.
        """
        config = self.config(run_id)
        shared = digest(
            [config.scenario, config.backbone, config.train, config.seed, config.schema]
        )
        lines = [
            to_json({"config": shared, "result": event.data.get("result"), "blobs": event.blobs})
            for event in self._journal(run_id).events
            if event.kind == "round"
        ]
        return "".join(f"{line}\n" for line in lines).encode()

    def _folder(self, run_id: str) -> Path:
        check_id(run_id, "run")
        if not self.exists(run_id):
            raise StoreError(f"there is no run {run_id!r}; it may have been deleted")
        return child(self._root, run_id)

    def _journal(self, run_id: str) -> Journal:
        folder = self._folder(run_id)
        stamp = file_mark(folder / "journal.jsonl")
        known = self._known.get(run_id)
        if known is not None and known.stamp == stamp:
            return known.journal
        start = Journal((), 0, run_id)
        journal = None
        if known is not None and known.stamp.is_before(stamp):
            journal = read_journal(folder, known.journal)
        if journal is None or journal.damaged:  # perhaps it is another file: look again
            journal = read_journal(folder, start)
        if journal.damaged:
            self._refuse_newer(run_id)
        self._remember(run_id, stamp, journal)
        return journal

    def _refuse_newer(self, run_id: str) -> None:
        try:
            self.config(run_id)
        except NewerFormatError:
            raise
        except StoreError:  # damaged, which is not asked here
            return

    def _remember(self, run_id: str, stamp: FileMark | None, journal: Journal) -> None:
        with self._guard:
            self._known.pop(run_id, None)
            if stamp is not None and stamp.size == journal.size:  # else: something unread follows
                _remember(self._known, run_id, _Known(stamp, journal, {}))

    def _who(self, run_id: str) -> str:
        try:
            owner = read_sealed(self._root / run_id / "owner.json", "owner")
            who = f"process {owner['pid']} on {owner['host']} since {owner['since']}"
        except (StoreError, KeyError):
            who = "another process"
        return f"run {run_id} is being written by {who}; wait for it or stop it"


def _remember(known: dict[str, _T], run_id: str, item: _T) -> None:
    """Keep the items read last; a journal in memory is ten times as large as on disk."""
    known[run_id] = item
    if len(known) > _REMEMBERED:
        del known[next(iter(known))]
