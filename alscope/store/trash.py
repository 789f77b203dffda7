"""Deleted studies, until they are brought back or deleted for ever.

    <studies>/.trash/<entry>/entry.json   what was deleted; checked
    <studies>/.trash/<entry>/study/       the folder of the study
    <runs>/.trash/<entry>/<run id>/       the folders of its runs

Everything is moved by renaming within its own store, so a folder is here or there and its bytes
stay as they are. Where the study's folder is decides: once it is in the trash the study is deleted,
and until it is back it is not restored. What a killed process left undone is finished by `settle`.
Nothing leaves the trash by itself. All of it happens under the lock under which runs are made.
"""

from __future__ import annotations

import logging
import secrets
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from alscope.errors import StoreError, UnknownNameError
from alscope.store._faults import point
from alscope.store.files import (
    child,
    folder_size,
    is_id,
    make_folder,
    read_sealed,
    seal,
    sync_folder,
    write_file,
)
from alscope.store.runs import RunStore
from alscope.store.studies import StudyStore
from alscope.store.writer import now

__all__ = ["Trash", "TrashEntry"]

_NAME = ".trash"
_log = logging.getLogger(__name__)

Wanted = Callable[[], set[str] | None]
"""Runs that stored studies have; None while nobody knows because one of these is damaged."""


@dataclass(frozen=True)
class TrashEntry:
    """A deleted study.

    Attributes:
        entry_id: Its id in the trash.
        study_id: The id it had.
        name: Its title.
        at: When it was deleted, ISO 8601 UTC; for display and for "older than".
        run_ids: All its runs, those that stayed with other studies included.
        held: The runs that lie in the trash with it.
        size: Bytes in the trash.
        whole: Whether the study is in it; otherwise only runs that exist again were left over.
    """

    entry_id: str
    study_id: str
    name: str
    at: str
    run_ids: tuple[str, ...]
    held: tuple[str, ...]
    size: int
    whole: bool


