"""What is stored, beside running it: notes, trash, disk use, cleaning. Part of `Service`."""

from __future__ import annotations

import dataclasses
import logging
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from alscope.data.protocols import DataRoot
from alscope.engine.access import Action, Guard
from alscope.engine.defaults import Paths
from alscope.engine.settings import Settings, read_settings, write_settings
from alscope.errors import ConfigError, StoreError
from alscope.store.about import About, clean_tags
from alscope.store.files import folder_size
from alscope.store.runs import RunStore
from alscope.store.studies import Origin, StudyStore
from alscope.store.trash import Trash, TrashEntry

if TYPE_CHECKING:
    from alscope.store.artifacts import ArtifactCache

__all__ = ["DamagedStudy", "DiskUse", "Library", "noted"]

log = logging.getLogger(__name__)

_KEPT = ("uploads",)
"""Rooms of the derived folder that somebody may be working with."""


@dataclass(frozen=True)
class DamagedStudy:
    """A study that is there and cannot be read.

    Attributes:
        study_id: Its id.
        reason: What is wrong, in words.
    """

    study_id: str
    reason: str


@dataclass(frozen=True)
class DiskUse:
    """Bytes on disk by store.

    Attributes:
        runs: What was recorded; never evicted.
        studies: Which runs belong together, with tags and notes.
        artifacts: What can be computed again, within a limit.
        derived: What can be made again: tokens, tables, summaries.
        datasets: Data sets, the user's own included.
        trash: Deleted studies.
        free: Left on the disk.
    """

    runs: int
    studies: int
    artifacts: int
    derived: int
    datasets: int
    trash: int
    free: int


