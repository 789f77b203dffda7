"""Bundles as zip archives: written with equal bytes for equal contents, read as if hostile.

<zip>/bundle.json                   what it is, and size and SHA-256 of every other file; sealed
<zip>/runs/<number>.jsonl           journals of some runs, one after the other
<zip>/runs/<number>.bin             their arrays, in the order in which the journals name them
<zip>/study.toml, README.md, environment.json, frames/*.csv   for people; never read back
"""

from __future__ import annotations

import hashlib
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from alscope.errors import BundleError, StoreError
from alscope.store.files import open_regular, seal, unseal

__all__ = ["HEAD", "LIMITS", "BundleFiles", "BundleWriter", "Limits", "part_files"]

HEAD = "bundle.json"
_NAME = re.compile(
    r"bundle\.json|study\.toml|README\.md|environment\.json|frames/(rounds|queries|classes)\.csv"
    r"|runs/[0-9]{4}\.(jsonl|bin)"
)
_MIB = 2**20
_EPOCH = (1980, 1, 1, 0, 0, 0)  # of every entry, so that equal contents give equal archives
_END = struct.Struct("<4s4H2LH")
_END_MARK, _ZIP64_MARK = b"PK\x05\x06", b"PK\x06\x07"
_COMMENT = 65_535
_CHUNK = _MIB
# What the readers of zip and deflate raise at damaged archives.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    OverflowError,
)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much of somebody else's bundle is believed.

    Attributes:
        archive_bytes: Size of the archive.
        directory_bytes: Size of its table of contents.
        entries: Files in it.
        head_bytes: Size of `bundle.json`.
        file_bytes: Size of one file once unpacked.
        total_bytes: Size of all files once unpacked.
        ratio: Unpacked / packed size of a file above 1 MiB.
        runs: Runs of the study.
    """

    archive_bytes: int = 512 * _MIB
    directory_bytes: int = 8 * _MIB
    entries: int = 20_000
    head_bytes: int = 16 * _MIB
    file_bytes: int = 256 * _MIB
    total_bytes: int = 2048 * _MIB
    ratio: float = 100.0
    runs: int = 9_000


LIMITS = Limits()


def part_files(number: int) -> tuple[str, str]:
    """Names of the journals and of the arrays in a part."""
    return f"runs/{number:04}.jsonl", f"runs/{number:04}.bin"


class BundleWriter:
    """Adds files to a new archive; the head comes last, when all checksums are known.

    Args:
        stream: Where to write.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9)
        self._files: dict[str, list[Any]] = {}

    def add(self, name: str, data: bytes) -> None:
        """Add a file.

        Raises:
            BundleError: If a bundle has no such file.
        """
        if not _NAME.fullmatch(name) or name == HEAD:
            raise BundleError(f"a bundle has no file {name!r:.80}")
        self._files[name] = [hashlib.sha256(data).hexdigest(), len(data)]
        self._write(name, data)

    def finish(self, head: Mapping[str, Any]) -> None:
        """Add the head, with the checksums of all other files, and close the archive."""
        self._write(HEAD, seal({**head, "files": self._files}))
        self._zip.close()

    def _write(self, name: str, data: bytes) -> None:
        entry = zipfile.ZipInfo(name, _EPOCH)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = (stat.S_IFREG | 0o644) << 16
        entry.create_system = 3  # the same on every system
        self._zip.writestr(entry, data)


class BundleFiles(ExitStack):
    """The files of a bundle; a context manager.

    Args:
        source: The archive.
        limits: Bounds.

    Raises:
        BundleError: If it is no archive, breaks a bound, or holds something that no bundle has.
    """

    def __init__(self, source: Path | IO[bytes], limits: Limits = LIMITS) -> None:
        super().__init__()
        with ExitStack() as until_checked:
            if isinstance(source, Path):
                stream = until_checked.enter_context(_opened(source))
            else:
                stream = source
            _check_directory(stream, limits)
            try:
                self._zip = until_checked.enter_context(zipfile.ZipFile(stream))
            except _DAMAGED as error:
                raise BundleError(f"this is no readable zip archive: {error}") from error
            self._entries = _checked_entries(self._zip.infolist(), limits)
            self.head = self._head()
            self.push(until_checked.pop_all())

    def read(self, name: str) -> bytes:
        """A file, checked against the head.

        Raises:
            BundleError: If it is damaged.
        """
        sha, size = self.head["files"][name]
        data = self._unpack(name)
        if len(data) != size or hashlib.sha256(data).hexdigest() != sha:
            raise BundleError(f"{name} does not match its checksum; the bundle is damaged")
        return data

    def check_all(self) -> None:
        """Read every file once.

        Raises:
            BundleError: If one is damaged.
        """
        for name in self.head["files"]:
            self.read(name)

    def _head(self) -> dict[str, Any]:
        if HEAD not in self._entries:
            raise BundleError(f"there is no {HEAD} in it, so it is no bundle of ALScope")
        try:
            head = unseal(self._unpack(HEAD))
        except StoreError as error:
            raise BundleError(f"{HEAD} is damaged: {error}") from error
        del head["check"]
        listed = _checked_list(head.get("files"))
        there = self._entries.keys() - {HEAD}
        if listed != there:
            odd = min(listed ^ there)
            state = "is missing" if odd in listed else f"is not listed in {HEAD}"
            raise BundleError(f"{odd} {state}; the bundle was changed")
        return head

    def _unpack(self, name: str) -> bytes:
        entry = self._entries[name]
        parts, left = [], entry.file_size
        try:
            with self._zip.open(entry) as file:
                # Never more than was announced, whatever is packed.
                while part := file.read(min(_CHUNK, left + 1)):
                    left -= len(part)
                    if left < 0:
                        raise BundleError(f"{name} holds more than it announces; refused")
                    parts.append(part)
        except _DAMAGED as error:
            raise BundleError(f"{name} cannot be unpacked: {error}") from error
        return b"".join(parts)


