"""Files that appear whole or not at all, and files that are read once while they stay the same."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

__all__ = ["Stamp", "file_digest", "stamps", "write_atomic"]


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


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that readers see all of it or the old one, also after a power loss."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
