"""Frames as files: CSV, Parquet and JSON."""

from __future__ import annotations

import io
import json
import math
import re
from pathlib import Path
from typing import Any

import pandas as pd

from alscope.errors import UnknownNameError
from alscope.store.outputs import write_result

__all__ = ["FORMATS", "frame_bytes", "has_formulas", "write_frame"]

FORMATS = ("csv", "parquet", "json")

# What a spreadsheet runs at the beginning of a cell; East Asian ones know the wide forms as well.
# A cell also begins behind a separator of another country, and behind a line break.
_FORMULA = re.compile("(?:^|(?<=[;|\\t\\r\\n]))(?=[=+\\-@\\t\\r\uff1d\uff0b\uff0d\uff20])")


def frame_bytes(frame: pd.DataFrame, fmt: str, *, safe: bool = True) -> bytes:
    """A frame in the bytes of a file.

    Args:
        frame: Any frame of numbers, booleans and texts.
        fmt: "csv" (UTF-8, RFC 4180), "parquet" or "json" (a list of records; NaN becomes null).
            Floats are written in the shortest form that reads back exactly.
        safe: In CSV, put an apostrophe before texts, or parts of them, that a spreadsheet would run
            as a formula. Numbers are never touched.

    Raises:
        UnknownNameError: If there is no such format.
    """
    if fmt == "csv":
        shown = _without_formulas(frame) if safe else frame
        # CR LF as in RFC 4180; with LF alone, Python 3.11 leaves a CR within a text unquoted, and
        # readers see another row.
        return shown.to_csv(index=False, lineterminator="\r\n").encode()
    if fmt == "parquet":
        buffer = io.BytesIO()
        frame.to_parquet(buffer, index=False)
        return buffer.getvalue()
    if fmt == "json":
        return json_text(frame).encode()
    raise UnknownNameError("format", fmt, FORMATS)


def has_formulas(frame: pd.DataFrame) -> bool:
    """Whether a text in a frame is one that a spreadsheet would run as a formula."""
    return any(map(_is_formula, frame.columns)) or any(
        _is_formula(value) for name in _texts(frame) for value in frame[name].unique()
    )


def write_frame(frame: pd.DataFrame, fmt: str, path: Path | str, *, safe: bool = True) -> None:
    """Write a frame to a file, whole or not at all.

    Args:
        frame: Any frame of numbers, booleans and texts.
        fmt: One of `FORMATS`.
        path: The file; an existing one is replaced, its folder must exist.
        safe: As in `frame_bytes`.

    Raises:
        UnknownNameError: If there is no such format.
        StoreError: If the file cannot be written; then nothing has changed.
    """
    data = frame_bytes(frame, fmt, safe=safe)
    write_result(path, data)


def json_text(frame: pd.DataFrame) -> str:
    """A frame as a JSON list of records, one per line; NaN becomes null."""
    lines = [json.dumps(record, ensure_ascii=False) for record in records(frame)]
    return "[\n" + ",\n".join(lines) + "\n]\n" if lines else "[]\n"


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain values; NaN becomes None, because JSON has no NaN."""
    return [
        {str(key): _plain(value) for key, value in row.items()}
        for row in frame.to_dict(orient="records")
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.item() if hasattr(value, "item") else value


def _without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    changed = frame.assign(**{name: frame[name].map(_harmless) for name in _texts(frame)})
    return changed.rename(columns=_harmless)


def _texts(frame: pd.DataFrame) -> list[str]:
    return [name for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name])]


def _harmless(value: Any) -> Any:
    return _FORMULA.sub("'", value) if isinstance(value, str) else value


def _is_formula(value: Any) -> bool:
    return isinstance(value, str) and _FORMULA.search(value) is not None
