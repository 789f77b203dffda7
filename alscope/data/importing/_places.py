"""Files in a folder or an archive: listed, bounded, and never outside of it."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from alscope.data.importing._findings import Collector
from alscope.data.importing._limits import Limits, Refused, open_plain, shown
from alscope.data.importing._zip_head import check_head

__all__ = ["Place", "Places"]

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")
_NOISE = ("__MACOSX", "Thumbs.db", "desktop.ini")
_UNPACKED_FREELY = 2**20  # a small file of one color compresses well without being a bomb


@dataclass(frozen=True)
class Place:
    """One file.

    Attributes:
        parts: Its folders and its name, from the top.
        read: Its bytes.

    `read` raises `Refused` if the file is too large, no regular file, or cannot be read.
    """

    parts: tuple[str, ...]
    read: Callable[[], bytes]

    @property
    def name(self) -> str:
        """Path from the top."""
        return "/".join(self.parts)


class Places(ExitStack):
    """The files below a folder or in a zip archive; a context manager.

    Args:
        path: Folder or archive.
        limits: Bounds.
        collect: Receives findings about what is left out.

    Raises:
        Refused: From `list`, if a bound is broken or something leads outside.
    """

    def __init__(self, path: Path, limits: Limits, collect: Collector) -> None:
        super().__init__()
        self._path = path
        self._limits = limits
        self._collect = collect

    def list(self) -> list[Place]:
        """All files in the order of their names, without hidden ones and archives."""
        if self._path.is_dir():
            found = list(_Folder(self._path, self._limits, self._collect).files())
        else:
            found = list(self._archive())
        kept = [place for place in found if not _is_noise(place.parts)]
        archives = [place.name for place in kept if place.name.lower().endswith(_ARCHIVES)]
        if archives:
            self._collect.add(
                "warning",
                "nested_archive",
                "archives inside are left out; unpack them first if they belong to the data",
                where=archives,
                count=len(archives),
            )
        left_out = set(archives)
        files = [place for place in kept if place.name not in left_out]
        return sorted(files, key=lambda place: place.parts)

    def _archive(self) -> Iterator[Place]:
        stream = self.enter_context(open_plain(self._path, limit=self._limits.file_bytes))
        check_head(stream, self._path.name, self._limits)
        try:
            archive = self.enter_context(zipfile.ZipFile(stream))
        except Exception as error:  # damaged heads raise nearly anything
            raise Refused(
                "unreadable", f"{self._path.name} is not a readable zip archive: {shown(error)}"
            ) from error
        entries = archive.infolist()
        _check_archive(entries, self._path, self._limits)
        for entry in entries:
            if not entry.is_dir():
                yield Place(_parts(entry.filename), self._reader(archive, entry))

    def _reader(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Callable[[], bytes]:
        limit = self._limits.image_bytes

        def read() -> bytes:
            if entry.file_size > limit:
                raise Refused("too_large", f"has {entry.file_size:,} bytes; at most {limit:,}")
            try:
                # The reader stops at the size that the archive states, whatever is packed.
                return archive.read(entry)
            except (RuntimeError, OSError, EOFError, NotImplementedError) as error:
                raise Refused("unreadable", shown(error)) from error
            except Exception as error:  # zlib, lzma and bz2 have errors of their own
                raise Refused("unreadable", f"is damaged ({shown(error)})") from error

        return read


def _check_archive(entries: list[zipfile.ZipInfo], path: Path, limits: Limits) -> None:
    if len(entries) > limits.files:
        raise Refused(
            "too_many_files",
            f"{path.name} has {len(entries):,} entries; at most {limits.files:,} are read",
        )
    names: set[str] = set()
    for entry in entries:
        _check_entry(entry, limits)
        if entry.filename in names:
            raise Refused("zip_twice", f"the entry {shown(entry.filename)!r} is there twice")
        names.add(entry.filename)
    unpacked = sum(entry.file_size for entry in entries)
    packed = max(1, path.stat().st_size)
    if unpacked > limits.total_bytes or (
        unpacked > _UNPACKED_FREELY and unpacked > limits.zip_ratio * packed
    ):
        raise Refused(
            "zip_bomb",
            f"{path.name} has {packed:,} bytes and would unpack to {unpacked:,}; refused as a bomb",
        )


def _check_entry(entry: zipfile.ZipInfo, limits: Limits) -> None:
    # `orig_filename`: the reader itself cuts a name at a NUL and turns separators.
    name, raw = entry.filename, entry.orig_filename
    parts = _parts(name)
    drive = len(name) > 1 and name[1] == ":"
    if name.startswith("/") or drive or ".." in parts or "\\" in raw or "\0" in raw:
        raise Refused("zip_path", f"the entry {shown(raw)!r} leads out of the archive; refused")
    if len(parts) > limits.depth:
        raise Refused("too_deep", f"the entry {shown(name)!r} lies {len(parts)} folders deep")
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        kind = "a link" if stat.S_ISLNK(mode) else "no regular file"
        raise Refused("zip_link", f"the entry {shown(name)!r} is {kind}; refused")
    if entry.flag_bits & 1:
        raise Refused("encrypted", f"the entry {shown(name)!r} is encrypted; save it without")
    packed = max(1, entry.compress_size)
    if entry.file_size > _UNPACKED_FREELY and entry.file_size > limits.zip_ratio * packed:
        raise Refused(
            "zip_bomb",
            f"the entry {shown(name)!r} has {packed:,} bytes and would unpack to "
            f"{entry.file_size:,}; refused as a bomb",
        )


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part for part in name.split("/") if part not in {"", "."})


def _is_noise(parts: tuple[str, ...]) -> bool:
    return any(part in _NOISE or part.startswith(".") for part in parts)


@dataclass(frozen=True)
class _Folder:
    """Walks a folder without following links to folders."""

    top: Path
    limits: Limits
    collect: Collector

    def files(self) -> Iterator[Place]:
        for number, (parts, path) in enumerate(self._walk((), self.top), start=1):
            if number > self.limits.files:
                raise Refused(
                    "too_many_files",
                    f"{self.top} holds more than {self.limits.files:,} files; choose a folder "
                    "with the data alone",
                )
            yield Place(parts, self._reader(path))

    def _walk(self, parts: tuple[str, ...], folder: Path) -> Iterator[tuple[tuple[str, ...], Path]]:
        if len(parts) > self.limits.depth:
            raise Refused("too_deep", f"{folder} lies {len(parts)} folders deep")
        try:
            with os.scandir(folder) as entries:
                listed = list(entries)
        except OSError as error:
            raise Refused("unreadable", f"{folder} cannot be read: {error.strerror}") from error
        for entry in listed:
            path, inner = Path(entry.path), (*parts, entry.name)
            if _is_noise(inner):
                continue
            if entry.is_symlink():
                yield from self._link(inner, path)
            elif entry.is_dir(follow_symlinks=False):
                yield from self._walk(inner, path)
            elif entry.is_file(follow_symlinks=False):
                yield inner, path
            else:
                raise Refused("special_file", f"{path} is a pipe, socket or device; remove it")

    def _link(self, parts: tuple[str, ...], path: Path) -> Iterator[tuple[tuple[str, ...], Path]]:
        try:
            target = path.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise Refused("link", f"{path} is a link that leads nowhere; remove it") from error
        if not target.is_relative_to(self.top.resolve()):
            raise Refused("link", f"{path} is a link that leads out of {self.top}; copy the file")
        if target.is_file():
            yield parts, target
        else:
            self.collect.add(
                "warning", "link", "a link to a folder is not followed", where=["/".join(parts)]
            )

    def _reader(self, path: Path) -> Callable[[], bytes]:
        def read() -> bytes:
            try:
                with open_plain(path, limit=self.limits.image_bytes) as stream:
                    return stream.read()
            except OSError as error:
                raise Refused("unreadable", shown(error)) from error

        return read
