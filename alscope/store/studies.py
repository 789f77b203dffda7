"""The study store: which runs belong together, and whether they shall go on."""

from __future__ import annotations

import dataclasses
import re
import shutil
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from alscope.config import StudyConfig
from alscope.errors import ConfigError, StoreError
from alscope.hashing import digest
from alscope.store.about import About
from alscope.store.files import (
    FileMark,
    check_id,
    child,
    file_mark,
    is_id,
    make_folder,
    read_sealed,
    refuse_newer,
    seal,
    write_file,
)
from alscope.store.trouble import unavailable
from alscope.store.wishes import QueueWish
from alscope.store.writer import now

__all__ = ["DESIRED", "Origin", "QueueWish", "StudyRecord", "StudyStore", "slug"]

DESIRED = ("active", "paused", "cancelled")
_SLUG_LENGTH = 40


@dataclass(frozen=True)
class StudyRecord:
    """A stored study.

    Attributes:
        study_id: Its id.
        config: Its configuration.
        run_ids: Its runs, in the order of `config.runs()`.
        created: Wall time of the first submission, ISO 8601 UTC.
        number: Order of creation, whatever the clock said.
    """

    study_id: str
    config: StudyConfig
    run_ids: tuple[str, ...]
    created: str
    number: int


@dataclass(frozen=True)
class Origin:
    """Where a study came from that was not made here.

    Attributes:
        source: Name of the file; text of a stranger.
        sha256: Of the file.
        alscope: Version that wrote it; text of a stranger.
        created: Wall time of the first submission there, ISO 8601 UTC; text of a stranger.
        imported: Wall time of the import, ISO 8601 UTC.
        compact: Scores and predictions of samples that were not queried were left out.
    """

    source: str
    sha256: str
    alscope: str
    created: str
    imported: str
    compact: bool


