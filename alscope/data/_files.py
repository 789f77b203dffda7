"""Files that are read once, checked, and never trusted to be complete."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from alscope.errors import DatasetError

__all__ = ["Stamp", "all_there", "check_shards", "file_digest", "md5", "stamps"]

_SHARD = re.compile(r"-(\d+)-of-(\d+)\.parquet$")


class Stamp(NamedTuple):
    """A file as it was when looked at; equal stamps mean it was not replaced since."""

    path: Path
    size: int
    mtime_ns: int


def stamps(paths: Sequence[Path]) -> tuple[Stamp, ...]:
    """Stamps of existing files."""
    found = [(path, path.stat()) for path in paths]
    return tuple(Stamp(path, stat.st_size, stat.st_mtime_ns) for path, stat in found)


@lru_cache(maxsize=256)
def file_digest(stamp: Stamp) -> str:
    """BLAKE2b-160 of a file's bytes; remembered until the file is replaced."""
    with stamp.path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=20)).hexdigest()


def md5(data: bytes) -> str:
    """MD5, the only checksum that the owners of the classical sets publish."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def all_there(paths: Sequence[Path]) -> bool:
    """Whether all files are there (True) or none (False).

    Raises:
        DatasetError: If some are missing; a half-copied data set is not replaced silently.
    """
    missing = [path for path in paths if not path.is_file()]
    if missing and len(missing) < len(paths):
        raise DatasetError(
            f"the copy in {paths[0].parent} is incomplete: {missing[0].name} is missing; "
            "complete it or remove the folder"
        )
    return not missing


def check_shards(files: Sequence[Path]) -> None:
    """Check that files named `x-00000-of-00003.parquet` are all there.

    Raises:
        DatasetError: Naming the folder and the numbers.
    """
    numbers = [match for path in files if (match := _SHARD.search(path.name))]
    totals = {int(match[2]) for match in numbers}
    present = {int(match[1]) for match in numbers}
    if totals and (len(totals) > 1 or present != set(range(totals.pop()))):
        names = ", ".join(path.name for path in files)
        raise DatasetError(
            f"shards are missing in {files[0].parent}: found only {names}; complete the folder"
        )
