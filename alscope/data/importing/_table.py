"""What a table in a file can do, and the bounds that all of them keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from alscope.data.importing._findings import Collector
from alscope.data.importing._limits import Limits, Refused, name_problem, shown

__all__ = ["Record", "Table", "check_fields", "checked_columns", "long_field", "too_many_columns"]


class Record(NamedTuple):
    """One row of a table: where it is, the values of the columns asked for, or why there are none.

    Values are text, numbers, arrays of numbers (lists in Parquet), lists, or None.
    """

    where: str
    values: tuple[Any, ...]
    problem: str = ""


class Table(Protocol):
    """A table in a file."""

    @property
    def format(self) -> str:
        """The format, for people."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns.

        Raises:
            Refused: If the file cannot be read as a table, or has too many columns.
        """

    def records(self, columns: Sequence[str]) -> Iterator[Record]:
        """The rows in order; rows that cannot be read have a problem instead of values.

        Raises:
            Refused: If the file cannot be read on, or breaks a bound.
        """

    def class_names(self, column: str) -> tuple[str, ...]:
        """Names of numbered classes, where the file has them."""

    def survey(self, collect: Collector) -> None:
        """Look at the bytes of the whole file and report what is unusual about them."""


def check_fields(values: Sequence[Any], where: str, limits: Limits) -> None:
    """Check the lengths of a row's texts.

    Raises:
        Refused: If one is too long.
    """
    for value in values:
        if isinstance(value, str) and len(value) > limits.field_chars:
            raise long_field(where, len(value), limits)


def long_field(where: str, length: int, limits: Limits) -> Refused:
    """The refusal of a field that is too long."""
    return Refused(
        "long_field",
        f"{where} holds a field with {length:,} characters; at most {limits.field_chars:,} are "
        "read (is a quotation mark not closed?)",
    )


def too_many_columns(path: Path, count: int, limits: Limits) -> Refused:
    """The refusal of a table that is too wide."""
    return Refused(
        "too_many_columns",
        f"{path.name} has {count:,} columns; at most {limits.columns:,} are read. Features belong "
        "in a .npy file or a Parquet column with lists",
    )


def checked_columns(names: list[str], path: Path, limits: Limits) -> tuple[str, ...]:
    """The names of a table's columns.

    Raises:
        Refused: If there are too many, or one cannot be a name, or is there twice.
    """
    if len(names) > limits.columns:
        raise too_many_columns(path, len(names), limits)
    for name in names:
        problem = name_problem(name, limits)
        if problem:
            raise Refused("column_name", f"the column {shown(name)!r} of {path.name} {problem}")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        listed = ", ".join(map(repr, twice[:5]))
        raise Refused("column_twice", f"{path.name} has several columns of the name {listed}")
    return tuple(names)
