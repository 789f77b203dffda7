"""When the disk does not do what it should: in words, and with room kept for that moment."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from alscope.errors import StorageUnavailable

__all__ = ["hinders", "keep_reserve", "release_reserve", "unavailable"]

_RESERVE = ".reserve"
_RESERVE_BYTES = 1 << 20
_FULL = frozenset((errno.ENOSPC, errno.EDQUOT))
_NOT_NOW = frozenset(
    (
        *_FULL,
        errno.EACCES,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.EPERM,
        errno.EROFS,
        errno.ESTALE,
    )
)
_ADVICE = {
    errno.ENOSPC: "free space (clearing the artifact cache on the page Library loses no result)",
    errno.EDQUOT: "free space within your quota, or have it raised",
    errno.EACCES: "correct the permissions of the cache folder",
    errno.EPERM: "correct the permissions of the cache folder",
    errno.EROFS: "make the file system writable again, or choose another cache folder",
    errno.EIO: "the disk reports errors: look at the log of the system, and save the cache folder",
    errno.EMFILE: "close what is not needed, or raise the limit of open files (ulimit -n)",
    errno.ENFILE: "close what is not needed, or raise the system's limit of open files",
}


def hinders(error: BaseException | None) -> bool:
    """Whether the cause of an error is a disk that cannot be used now.

    A missing file and a link where a file belongs are not: they say something about the content.
    """
    while error is not None:
        if isinstance(error, StorageUnavailable):
            return True
        if isinstance(error, OSError):
            return error.errno in _NOT_NOW
        error = error.__cause__
    return False


def unavailable(what: str, error: OSError, *, safe: str = "") -> StorageUnavailable:
    """The error for something that cannot be read or written.

    Args:
        what: What cannot be done, as a clause: "run a1 cannot be written".
        error: Why.
        safe: What is not lost, as a clause.
    """
    advice = _ADVICE.get(error.errno or 0, "look whether the cache folder is still there")
    parts = (f"{what}: {error.strerror or error}", safe, f"{advice}, then try again")
    return StorageUnavailable("; ".join(part for part in parts if part))


def keep_reserve(folder: Path) -> None:
    """Hold a little room on the disk, so that on a full one it can still be said that it is full.

    Raises:
        OSError: If there is no room.
    """
    path = folder / _RESERVE
    if path.exists() or not hasattr(os, "posix_fallocate"):
        return
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        os.posix_fallocate(handle, 0, _RESERVE_BYTES)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)


def release_reserve(folder: Path, error: OSError) -> None:
    """Give the room back if the disk is full."""
    if error.errno in _FULL:
        try:
            (folder / _RESERVE).unlink(missing_ok=True)
        except OSError:  # then there is nothing to give back
            return
