"""Bytes to lines: encoding, byte-order mark, NUL bytes, line ends, and lines of bounded length."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from alscope.data.importing._findings import Collector
from alscope.data.importing._limits import Limits, Refused, open_plain

__all__ = ["Rows", "Survey", "guess_delimiter", "lines", "opened", "survey", "survey_findings"]

_CHUNK = 2**20
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_TITLES = {"cp1252": "Windows-1252 (a form of latin-1)", "latin-1": "latin-1"}


@dataclass(frozen=True)
class Survey:
    """What the bytes of a text file say.

    Attributes:
        encoding: "utf-8", "utf-8-sig" (with a byte-order mark), "utf-16", or a guess.
        guessed: Whether it is not UTF-8 and has no mark, so the encoding is a guess.
        n_nul: NUL bytes, where they are no part of the encoding.
        line_ends: How lines end, each way once.
    """

    encoding: str
    guessed: bool = False
    n_nul: int = 0
    line_ends: tuple[str, ...] = ()


def survey(path: Path, limits: Limits) -> Survey:
    """Look at all bytes of a text file.

    Raises:
        Refused: If it is no regular file, is too large or begins as UTF-32.
    """
    with open_plain(path, limit=limits.file_bytes) as stream:
        start = stream.read(4)
        stream.seek(0)
        if start.startswith(_UTF32):
            raise Refused("encoding", f"{path.name} is encoded as UTF-32; save it as UTF-8")
        if start.startswith(_UTF16):
            return Survey("utf-16")
        seen = _Bytes()
        for chunk in iter(lambda: stream.read(_CHUNK), b""):
            seen.feed(chunk)
        seen.finish()
    marked = start.startswith(codecs.BOM_UTF8)
    unicode = "utf-8-sig" if marked else "utf-8"
    encoding = unicode if seen.utf8 else ("cp1252" if seen.cp1252 else "latin-1")
    return Survey(encoding, not seen.utf8, seen.n_nul, tuple(seen.ends))


def survey_findings(found: Survey, encoding: str, collect: Collector) -> None:
    """Add what was found to the report.

    Args:
        found: What the bytes say.
        encoding: What the user chose; "auto": the finding says what is used.
        collect: Receives the findings.
    """
    if found.encoding == "utf-8-sig":
        collect.add("info", "byte_order_mark", "the file is UTF-8 with a byte-order mark")
    elif found.encoding == "utf-16":
        collect.add("info", "byte_order_mark", "the file is UTF-16, as its byte-order mark says")
    if found.guessed and encoding == "auto":
        title = _TITLES[found.encoding]
        collect.add(
            "warning",
            "encoding_guessed",
            f"the file is not UTF-8; {title} is a guess: look at accents and quotation marks in "
            "the preview, or save the file as UTF-8",
        )
    if found.n_nul:
        collect.add(
            "error",
            "nul_bytes",
            "the file holds NUL bytes, so it is no text file, or damaged; save it as UTF-8 again",
            count=found.n_nul,
        )
    if len(found.line_ends) > 1:
        names = " and ".join(repr(end) for end in found.line_ends)
        collect.add("info", "mixed_line_ends", f"lines end with {names}; all are understood")


class _Bytes:
    """Counts over chunks of a file."""

    def __init__(self) -> None:
        self.utf8 = self.cp1252 = True
        self.n_nul = 0
        self.ends: list[str] = []
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._after_return = False

    def feed(self, chunk: bytes) -> None:
        self.n_nul += chunk.count(0)
        if self.utf8:
            try:
                self._decoder.decode(chunk)
            except UnicodeDecodeError:
                self.utf8 = False
        # Five bytes have no meaning there; the first ones may have been seen as UTF-8 before.
        self.cp1252 = self.cp1252 and not any(byte in chunk for byte in b"\x81\x8d\x8f\x90\x9d")
        self._count_ends(chunk)

    def finish(self) -> None:
        if self.utf8:
            try:
                self._decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                self.utf8 = False
        if self._after_return:
            self._note("\r")

    def _count_ends(self, chunk: bytes) -> None:
        if self._after_return:
            self._note("\r\n" if chunk.startswith(b"\n") else "\r")
            chunk = chunk.removeprefix(b"\n")
        self._after_return = chunk.endswith(b"\r")
        chunk = chunk.removesuffix(b"\r")
        pairs = chunk.count(b"\r\n")
        counts = {"\r\n": pairs, "\n": chunk.count(b"\n") - pairs, "\r": chunk.count(b"\r") - pairs}
        for end, count in counts.items():
            if count:
                self._note(end)

    def _note(self, end: str) -> None:
        if end not in self.ends:
            self.ends.append(end)


@contextmanager
def opened(path: Path, encoding: str, limits: Limits) -> Iterator[IO[str]]:
    """Open a text file; line ends are left as they are.

    Raises:
        Refused: If it is no regular file, too large, or not in this encoding.
    """
    with (
        open_plain(path, limit=limits.file_bytes) as raw,
        io.TextIOWrapper(raw, encoding=encoding, newline="") as stream,
    ):
        try:
            yield stream
        except UnicodeError as error:
            raise Refused(
                "encoding", f"{path.name} is not {encoding} as chosen ({error}); choose another one"
            ) from error


def lines(stream: IO[str], limits: Limits) -> Iterator[str]:
    """The lines of a file, none of them longer than allowed.

    Raises:
        Refused: If one is.
    """
    for number, line in enumerate(iter(lambda: stream.readline(limits.line_chars + 1), ""), 1):
        if len(line) > limits.line_chars:
            raise Refused(
                "long_line",
                f"line {number} has more than {limits.line_chars:,} characters; this is no table",
            )
        yield line


class Rows:
    """The lines of a table for a reader, no row of which may be longer than a line may be.

    A row goes on over lines while a quotation mark is open, and the reader keeps all of its fields.

    Args:
        stream: The file.
        limits: Bounds.
    """

    def __init__(self, stream: IO[str], limits: Limits) -> None:
        self._lines = lines(stream, limits)
        self._limit = limits.line_chars
        self._length = 0

    def row_ended(self) -> None:
        """The reader has a whole row."""
        self._length = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._length += len(line)
        if self._length > self._limit:
            raise Refused(
                "long_line",
                f"a row has more than {self._limit:,} characters; is a quotation mark not closed?",
            )
        return line


def guess_delimiter(sample: list[str]) -> str:
    """The delimiter that cuts the first lines into equally many, and the most, fields."""
    best, delimiter = (0.0, 1), ","
    for candidate in (",", ";", "\t", "|"):
        try:
            rows = [row for row in csv.reader(sample, delimiter=candidate) if row]
        except csv.Error:
            continue
        if not rows or len(rows[0]) < 2:
            continue
        alike = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
        if (alike, len(rows[0])) > best:
            best, delimiter = (alike, len(rows[0])), candidate
    return delimiter
