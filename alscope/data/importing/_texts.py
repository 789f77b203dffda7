"""Reading texts and labels from a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alscope.data.importing._findings import Collector
from alscope.data.importing._limits import Limits, Refused, shown
from alscope.data.importing._mapping import Mapping
from alscope.data.importing._scan import Progress, Scan, content_key, label_text
from alscope.data.importing._table import Table
from alscope.data.importing._tables import open_table
from alscope.errors import nearest
from alscope.types import IntArray

__all__ = ["Labels", "Texts", "check_columns", "scan_texts"]

_MARKUP = re.compile(r"</?[a-zA-Z][^<>]{0,200}>|&(?:[a-zA-Z]{2,8}|#[0-9]{1,6});")


@dataclass(eq=False)
class Texts:
    """The texts of all samples; stored beside the labels, so there is no file of their own."""

    values: list[str] = field(default_factory=list)
    shape: tuple[int, ...] = ()

    def write(self, rows: IntArray, folder: Path, part: str) -> None:
        """Nothing."""


class Labels:
    """Labels and parts of a table's rows, as text.

    Args:
        table: The table; it may have names for numbered classes.
        mapping: What the user chose.
    """

    def __init__(self, table: Table, mapping: Mapping) -> None:
        label, split = mapping.label_column, mapping.split_column
        self.columns = tuple(column for column in (label, split) if column)
        self._names = table.class_names(label) if label else ()
        self._has_label = bool(label)

    def read(self, values: Sequence[Any]) -> tuple[str | None, str | None]:
        """Label and part of a row.

        Args:
            values: Of `columns`.

        Raises:
            ValueError: If one of them is no text or number, as a clause.
        """
        texts = [label_text(value) for value in values]
        label = texts.pop(0) if self._has_label else None
        if label is not None and self._names:
            label = self._named(label)
        return label, texts[0] if texts else None

    def _named(self, label: str) -> str:
        if not label.isdecimal() or int(label) >= len(self._names):
            raise ValueError(f"has the label {shown(label, 40)}, which has no name in the file")
        return self._names[int(label)]


def scan_texts(
    path: Path, mapping: Mapping, limits: Limits, collect: Collector, *, progress: Progress
) -> Scan:
    """Read every row once.

    Raises:
        Refused: If the source as a whole is refused.
    """
    table = open_table(path, mapping, limits)
    table.survey(collect)
    labels = Labels(table, mapping)
    columns = (mapping.text_column or "", *labels.columns)
    check_columns(table, columns)
    texts = Texts()
    scan = Scan("text", has_parts=bool(mapping.split_column), payload=texts)
    size = 0
    for number, record in enumerate(table.records(columns)):
        size += _read(record.where, record.values, record.problem, labels, scan, texts, limits)
        if size > limits.total_bytes:
            raise Refused("too_large", f"the texts need more than {limits.total_bytes:,} bytes")
        if number % 10_000 == 0:
            progress("read", 0.0)
    if not scan.where:
        raise Refused("empty", f"{path.name} has no rows")
    _report_markup(scan.where, texts.values, collect)
    return scan


def _report_markup(where: list[str], texts: list[str], collect: Collector) -> None:
    found = [place for place, text in zip(where, texts, strict=True) if _MARKUP.search(text)]
    if found:
        collect.add(
            "warning",
            "markup",
            "texts hold remnants of a web page, such as <br /> or &amp;; they are kept as they "
            "are: clean the source if they should not be learned",
            where=found,
            count=len(found),
        )


def check_columns(table: Table, columns: Sequence[str]) -> None:
    """Check that a table has columns.

    Raises:
        Refused: Naming the first missing one, the nearest that exists, and all of them.
    """
    present = table.columns
    for column in columns:
        if column not in present:
            guess = nearest(column, present[:1000])
            hint = f"did you mean {guess!r}? " if guess else ""
            listed = shown(", ".join(present[:20]), 300)
            raise Refused(
                "column_missing", f"there is no column {column!r}; {hint}the file has {listed}"
            )


def _read(
    where: str,
    values: tuple[Any, ...],
    problem: str,
    labels: Labels,
    scan: Scan,
    texts: Texts,
    limits: Limits,
) -> int:
    # Bytes of the text.
    text, label, part = "", None, None
    if not problem:
        try:
            text = _text(values[0])
            label, part = labels.read(values[1:])
        except ValueError as error:
            problem = str(error)
    data = text.encode("utf-8", "replace")
    key = b"" if problem or not text.strip() else content_key(data)
    # A row that cannot be read is one problem, not also a missing label.
    scan.add(where, key=key, label="" if problem else label, part=part, limits=limits)
    texts.values.append(text if key else "")
    if problem:
        scan.mark("damaged", problem)
    elif not key:
        scan.mark("empty_text")
    return len(data)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"holds {shown(value, 40)} instead of a text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError("holds half of a character (a lone surrogate)") from error
    if "\0" in value:
        raise ValueError("holds a NUL character")
    return value