class Library:
    """Studies as things that are kept.

    Args:
        paths: The cache folder.
        root: Where data sets are.
        runs: The run store.
        studies: The study store.
        guard: Asked before everything that changes something.
    """

    def __init__(
        self, paths: Paths, root: DataRoot, runs: RunStore, studies: StudyStore, guard: Guard
    ) -> None:
        self._guard = guard
        self._paths = paths
        self._root = root
        self._runs = runs
        self._studies = studies
        self._trash = Trash(runs, studies, self._wanted)

    # ------------------------------------------------------------------ notes

    def about(self, study_id: str) -> About:
        """Tags and note of a study.

        Raises:
            StoreError: If there is no such study, or they are damaged.
        """
        return self._studies.about(study_id)

    def describe(self, study_id: str, *, tags: Iterable[str], note: str) -> None:
        """Set tags and note of a study.

        Raises:
            ConfigError: With everything that cannot be kept.
            StoreError: If there is no such study, or they cannot be written.
        """
        self._guard.require(Action.NOTE, study_id)
        self._studies.set_about(study_id, About(tags=tuple(tags), note=note))

    def tag(self, study_id: str, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Add and remove tags; case does not matter for removing. Errors as in `describe`."""
        about = self._studies.about(study_id)
        gone = {tag.casefold() for tag in clean_tags(remove)}
        kept = [tag for tag in about.tags if tag.casefold() not in gone]
        self.describe(study_id, tags=(*kept, *add), note=about.note)

    def damaged(self) -> tuple[DamagedStudy, ...]:
        """Studies that are there and cannot be read; lists leave them out."""
        found = []
        for study_id in self._studies.ids():
            try:
                self._studies.load(study_id)
                self._studies.desired(study_id)
            except (StoreError, ConfigError) as error:
                found.append(DamagedStudy(study_id, str(error)))
        return tuple(found)

    # ------------------------------------------------------------------ trash

    def discard(self, study_id: str) -> str:
        """Move a study to the trash, with its runs unless other studies have them too.

        While a study is damaged nobody knows which runs it has, and all runs stay.

        Returns:
            The id of the entry in the trash.

        Raises:
            StoreError: If there is no such study or it cannot be moved.
        """
        self._guard.require(Action.DELETE, study_id)
        try:
            record = self._studies.load(study_id)
            name, run_ids = record.config.name, record.run_ids
        except ConfigError:
            name, run_ids = study_id, ()
        except StoreError:
            if not self._studies.exists(study_id):
                raise
            name, run_ids = study_id, ()
        return self._trash.put(study_id, name=name, run_ids=run_ids)

    def trash(self) -> tuple[TrashEntry, ...]:
        """What is in the trash, last deleted first.

        Raises:
            StoreError: If the trash cannot be used now.
        """
        return self._trash.entries()

    def restore(self, entry_id: str) -> str:
        """Bring a study back from the trash, byte for byte; returns its id.

        Raises:
            UnknownNameError: If there is no such entry.
            StoreError: If the study was stored again meanwhile, or it cannot be moved.
        """
        self._guard.require(Action.DELETE, self._study_of(entry_id))
        return self._trash.restore(entry_id)

    def purge(self, entry_id: str) -> int:
        """Delete an entry of the trash for ever; returns the bytes that were freed.

        Raises:
            UnknownNameError: If there is no such entry.
            StoreError: If it cannot be deleted.
        """
        self._guard.require(Action.MAINTAIN)
        study_id = self._study_of(entry_id)
        freed = self._trash.purge(entry_id)
        others = {entry.study_id for entry in self.trash()} | set(self._studies.ids())
        if study_id and study_id not in others:
            self._guard.owners.forget("study", study_id)
        return freed

    def older_than(self, days: float, *, now: datetime | None = None) -> tuple[TrashEntry, ...]:
        """Entries of the trash that were deleted more than some days ago.

        An entry whose time cannot be read, or is still to come, is never old.
        """
        limit = (now or datetime.now(UTC)) - timedelta(days=days)
        return tuple(entry for entry in self.trash() if _moment(entry.at, limit) < limit)

    # ------------------------------------------------------------------ disk

    def disk(self) -> DiskUse:
        """Bytes by store; looks at every file, so it takes a moment."""
        paths, trash = self._paths, self._trash.size()
        kept = folder_size(paths.runs) + folder_size(paths.studies) - trash
        studies = folder_size(paths.studies) - self._trash.size_of_studies()
        return DiskUse(
            runs=kept - studies,
            studies=studies,
            artifacts=folder_size(paths.artifacts),
            derived=folder_size(paths.derived),
            datasets=folder_size(self._root.path),
            trash=trash,
            free=shutil.disk_usage(paths.root).free,
        )

    def settings(self) -> Settings:
        """The settings of the cache folder."""
        return read_settings(self._paths.settings)

    def limit_artifacts(self, size: int) -> None:
        """Set the size of the artifact cache and evict what is above it.

        Workers that run now use the former limit until they end.

        Raises:
            ConfigError: If it is not possible.
            StoreError: If it cannot be kept.
        """
        self._guard.require(Action.MAINTAIN)
        settings = dataclasses.replace(self.settings(), artifact_limit=size)
        write_settings(self._paths.settings, settings)
        if self._paths.artifacts.is_dir():
            cache = self._artifacts()
            cache.shrink()
            cache.close()

    def clear_artifacts(self) -> None:
        """Empty the artifact cache; what is needed again is computed again, to the same bits."""
        self._guard.require(Action.MAINTAIN)
        if self._paths.artifacts.is_dir():
            cache = self._artifacts()
            cache.clear()
            cache.close()

    def clear_derived(self) -> None:
        """Delete what can be made again from data sets and journals."""
        self._guard.require(Action.MAINTAIN)
        for path in self._paths.derived.iterdir() if self._paths.derived.is_dir() else ():
            if path.name in _KEPT:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def _study_of(self, entry_id: str) -> str:
        """The study in an entry of the trash; "" if there is no such entry."""
        found = (entry.study_id for entry in self.trash() if entry.entry_id == entry_id)
        return next(found, "")

    def _artifacts(self) -> ArtifactCache:
        from alscope.store.artifacts import ArtifactCache

        return ArtifactCache(self._paths.artifacts, size_limit=self.settings().artifact_limit)

    def _wanted(self) -> set[str] | None:
        """Runs that stored studies have; None if one of these cannot be read."""
        found: set[str] = set()
        for study_id in self._studies.ids():
            try:
                found.update(self._studies.load(study_id).run_ids)
            except (StoreError, ConfigError) as error:
                log.warning("no run is moved, study %s may have it: %s", study_id, error)
                return None
        return found


def noted(studies: StudyStore, study_id: str) -> tuple[About, Origin | None, str]:
    """Tags and note, origin, and what of it cannot be read: no result depends on these."""
    about, origin, problems = About(), None, []
    try:
        about = studies.about(study_id)
    except StoreError as error:
        problems.append(str(error))
    try:
        origin = studies.origin(study_id)
    except StoreError as error:
        problems.append(str(error))
    return about, origin, "; ".join(problems)


def _moment(at: str, default: datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return default
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