def _opened(source: Path) -> IO[bytes]:
    try:
        return open_regular(source.resolve())
    except OSError as error:
        raise BundleError(f"{source.name} cannot be read: {error.strerror or error}") from error


def _check_directory(stream: IO[bytes], limits: Limits) -> None:
    """Bounds that must hold before the table of contents is read into memory."""
    size = stream.seek(0, 2)
    if size > limits.archive_bytes:
        raise BundleError(f"it has {size:,} bytes; at most {limits.archive_bytes:,} are read")
    stream.seek(max(0, size - _COMMENT - _END.size))
    tail = stream.read()
    place = tail.rfind(_END_MARK)
    if place < 0 or len(tail) - place < _END.size:
        raise BundleError("this is no zip archive, or its end is missing")
    fields = _END.unpack_from(tail, place)
    if _ZIP64_MARK in tail[max(0, place - 20) : place]:
        raise BundleError("it is a zip64 archive; no bundle is that large")
    if fields[4] > limits.entries or fields[5] > limits.directory_bytes:
        raise BundleError(f"it lists {fields[4]:,} files; at most {limits.entries:,} are read")
    stream.seek(0)


def _checked_entries(entries: list[zipfile.ZipInfo], limits: Limits) -> dict[str, zipfile.ZipInfo]:
    found: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        _check_entry(entry, limits)
        if entry.filename in found:
            raise BundleError(f"{entry.filename} is in it twice; refused")
        found[entry.filename] = entry
    total = sum(entry.file_size for entry in entries)
    if len(entries) > limits.entries or total > limits.total_bytes:
        raise BundleError(
            f"it would unpack to {len(entries):,} files with {total:,} bytes; at most "
            f"{limits.entries:,} with {limits.total_bytes:,} are read"
        )
    return found


def _check_entry(entry: zipfile.ZipInfo, limits: Limits) -> None:
    # `orig_filename`: the reader itself cuts a name at a NUL and turns separators.
    if entry.orig_filename != entry.filename or not _NAME.fullmatch(entry.filename):
        raise BundleError(f"the file {entry.orig_filename!r:.80} does not belong in a bundle")
    if stat.S_IFMT(entry.external_attr >> 16) not in {0, stat.S_IFREG}:
        raise BundleError(f"{entry.filename} is a link or no regular file; refused")
    if entry.flag_bits & 1:
        raise BundleError(f"{entry.filename} is encrypted; bundles are not")
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise BundleError(f"{entry.filename} is packed in an unusual way; bundles are not")
    allowed = limits.head_bytes if entry.filename == HEAD else limits.file_bytes
    bomb = entry.file_size > _MIB and entry.file_size > limits.ratio * max(1, entry.compress_size)
    if bomb or entry.file_size > allowed:
        raise BundleError(
            f"{entry.filename} would unpack from {entry.compress_size:,} to "
            f"{entry.file_size:,} bytes; refused"
        )


def _checked_list(files: Any) -> set[str]:
    """Names in the list of checksums."""
    try:
        wrong = [
            name
            for name, (sha, size) in files.items()
            if not (isinstance(sha, str) and type(size) is int and _NAME.fullmatch(name))
        ]
    except (AttributeError, TypeError, ValueError) as error:
        raise BundleError(f"the list of checksums in {HEAD} cannot be understood") from error
    if wrong:
        raise BundleError(f"{HEAD} lists {wrong[0]!r:.80}, which does not belong in a bundle")
    return set(files)
