"""How much of somebody else's file is believed, and what happens beyond that."""

from __future__ import annotations

import os
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from alscope.errors import DatasetError

__all__ = ["LIMITS", "Limits", "Refused", "name_problem", "open_plain", "shown"]

_MIB = 2**20
# Line and paragraph separators, and marks that turn the direction of what follows.
_FORBIDDEN = frozenset("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Refused(DatasetError):
    """A source was not read because something in it is hostile, too large or of another kind.

    Args:
        code: Short name of the reason, as in a finding.
        message: What is wrong, with which value, and what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of an import; raise one to accept a larger set of your own.

    Attributes:
        file_bytes: Size of one table, array or archive.
        image_bytes: Size of one image file.
        total_bytes: Size of everything in an archive once unpacked, or of a table in memory.
        output_bytes: Size of the images once all have one size.
        files: Files in a folder or entries of an archive.
        depth: Folders within folders.
        image_pixels: Width times height.
        image_side: Width or height.
        zip_ratio: Unpacked size / packed size.
        rows: Samples.
        columns: Columns of a table.
        field_chars: Characters in one field.
        line_chars: Characters in one line of a file, and in one row of a table.
        features: Numbers per sample.
        classes: Classes.
        name_chars: Characters in the name of a class or column.
    """

    file_bytes: int = 2048 * _MIB
    image_bytes: int = 256 * _MIB
    total_bytes: int = 65536 * _MIB
    output_bytes: int = 32768 * _MIB
    files: int = 500_000
    depth: int = 32
    image_pixels: int = 50_000_000
    image_side: int = 65_535
    zip_ratio: float = 200.0
    rows: int = 5_000_000
    columns: int = 10_000
    field_chars: int = 1_000_000
    line_chars: int = 8_000_000
    features: int = 65_536
    classes: int = 10_000
    name_chars: int = 200


LIMITS = Limits()


def open_plain(path: Path, *, limit: int) -> IO[bytes]:
    """Open a regular file of limited size for reading.

    Raises:
        Refused: If it is missing, a pipe, a device or a folder, or too large.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)  # without O_NONBLOCK opening a pipe would wait for ever
    except OSError as error:
        raise Refused("unreadable", f"{path} cannot be opened: {error.strerror}") from error
    facts = os.fstat(handle)
    if not stat.S_ISREG(facts.st_mode):
        os.close(handle)
        raise Refused("special_file", f"{path} is not a regular file; only those are read")
    if facts.st_size > limit:
        os.close(handle)
        raise Refused(
            "too_large",
            f"{path.name} has {facts.st_size:,} bytes, but at most {limit:,} are read; split it "
            "or leave out what is not needed",
        )
    return os.fdopen(handle, "rb")


def name_problem(name: str, limits: Limits = LIMITS) -> str:
    """Why a text may not be the name of a class or column, as a clause; "" if it may."""
    if len(name) > limits.name_chars:
        return f"has {len(name):,} characters; at most {limits.name_chars} are allowed"
    for letter in name:
        if letter in _FORBIDDEN or unicodedata.category(letter) in {"Cc", "Cs"}:
            return f"holds the control character U+{ord(letter):04X}"
    return ""


def shown(value: object, length: int = 80) -> str:
    """A value from somebody else's file as one short printable line."""
    text = str(value)[: length + 1]
    plain = "".join(
        " "
        if letter in "\r\n\t"
        else letter
        if letter.isprintable()
        else "\N{REPLACEMENT CHARACTER}"
        for letter in text
    )
    return plain if len(plain) <= length else f"{plain[: length - 3]}..."
