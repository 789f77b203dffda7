"""Durable files: whole or not there, checked when read, and never outside their folder."""

from __future__ import annotations

import itertools
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

from alscope.config import SCHEMA
from alscope.errors import NewerFormatError, StoreError
from alscope.hashing import digest_bytes
from alscope.store._faults import point
from alscope.store.codecs import from_json, json_again, plain_values
from alscope.store.trouble import hinders, unavailable

__all__ = [
    "FileMark",
    "check_id",
    "child",
    "file_mark",
    "first_free",
    "folder_size",
    "halves",
    "is_id",
    "make_folder",
    "open_regular",
    "read_regular",
    "read_sealed",
    "refuse_newer",
    "remove_leftovers",
    "seal",
    "sync_folder",
    "unseal",
    "write_all",
    "write_file",
]

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class FileMark(NamedTuple):
    """What tells whether a file is still the same."""

    inode: int
    size: int
    modified_ns: int

    def is_before(self, other: FileMark | None) -> bool:
        """Whether the file only grew since, as journals do."""
        return other is not None and other.inode == self.inode and other.size > self.size


def file_mark(path: Path) -> FileMark | None:
    """The mark of a file as it is now; None if there is none."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return FileMark(status.st_ino, status.st_size, status.st_mtime_ns)


def is_id(value: str) -> bool:
    """Whether a text may name a run or a study, and so a folder."""
    return _ID.fullmatch(value) is not None


def check_id(value: str, kind: str) -> str:
    """The value itself.

    Raises:
        StoreError: If it may not name a folder.
    """
    if not is_id(value):
        raise StoreError(
            f"{value!r:.80} is no {kind} id; ids have 1 to 64 of a-z, 0-9, - and _, "
            "and begin with a letter or digit"
        )
    return value


def child(folder: Path, name: str) -> Path:
    """`folder / name`, provided that it is in the folder when links are followed.

    Raises:
        StoreError: If it is elsewhere.
    """
    path = folder / name
    if os.name != "nt" and is_id(name) and not path.is_symlink():
        return path  # a plain name that is no link; resolving costs a look at every parent
    if not path.resolve().is_relative_to(folder.resolve()):
        raise StoreError(f"{name!r:.80} leads out of its folder; remove the link")
    return path


def write_file(
    path: Path, data: bytes, *, label: str, durable: bool = True, name_later: bool = False
) -> None:
    """Replace a file at once: readers see the old bytes or the new ones, also after a crash.

    Temporary file in the same folder, flush, fsync, rename, fsync of the folder: without any of
    these steps a power loss can leave an empty or partial file under the final name.

    Args:
        path: Where to write; the folder exists.
        data: Everything the file shall hold.
        label: What is written, for fault injection.
        durable: Wait until it is on the disk; otherwise a power loss may undo or empty it.
        name_later: Leave the fsync of the folder to the caller, who writes several files into it.

    Raises:
        OSError: If it cannot be written; then nothing has changed and nothing is left over.
    """
    point(f"{label}.before")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            for piece in halves(data, label):
                file.write(piece)
                file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
    except Exception:
        temporary.unlink(missing_ok=True)
        raise
    if durable and not name_later:
        sync_folder(path.parent)
    point(f"{label}.after")


def first_free(path: Path) -> Path:
    """The first of `<path>-1`, `<path>-2`, ... that does not exist."""
    numbered = (path.with_name(f"{path.name}-{number}") for number in itertools.count(1))
    return next(free for free in numbered if not (free.exists() or free.is_symlink()))


def folder_size(folder: Path) -> int:
    """Bytes of the regular files in a folder and below; links are not followed.

    What vanishes meanwhile or cannot be read counts nothing.
    """
    size, todo = 0, [str(folder)]
    while todo:
        try:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        size += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return size


def halves(data: bytes, label: str) -> Iterator[memoryview]:
    """The bytes in two pieces, with the fault point `<label>.inside` between them."""
    view, middle = memoryview(data), len(data) // 2
    yield view[:middle]
    point(f"{label}.inside")
    yield view[middle:]


def make_folder(path: Path) -> None:
    """Create a folder and its missing parents, durably."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system can."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def open_regular(path: Path, *, write: bool = False) -> IO[bytes]:
    """Open a regular file, for reading or for reading and writing (creating it).

    One that is written has no buffer: on a full disk, what a buffer still holds would be written
    when the file is closed, long after the failure was reported.

    Raises:
        OSError: If it cannot be opened, or is a link, a pipe, a folder or a device.
    """
    flags = os.O_RDWR | os.O_CREAT if write else os.O_RDONLY
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):  # opening a pipe would wait for ever
        flags |= getattr(os, name, 0)
    handle = os.open(path, flags, 0o644)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(f"{path.name} is not a regular file")
    return os.fdopen(handle, "r+b", buffering=0) if write else os.fdopen(handle, "rb")


def write_all(file: IO[bytes], data: memoryview) -> None:
    """Write everything to a file without a buffer.

    Raises:
        OSError: If not everything could be written.
    """
    while data:
        data = data[file.write(data) :]


def read_regular(path: Path, start: int = 0) -> bytes:
    """Bytes of a regular file from an offset on.

    Raises:
        OSError: If it cannot be read, or is a link, a pipe, a folder or a device.
    """
    with open_regular(path) as file:
        file.seek(start)
        return file.read()


def remove_leftovers(folder: Path) -> None:
    """Delete temporary files of writers that were killed; only whoever holds the lock may."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)


def seal(record: Mapping[str, Any]) -> bytes:
    """Canonical JSON of a record with the checksum of the rest as the field `check`."""
    body = plain_values(record)
    check = digest_bytes(json_again(body).encode())
    return json_again({**body, "check": check}).encode()


def unseal(data: bytes) -> dict[str, Any]:
    """The record, with its field `check`.

    Raises:
        StoreError: If a byte of it was changed; the message is a clause.
    """
    try:
        record = from_json(data)
        rest = {key: value for key, value in record.items() if key != "check"}
        check = digest_bytes(json_again(rest).encode())
        sound = json_again({**rest, "check": check}).encode() == data
    except (ValueError, AttributeError, StoreError) as error:
        raise StoreError("it is not a complete JSON object") from error
    if not sound:
        raise StoreError("its checksum does not match")
    return {**rest, "check": check}


def refuse_newer(record: Mapping[str, Any], what: str) -> None:
    """Look at the schema of a stored configuration.

    Raises:
        NewerFormatError: If it is newer than ours.
    """
    config = record.get("config")
    schema = config.get("schema") if isinstance(config, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        raise NewerFormatError(
            f"{what} was written by a newer version of ALScope (schema {schema}, this one reads "
            f"{SCHEMA}); update ALScope to go on with it; nothing of it was changed"
        )


def read_sealed(path: Path, what: str) -> dict[str, Any]:
    """Read and check a file that holds one sealed record.

    Raises:
        StoreError: If it is missing, unreadable or damaged.
    """
    try:
        return unseal(read_regular(path))
    except FileNotFoundError as error:
        raise StoreError(f"{what} is missing") from error
    except OSError as error:
        if hinders(error):
            raise unavailable(f"{what} cannot be read", error) from error
        raise StoreError(f"{what} cannot be read: {error.strerror or error}") from error
    except StoreError as error:
        raise StoreError(f"{what} is damaged: {error}") from error
