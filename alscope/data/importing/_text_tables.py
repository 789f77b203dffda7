"""Tables in text files: CSV and TSV, and JSON lines."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from alscope.data.importing import _text_files as text_files
from alscope.data.importing._findings import Collector
from alscope.data.importing._limits import Limits, Refused, shown
from alscope.data.importing._table import (
    Record,
    check_fields,
    checked_columns,
    too_many_columns,
)

__all__ = ["CsvTable", "JsonTable"]

_FIRST_LINES = 200


@dataclass(frozen=True)
class CsvTable:
    """A file with a delimiter and a first line with the names of the columns."""

    path: Path
    encoding: str
    delimiter: str
    limits: Limits

    @property
    def format(self) -> str:
        """CSV or TSV."""
        return self.path.suffix[1:].upper()

    @cached_property
    def bytes_say(self) -> text_files.Survey:
        """What the bytes of the file say."""
        return text_files.survey(self.path, self.limits)

    @property
    def chosen_encoding(self) -> str:
        """The encoding the user chose, or what the bytes say."""
        return self.bytes_say.encoding if self.encoding == "auto" else self.encoding

    @cached_property
    def chosen_delimiter(self) -> str:
        """The delimiter the user chose, or the most regular one."""
        if self.delimiter != "auto":
            return self.delimiter
        if self.path.suffix.lower() == ".tsv":
            return "\t"
        with text_files.opened(self.path, self.chosen_encoding, self.limits) as stream:
            return text_files.guess_delimiter(
                list(itertools.islice(text_files.lines(stream, self.limits), _FIRST_LINES))
            )

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The first line; columns without a name are called by their number."""
        header = next(self._rows(), (0, []))[1]
        if not any(header):
            raise Refused("empty", f"{self.path.name} is empty or its first line has no names")
        names = [name or f"column {place}" for place, name in enumerate(header, start=1)]
        return checked_columns(names, self.path, self.limits)

    def records(self, columns: Sequence[str]) -> Iterator[Record]:
        """Values are texts; empty fields are empty texts."""
        width, places = len(self.columns), [self.columns.index(name) for name in columns]
        for line, row in itertools.islice(self._rows(), 1, None):
            if not row:  # an empty line
                continue
            where = f"line {line}"
            if len(row) == width:
                yield Record(where, tuple(row[place] for place in places))
            else:
                yield Record(where, (), f"has {len(row)} fields, but the first line has {width}")

    def class_names(self, column: str) -> tuple[str, ...]:
        """None: the format has no place for them."""
        return ()

    def survey(self, collect: Collector) -> None:
        """Encoding, NUL bytes and line ends."""
        text_files.survey_findings(self.bytes_say, self.encoding, collect)

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        # The module's limit is a global; it is only ever raised, and ours is checked below.
        csv.field_size_limit(max(csv.field_size_limit(), self.limits.field_chars))
        with text_files.opened(self.path, self.chosen_encoding, self.limits) as stream:
            source = text_files.Rows(stream, self.limits)
            reader = csv.reader(source, delimiter=self.chosen_delimiter, strict=True)
            line = 1
            try:
                for row in reader:
                    source.row_ended()
                    if len(row) > self.limits.columns:
                        raise too_many_columns(self.path, len(row), self.limits)
                    check_fields(row, f"line {line}", self.limits)
                    yield line, row
                    line = reader.line_num + 1
            except csv.Error as error:
                raise Refused(
                    "broken_quotes",
                    f"{self.path.name} cannot be read on from line {line}: {error}; is a quotation "
                    "mark not closed, or the delimiter another one?",
                ) from error


@dataclass(frozen=True)
class JsonTable:
    """A file with one JSON object per line."""

    path: Path
    encoding: str
    limits: Limits
    format = "JSON lines"

    @property
    def chosen_encoding(self) -> str:
        """JSON is UTF-8; another encoding is read only if the user says so."""
        return "utf-8-sig" if self.encoding == "auto" else self.encoding

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The keys of the first objects, in the order of their appearance."""
        names: dict[str, None] = {}
        for _, value in itertools.islice(self._objects(), _FIRST_LINES):
            if isinstance(value, dict):
                names.update(dict.fromkeys(value))
        if not names:
            raise Refused(
                "empty", f"{self.path.name} holds no JSON objects; one per line is needed"
            )
        return checked_columns(list(names), self.path, self.limits)

    def records(self, columns: Sequence[str]) -> Iterator[Record]:
        """Values are as in JSON; absent keys are None."""
        for where, value in self._objects():
            if isinstance(value, dict):
                values = tuple(value.get(name) for name in columns)
                check_fields(values, where, self.limits)
                yield Record(where, values)
            else:
                yield Record(where, (), value if isinstance(value, str) else "is no JSON object")

    def class_names(self, column: str) -> tuple[str, ...]:
        """None: the format has no place for them."""
        return ()

    def survey(self, collect: Collector) -> None:
        """Encoding, NUL bytes and line ends."""
        text_files.survey_findings(
            text_files.survey(self.path, self.limits), self.chosen_encoding, collect
        )

    def _objects(self) -> Iterator[tuple[str, Any]]:
        with text_files.opened(self.path, self.chosen_encoding, self.limits) as stream:
            for number, line in enumerate(text_files.lines(stream, self.limits), start=1):
                if line.strip():
                    yield f"line {number}", _parse(line)


def _parse(line: str) -> Any:
    # An object, or why there is none as a text (a line that is a text is no object either).
    try:
        value = json.loads(line, object_pairs_hook=_once)
    except RecursionError:
        return "is nested too deeply"
    except ValueError as error:
        return f"is no JSON ({shown(error)})"
    return value if isinstance(value, dict) else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found