class StudyStore:
    """Studies on disk, a folder each.

    `study.json`, and where there is something to say `state.json` (what is wanted), `queue.json`
    (how it is queued), `about.json` (tags and note) and `origin.json` (of imported ones).

    Args:
        root: Folder of the studies; made if it is missing.
    """

    def __init__(self, root: Path) -> None:
        self._root = Path(root)
        self._known: dict[str, tuple[FileMark, StudyRecord]] = {}
        self._noted: dict[str, tuple[FileMark, About]] = {}

    @property
    def root(self) -> Path:
        """Folder of the studies."""
        return self._root

    def path_of(self, study_id: str) -> Path:
        """Where a study is or would be.

        Raises:
            StoreError: If it is no legal id.
        """
        return self._root / check_id(study_id, "study")

    @staticmethod
    def id_of(config: StudyConfig) -> str:
        """The id of a configuration: its name in plain letters, and 6 digits of its digest."""
        return f"{slug(config.name)}-{digest(config)[:6]}"

    def save(
        self, study_id: str, config: StudyConfig, *, origin: Origin | None = None
    ) -> StudyRecord:
        """Store a study; the same again changes nothing.

        Args:
            study_id: Its id.
            config: Its configuration.
            origin: Where it came from if it was not made here.

        Raises:
            StoreError: If the id is not legal, holds another configuration, or cannot be written.
        """
        check_id(study_id, "study")
        if self.exists(study_id):
            record = self.load(study_id)
            if digest(record.config) != digest(config):
                raise StoreError(
                    f"study {study_id} already holds another configuration; rename the new one"
                )
            return record
        record = StudyRecord(
            study_id=study_id,
            config=config,
            run_ids=tuple(dict.fromkeys(run.run_id for run in config.runs())),
            created=now(),
            number=1 + max((self._number(other) for other in self._folders()), default=0),
        )
        content = {
            "study_id": study_id,
            "config": config.to_dict(),
            "run_ids": record.run_ids,
            "created": record.created,
            "number": record.number,
        }
        if origin is not None:  # first, so that no imported study is ever taken for our own
            self._write(study_id, "origin", dataclasses.asdict(origin))
        self._write(study_id, "study", content)
        return record

    def origin(self, study_id: str) -> Origin | None:
        """Where a study came from; None if it was made here.

        Raises:
            StoreError: If there is no such study, or the note is damaged.
        """
        path = self._folder(study_id) / "origin.json"
        if not path.exists():
            return None
        record = read_sealed(path, f"the origin of study {study_id}")
        del record["check"]
        try:
            return Origin(**record)
        except TypeError as error:
            raise StoreError(f"the origin of study {study_id} has other fields") from error

    def load(self, study_id: str) -> StudyRecord:
        """Read a study.

        Raises:
            StoreError: If there is none, or it is damaged.
        """
        path = self._folder(study_id) / "study.json"
        mark = file_mark(path)
        known = self._known.get(study_id)
        if known is not None and known[0] == mark:
            return known[1]
        record = self._read(study_id, path)
        if mark is not None:
            self._known[study_id] = (mark, record)
        return record

    def _read(self, study_id: str, path: Path) -> StudyRecord:
        what = f"study {study_id}"
        record = read_sealed(path, what)
        refuse_newer(record, what)
        try:
            if record["study_id"] != study_id:
                raise StoreError(f"{what} was moved here from {record['study_id']!r:.80}")
            return StudyRecord(
                study_id=study_id,
                config=StudyConfig.from_dict(record["config"]),
                run_ids=tuple(check_id(run_id, "run") for run_id in record["run_ids"]),
                created=str(record["created"]),
                number=int(record["number"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"{what} cannot be understood: {error}") from error

    def ids(self) -> tuple[str, ...]:
        """Ids of all studies, newest first; damaged ones last."""
        numbers = {study_id: self._number(study_id) for study_id in self._folders()}
        return tuple(sorted(numbers, key=lambda study_id: (-numbers[study_id], study_id)))

    def exists(self, study_id: str) -> bool:
        """Whether there is such a study."""
        return is_id(study_id) and (self._root / study_id / "study.json").is_file()

    def desired(self, study_id: str) -> str:
        """What the user wants: one of `DESIRED`.

        Raises:
            StoreError: If there is no such study, or its wish is damaged.
        """
        path = self._folder(study_id) / "state.json"
        if not path.exists():
            return "active"
        state = read_sealed(path, f"the state of study {study_id}").get("desired")
        if state not in DESIRED:
            raise StoreError(f"the state of study {study_id} is {state!r:.80}; set it again")
        return str(state)

    def set_desired(self, study_id: str, state: str) -> None:
        """Store what the user wants.

        Raises:
            StoreError: If `state` is not one of `DESIRED`, or it cannot be written.
        """
        if state not in DESIRED:
            raise StoreError(f"unknown state {state!r}; use one of {', '.join(DESIRED)}")
        self._folder(study_id)
        self._write(study_id, "state", {"desired": state})

    def queue(self, study_id: str) -> QueueWish:
        """How the study shall be queued.

        Raises:
            StoreError: If there is no such study, or the wish is damaged.
        """
        path = self._folder(study_id) / "queue.json"
        if not path.exists():
            return QueueWish()
        return QueueWish.from_dict(read_sealed(path, f"the queue wish of study {study_id}"))

    def set_queue(self, study_id: str, wish: QueueWish) -> None:
        """Store how the study shall be queued.

        Raises:
            StoreError: If there is no such study, or it cannot be written.
        """
        self._folder(study_id)
        self._write(study_id, "queue", wish.to_dict())

    def about(self, study_id: str) -> About:
        """Tags and note of a study.

        Raises:
            StoreError: If there is no such study, or they are damaged.
        """
        path = self._folder(study_id) / "about.json"
        mark = file_mark(path)
        if mark is None:
            return About()
        known = self._noted.get(study_id)
        if known is not None and known[0] == mark:
            return known[1]
        what = f"the tags and the note of study {study_id}"
        record = read_sealed(path, what)
        try:
            about = About.from_dict(record)
        except (KeyError, TypeError) as error:
            raise StoreError(f"{what} cannot be understood: {error}") from error
        self._noted[study_id] = (mark, about)
        return about

    def set_about(self, study_id: str, about: About) -> None:
        """Store tags and note.

        Raises:
            ConfigError: With everything that cannot be kept.
            StoreError: If there is no such study, or they cannot be written.
        """
        checked = about.checked()
        self._folder(study_id)
        self._write(study_id, "about", checked.to_dict())

    def delete(self, study_id: str) -> None:
        """Forget a study; its runs stay.

        Raises:
            StoreError: If there is none, or it cannot be deleted.
        """
        folder = self._folder(study_id)
        try:
            (folder / "study.json").unlink()  # from here on there is no such study
            shutil.rmtree(folder)
        except OSError as error:
            raise unavailable(f"study {study_id} cannot be deleted", error) from error

    def _folders(self) -> list[str]:
        if not self._root.is_dir():
            return []
        return [path.name for path in self._root.iterdir() if self.exists(path.name)]

    def _number(self, study_id: str) -> int:
        try:
            return self.load(study_id).number
        except (StoreError, ConfigError):
            return 0

    def _folder(self, study_id: str) -> Path:
        check_id(study_id, "study")
        if not self.exists(study_id):
            raise StoreError(f"there is no study {study_id!r}; it may have been deleted")
        return child(self._root, study_id)

    def _write(self, study_id: str, name: str, record: dict[str, object]) -> None:
        folder = child(self._root, study_id)
        try:
            make_folder(folder)
            write_file(folder / f"{name}.json", seal(record), label=name)
        except OSError as error:
            raise unavailable(f"study {study_id} cannot be written", error) from error


def slug(name: str) -> str:
    """A name in at most 40 of a-z, 0-9 and -; "study" if nothing of it is left."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", ascii_only)
    return words.strip("-")[:_SLUG_LENGTH].strip("-") or "study"