class Trash:
    """The trash of a run store and a study store.

    Args:
        runs: The run store.
        studies: The study store.
        wanted: Says which runs stored studies have.
    """

    def __init__(self, runs: RunStore, studies: StudyStore, wanted: Wanted) -> None:
        self._runs = runs
        self._studies = studies
        self._wanted = wanted

    def entries(self) -> tuple[TrashEntry, ...]:
        """What is in the trash, last deleted first.

        Raises:
            StoreError: If the trash cannot be used now.
        """
        if not self._studies_trash.is_dir():
            return ()
        with self._runs.changing():
            self._settle()
            found = [self._entry(entry_id) for entry_id in self._ids()]
        return tuple(sorted(found, key=lambda entry: (entry.at, entry.entry_id), reverse=True))

    def put(self, study_id: str, *, name: str, run_ids: Iterable[str]) -> str:
        """Move a study to the trash, with its runs unless other studies have them too.

        Args:
            study_id: The study.
            name: Its title, for the list.
            run_ids: Its runs; none if it is damaged, then all runs stay.

        Returns:
            The id of the entry.

        Raises:
            StoreError: If it cannot be moved; then it is where it was.
        """
        folder = self._studies.path_of(study_id)
        entry_id = f"{study_id[:50].rstrip('-')}-{secrets.token_hex(4)}"
        record = {"study_id": study_id, "name": name, "at": now(), "run_ids": list(run_ids)}
        try:
            make_folder(self._studies_trash)
            with self._runs.changing():
                place = self._studies_trash / entry_id
                make_folder(place)
                write_file(place / "entry.json", seal(record), label="trash")
                _move(folder, place / "study")
                self._settle()
        except OSError as error:
            raise StoreError(
                f"study {study_id} cannot be moved to the trash: {error.strerror or error}; "
                "nothing was deleted"
            ) from error
        return entry_id

    def restore(self, entry_id: str) -> str:
        """Bring a study back, byte for byte; returns its id.

        Of a run that was stored again meanwhile, the stored one stays and the other one is left in
        the trash.

        Raises:
            UnknownNameError: If there is no such entry.
            StoreError: If the study was stored again meanwhile, or it cannot be moved.
        """
        with self._runs.changing():
            entry = self._known(entry_id)
            if not entry.whole:
                raise StoreError(
                    f"only runs that exist again are left of {entry.name!r}; there is nothing to "
                    "bring back"
                )
            if self._studies.exists(entry.study_id):
                raise StoreError(
                    f"there is a study {entry.study_id} again; delete that one first, then bring "
                    "this one back"
                )
            try:
                self._bring_back_runs(entry)
                _move(self._place(entry_id) / "study", self._studies.path_of(entry.study_id))
                self._settle()
            except OSError as error:
                raise StoreError(
                    f"study {entry.study_id} cannot be brought back: {error.strerror or error}; "
                    "it is still in the trash"
                ) from error
        return entry.study_id

    def purge(self, entry_id: str) -> int:
        """Delete an entry for ever; returns the bytes that were freed.

        Runs that another study in the trash would need are handed over to it.

        Raises:
            UnknownNameError: If there is no such entry.
            StoreError: If it cannot be deleted; what is left is still listed.
        """
        with self._runs.changing():
            entry = self._known(entry_id)
            place = self._place(entry_id)
            try:
                if entry.whole:
                    (place / "study").rename(place / "purged")
                    point("purge.study")
                kept = sum(self._hand_over(run_id, entry_id) for run_id in entry.held)
                shutil.rmtree(place / "purged", ignore_errors=True)
                if self._runs_of(entry_id).is_dir():
                    shutil.rmtree(self._runs_of(entry_id))
                point("purge.runs")
                shutil.rmtree(place)
            except OSError as error:
                raise StoreError(
                    f"{entry.name!r} cannot be deleted for ever: {error.strerror or error}; "
                    "try again"
                ) from error
        return entry.size - kept

    def size(self) -> int:
        """Bytes in the trash."""
        return folder_size(self._studies_trash) + folder_size(self._runs_trash)

    def size_of_studies(self) -> int:
        """Of these, the bytes that lie with the studies."""
        return folder_size(self._studies_trash)

    @property
    def _studies_trash(self) -> Path:
        return self._studies.root / _NAME

    @property
    def _runs_trash(self) -> Path:
        return self._runs.root / _NAME

    def _ids(self) -> list[str]:
        trash = self._studies_trash
        if not trash.is_dir():
            return []
        return [path.name for path in trash.iterdir() if is_id(path.name) and path.is_dir()]

    def _place(self, entry_id: str) -> Path:
        return child(self._studies_trash, entry_id)

    def _runs_of(self, entry_id: str) -> Path:
        return self._runs_trash / entry_id

    def _held(self, entry_id: str) -> tuple[str, ...]:
        folder = self._runs_of(entry_id)
        return tuple(sorted(p.name for p in folder.iterdir())) if folder.is_dir() else ()

    def _known(self, entry_id: str) -> TrashEntry:
        known = self._ids()
        if entry_id not in known:
            raise UnknownNameError("entry of the trash", entry_id, known)
        self._settle()
        return self._entry(entry_id)

    def _entry(self, entry_id: str) -> TrashEntry:
        place, held = self._place(entry_id), self._held(entry_id)
        try:
            record = read_sealed(place / "entry.json", "the entry")
        except StoreError:  # what lies in it tells nearly as much
            study_id = entry_id.rpartition("-")[0]
            record = {"study_id": study_id, "name": study_id, "at": "", "run_ids": held}
        return TrashEntry(
            entry_id=entry_id,
            study_id=str(record["study_id"]),
            name=str(record["name"]),
            at=str(record["at"]),
            run_ids=tuple(run_id for run_id in map(str, record["run_ids"]) if is_id(run_id)),
            held=held,
            size=folder_size(place) + folder_size(self._runs_of(entry_id)),
            whole=(place / "study").is_dir(),
        )

    def _settle(self) -> None:
        """Finish what was begun: move the runs of deleted studies here, drop empty entries."""
        wanted = self._wanted()
        for entry_id in self._ids():
            try:
                self._settle_entry(entry_id, wanted)
            except OSError as error:  # the study is here or there already; the rest can wait
                _log.warning("entry %s of the trash is not settled: %s", entry_id, error)

    def _settle_entry(self, entry_id: str, wanted: set[str] | None) -> None:
        place = self._place(entry_id)
        if not (place / "study").is_dir():
            if not self._held(entry_id):
                shutil.rmtree(place, ignore_errors=True)
                shutil.rmtree(self._runs_of(entry_id), ignore_errors=True)
        elif wanted is not None:
            for run_id in self._entry(entry_id).run_ids:
                if run_id not in wanted:
                    self._set_aside(run_id, entry_id)

    def _set_aside(self, run_id: str, entry_id: str) -> None:
        if not self._runs.exists(run_id) or self._runs.is_active(run_id):
            return
        there = self._runs_of(entry_id) / run_id
        if not there.exists():
            make_folder(there.parent)
            _move(self._runs.path_of(run_id), there)

    def _bring_back_runs(self, entry: TrashEntry) -> None:
        others = [other for other in self._ids() if other != entry.entry_id]
        for run_id in entry.run_ids:
            # A run it shared with a study that was deleted later lies with that one.
            for entry_id in (entry.entry_id, *others):
                here = self._runs_of(entry_id) / run_id
                if here.is_dir() and not self._runs.exists(run_id):
                    _move(here, self._runs.path_of(run_id))

    def _hand_over(self, run_id: str, entry_id: str) -> int:
        """Give a run to another entry that needs it; returns its size, 0 if none does."""
        here = self._runs_of(entry_id) / run_id
        for other_id in self._ids():
            there = self._runs_of(other_id) / run_id
            if other_id == entry_id or there.exists() or self._runs.exists(run_id):
                continue
            other = self._entry(other_id)
            if other.whole and run_id in other.run_ids:
                size = folder_size(here)
                make_folder(there.parent)
                _move(here, there)
                return size
        return 0


def _move(here: Path, there: Path) -> None:
    """Rename a folder within a file system, durably; it is never in both places or in neither."""
    point("move.before")
    here.rename(there)
    sync_folder(here.parent)
    sync_folder(there.parent)
    point("move.after")
