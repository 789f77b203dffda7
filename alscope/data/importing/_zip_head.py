"""The end of a zip archive, looked at before its table of contents is read into memory."""

from __future__ import annotations

import struct
from typing import IO

from alscope.data.importing._limits import Limits, Refused

__all__ = ["check_head"]

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_MARK = b"PK\x06\x07"
_COMMENT = 65_535
_ROW = struct.Struct("<4s24x3H12x")  # mark, and lengths of name, extra field and comment


def check_head(stream: IO[bytes], name: str, limits: Limits) -> None:
    """Refuse a table of contents with more rows than a folder may have files.

    Python's reader makes an object of every row, and rows cost a stranger 50 bytes each.

    Args:
        stream: The archive; rewound afterwards.
        name: Its name, for the message.
        limits: Bounds.

    Raises:
        Refused: If it has more rows than allowed, whatever number it announces.
    """
    size = stream.seek(0, 2)
    start = max(0, size - _COMMENT - _END.size)
    stream.seek(start)
    tail = stream.read()
    place = tail.rfind(b"PK\x05\x06")
    if place >= 0 and len(tail) - place >= _END.size:
        n_bytes = _END.unpack_from(tail, place)[5]
        end = start + place
        if n_bytes == 0xFFFF_FFFF or tail[place - _LOCATOR.size : place].startswith(_LOCATOR_MARK):
            n_bytes = _large(stream, tail, place) or n_bytes
            end -= _LOCATOR.size + _END64.size
        if _has_more_rows(stream, end - n_bytes, n_bytes, limits.files):
            raise Refused(
                "too_many_files",
                f"{name} has more than {limits.files:,} entries; no more are read",
            )
    stream.seek(0)


def _has_more_rows(stream: IO[bytes], start: int, n_bytes: int, limit: int) -> bool:
    """Whether the table has more rows than allowed; what is no table is left to the reader."""
    if start < 0 or n_bytes < _ROW.size * limit:
        return False
    stream.seek(start)
    table = stream.read(n_bytes)
    place = 0
    for _ in range(limit + 1):
        if place + _ROW.size > len(table):
            return False
        mark, *lengths = _ROW.unpack_from(table, place)
        if mark != b"PK\x01\x02":
            return False
        place += _ROW.size + sum(lengths)
    return True


def _large(stream: IO[bytes], tail: bytes, place: int) -> int | None:
    """Bytes of the table of a zip64 archive; None if it says nothing about them."""
    if place < _LOCATOR.size:
        return None
    mark, _, where, _ = _LOCATOR.unpack_from(tail, place - _LOCATOR.size)
    if mark != _LOCATOR_MARK:
        return None
    try:
        stream.seek(where)
    except (OSError, OverflowError, ValueError):
        return None
    data = stream.read(_END64.size)
    if len(data) < _END64.size or not data.startswith(b"PK\x06\x06"):
        return None
    return int(_END64.unpack(data)[8])
