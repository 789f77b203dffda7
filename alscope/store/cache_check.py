"""Looking through the whole artifact cache, entry by entry."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from alscope.errors import StoreError
from alscope.store.artifacts import ArtifactCache
from alscope.store.codecs import decode
from alscope.store.disk import SafeDisk
from alscope.store.files import folder_size
from alscope.store.safe_cache import inspect_database

__all__ = ["CacheCheck", "check_cache"]

_SETTLED_S = 3600.0
"""A file without a row may be one that is being written; after an hour it is not."""


@dataclass(frozen=True)
class CacheCheck:
    """What was found.

    Attributes:
        n_entries: Entries.
        damaged: Addresses of entries that are not what was once written.
        orphans: Files of values that no entry names.
        aside: Folders of caches that were set aside because they were broken.
        broken: Why the database cannot be used, in words; "" if it can.
    """

    n_entries: int = 0
    damaged: tuple[str, ...] = ()
    orphans: tuple[Path, ...] = ()
    aside: tuple[Path, ...] = ()
    broken: str = ""


def check_cache(path: Path, *, repair: bool = False) -> tuple[CacheCheck, int]:
    """Read every entry; with `repair`, delete what is damaged or left over.

    Nothing of value is lost: what is deleted is computed again when it is needed.

    Args:
        path: Folder of the cache.
        repair: Whether to delete.

    Returns:
        What was found, and the bytes that were freed.
    """
    folder = path / "v1"
    aside = tuple(sorted(path.glob("v1.corrupt-*")))
    found = CacheCheck(aside=aside)
    if (folder / "cache.db").exists():
        try:
            found = _look(folder, aside)
        except (sqlite3.Error, StoreError) as error:
            found = CacheCheck(aside=aside, broken=str(error))
    return found, _repair(path, found) if repair else 0


def _look(folder: Path, aside: tuple[Path, ...]) -> CacheCheck:
    inspect_database(folder / "cache.db")
    disk = SafeDisk(str(folder))
    rows = "SELECT key, mode, filename, value FROM Cache"
    with closing(sqlite3.connect(folder / "cache.db")) as connection:
        entries = connection.execute(rows).fetchall()
    damaged, named = [], set()
    for key, mode, filename, value in entries:
        named.add(filename)
        try:
            decode(bytes(disk.fetch(mode, filename, value, False)))
        except (OSError, StoreError, TypeError):
            damaged.append(str(key))
    limit = time.time() - _SETTLED_S
    orphans = [
        file
        for file in folder.glob("??/??/*.val")
        if file.relative_to(folder).as_posix() not in named and file.lstat().st_mtime < limit
    ]
    return CacheCheck(len(entries), tuple(damaged), tuple(orphans), aside)


def _repair(path: Path, found: CacheCheck) -> int:
    freed = sum(folder_size(folder) for folder in found.aside)
    for folder in found.aside:
        shutil.rmtree(folder, ignore_errors=True)
    for orphan in found.orphans:
        freed += orphan.lstat().st_size
        orphan.unlink(missing_ok=True)
    if found.broken or found.damaged:
        cache = ArtifactCache(path)  # sets a broken database aside and begins an empty one
        for address in found.damaged:
            cache.forget(address)
        cache.close()
    return freed
