"""One file over HTTP: continued where it broke off, checked, and only then under its own name.

The libraries of the sets begin a file again after a restart. Here what was received waits under a
name with the expected digest, so another content never continues it, and the rest is asked for.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from alscope.errors import DatasetError

__all__ = ["PART", "RECEIVED", "Expected", "receive", "receive_any", "receive_archive"]

PART = ".part"
"""How the name of a file ends of which something is missing."""
RECEIVED = "received"
"""Folder beside the result for files that are not part of it, such as archives."""

MIRROR = "ALSCOPE_MIRROR"
"""Variable with the address of a folder that holds the authors' files, by set and file name."""

_CHUNK = 1 << 18
_TIMEOUT_S = 30.0
_TRIES = 5
_BUSY = frozenset({408, 429, 500, 502, 503, 504})
_PARTIAL, _BEYOND = 206, 416
_LOST = (OSError, http.client.HTTPException)
_AGENT = {"User-Agent": "alscope"}


class Expected(NamedTuple):
    """What a file must be.

    Attributes:
        algorithm: "md5", "sha256", or "git": SHA-1 of a blob in a git repository.
        digest: In hexadecimal.
        size: Bytes, if known.
    """

    algorithm: str
    digest: str
    size: int | None = None

    def fits(self, path: Path) -> bool:
        """Whether a file is it."""
        size = path.stat().st_size
        if self.size is not None and size != self.size:
            return False
        header = f"blob {size}\0".encode() if self.algorithm == "git" else b""
        # Published by others to tell files apart; nothing is signed with it.
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, self._hasher(header)).hexdigest() == self.digest

    def _hasher(self, header: bytes) -> Callable[[], Any]:
        name = "sha1" if self.algorithm == "git" else self.algorithm
        return lambda: hashlib.new(name, header, usedforsecurity=False)


def receive_any(urls: Sequence[str], target: Path, expected: Expected, *, dataset: str) -> None:
    """`receive` from the mirror, if one is configured, else from the first server that has it.

    Args:
        urls: Where it is; with a mirror only the last part of the first one matters.
        target: Where it belongs.
        expected: What it must be.
        dataset: Registry name of the set, a folder of the mirror.

    Raises:
        DatasetError: If no server has the expected file; with the reason for each.
    """
    mirror = os.environ.get(MIRROR, "").rstrip("/")
    if mirror:
        urls = [f"{mirror}/{dataset}/{urls[0].rpartition('/')[2]}"]
    reasons = []
    for url in urls:
        try:
            return receive(url, target, expected)
        except DatasetError as error:
            reasons.append(str(error))
    raise DatasetError("; ".join(reasons))


def receive_archive(url: str, folder: Path, expected: Expected, *, dataset: str) -> None:
    """`receive_any` of an archive, unpacked into a folder.

    Args:
        url: Where it is.
        folder: Receives its contents; the archive itself waits beside it.
        expected: What it must be.
        dataset: Registry name of the set.

    Raises:
        DatasetError: If no server has the expected file.
    """
    from torchvision.datasets.utils import extract_archive

    archive = folder.parent / RECEIVED / url.rpartition("/")[2]
    receive_any([url], archive, expected, dataset=dataset)
    extract_archive(archive, folder)


def receive(url: str, target: Path, expected: Expected) -> None:
    """Fetch a file, or what is missing of it; a file that is there already is only checked.

    After a lost connection, and in the next try after an interruption, only the rest is asked for.

    Args:
        url: Where it is.
        target: Where it belongs.
        expected: What it must be.

    Raises:
        DatasetError: If it cannot be fetched, or is another file than expected.
    """
    if target.is_file() and expected.fits(target):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{expected.digest[:16]}{PART}")
    _complete(urllib.request.Request(url, headers=_AGENT), part, expected.size)
    if not expected.fits(part):
        size = part.stat().st_size
        part.unlink()  # or it would be wrong for ever
        raise DatasetError(
            f"{url} is not the expected file: {size:,} bytes with another {expected.algorithm} "
            f"than {expected.digest}"
        )
    part.replace(target)


def _complete(request: urllib.request.Request, part: Path, size: int | None) -> None:
    """Receive until nothing is missing; five tries in a row without a byte are too many."""
    failures = 0
    while True:
        before = _size(part)
        if before == size:
            return
        try:
            if _append(request, part, size):
                return
            reason = "the connection ended early"
        except urllib.error.HTTPError as error:
            if error.code not in _BUSY:
                raise DatasetError(f"{request.full_url}: {error}") from error
            reason = str(error)
        except _LOST as error:
            reason = str(error) or type(error).__name__
        failures = 0 if _size(part) > before else failures + 1
        if failures == _TRIES:
            raise DatasetError(f"{request.full_url}: {reason}")
        time.sleep(min(2.0**failures - 1, 8.0))


def _append(request: urllib.request.Request, part: Path, size: int | None) -> bool:
    """One connection; whether everything is there afterwards."""
    start = _size(part)
    if start:
        request.add_header("Range", f"bytes={start}-")
    else:
        request.headers.pop("Range", None)
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if start and error.code == _BEYOND:  # there is no rest
            return True
        raise
    with response, part.open("ab") as stream:
        if start and response.status != _PARTIAL:
            stream.truncate(0)  # a server that knows no parts sends all of it
        wanted = response.length
        received = _copy(response, stream)
    if size is not None:
        return _size(part) >= size
    return wanted is None or received == wanted


def _copy(source: http.client.HTTPResponse, target: IO[bytes]) -> int:
    received = 0
    while chunk := source.read1(_CHUNK):  # what has arrived, without waiting for more
        target.write(chunk)
        target.flush()  # a killed process loses what was not handed over
        received += len(chunk)
    return received


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
