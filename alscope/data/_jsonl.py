"""Folders of JSON lines: one object per line, as some sets on the Hugging Face hub come."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alscope.data._copies import (
    Columns,
    Facts,
    as_texts,
    check_labels,
    label_order,
    labels_of_names,
)
from alscope.data._files import all_there
from alscope.errors import DatasetError
from alscope.files import file_digest, stamps
from alscope.types import IntArray

__all__ = ["JsonlCopy"]

_PARTS = ("train", "test")


@dataclass(frozen=True)
class JsonlCopy:
    """`train.jsonl` and `test.jsonl` in one folder; texts only.

    Attributes:
        folder: Where they are.
        columns: What the fields are called.
    """

    folder: Path
    columns: Columns

    source = "local JSON lines"

    @classmethod
    def find(cls, folder: Path, columns: Columns) -> JsonlCopy | None:
        """The copy in a folder, if there is one.

        Raises:
            DatasetError: If one of the parts is missing.
        """
        copy = cls(folder, columns)
        return copy if all_there(copy.files) else None

    @property
    def files(self) -> tuple[Path, ...]:
        """Both parts."""
        return tuple(self._part(part) for part in _PARTS)

    def digests(self) -> dict[str, str]:
        """Digests of the files as they are."""
        return {stamp.path.name: file_digest(stamp) for stamp in stamps(self.files)}

    def targets(self, part: str, facts: Facts) -> IntArray:
        """Labels, by class name where the lines have names.

        Raises:
            DatasetError: If a line, a field or a value is wrong; names file and row.
        """
        path = self._part(part)
        rows = _Rows(path)
        spelled = rows.field(self.columns.names)
        if spelled is not None:
            names = [_string(value, spelled, path, row) for row, value in rows.values(spelled)]
            values, indices = np.unique(np.array(names, dtype=str), return_inverse=True)
            return labels_of_names(indices, values.tolist(), facts, path)
        column = rows.needed(self.columns.labels)
        numbers = [_integer(value, column, path, row) for row, value in rows.values(column)]
        labels = check_labels(np.array(numbers, dtype=np.int64), len(facts.names), path)
        return label_order(None, facts, path)[labels]

    def inputs(self, part: str, facts: Facts) -> NDArray[Any] | list[str]:
        """Texts.

        Raises:
            DatasetError: If a line, a field or a value is wrong; names file and row.
        """
        path = self._part(part)
        rows = _Rows(path)
        column = rows.needed(self.columns.inputs)
        title = self.columns.title
        texts: list[str] = []
        for row, record in rows:
            text = _string(record.get(column), column, path, row)
            titles = [_string(record.get(title) or "", title, path, row)] if title else None
            texts += as_texts([text], titles, facts)
        return texts

    def _part(self, part: str) -> Path:
        return self.folder / f"{part}.jsonl"


@dataclass(frozen=True)
class _Rows:
    path: Path

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        row = 0
        try:
            with self.path.open(encoding="utf-8-sig") as lines:
                for line in lines:
                    if line.strip():
                        yield row, self._record(line, row)
                        row += 1
        except UnicodeDecodeError as error:
            raise DatasetError(f"{self.path} is not UTF-8 after row {row}: {error}") from error

    def _record(self, line: str, row: int) -> dict[str, Any]:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DatasetError(f"{self.path}: row {row} is not JSON: {error}") from error
        if not isinstance(record, dict):
            raise DatasetError(f"{self.path}: row {row} is no JSON object; one object per line")
        return record

    def values(self, column: str) -> Iterator[tuple[int, Any]]:
        return ((row, record.get(column)) for row, record in self)

    def field(self, accepted: tuple[str, ...]) -> str | None:
        present = self._present()
        return next((name for name in accepted if name in present), None)

    def needed(self, accepted: tuple[str, ...]) -> str:
        found = self.field(accepted)
        if found is None and self._present():
            raise DatasetError(
                f"{self.path} has the fields {', '.join(self._present())}, but needs "
                f"{' or '.join(accepted)}"
            )
        return found or accepted[0]

    def _present(self) -> tuple[str, ...]:
        # The first line says what all of them must have.
        return next((tuple(record) for _, record in self), ())


def _string(value: object, column: str, path: Path, row: int) -> str:
    if not isinstance(value, str):
        raise DatasetError(f"{path}: row {row} has {value!r} in {column!r}, but needs a text")
    return value


def _integer(value: object, column: str, path: Path, row: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 2**31:
        raise DatasetError(f"{path}: row {row} has {value!r} in {column!r}, but needs an integer")
    return value
