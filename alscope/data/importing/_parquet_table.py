"""Tables in Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alscope.data._parquet import _class_names as class_names
from alscope.data.importing._findings import Collector
from alscope.data.importing._limits import Limits, Refused, open_plain, shown
from alscope.data.importing._table import Record, check_fields, checked_columns, long_field

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["ParquetTable"]

# Few rows at a time: a column of repeated long values is small in the file and large in memory.
_BATCH = 256


@dataclass(frozen=True)
class ParquetTable:
    """A Parquet file; columns with nested values can be read only if they are lists of numbers."""

    path: Path
    limits: Limits
    format = "Parquet"

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """As in the schema."""
        with self._opened() as file:
            names = list(file.schema_arrow.names)
        return checked_columns(names, self.path, self.limits)

    @cached_property
    def nested(self) -> frozenset[str]:
        """Columns that hold neither values nor lists of numbers."""
        with self._opened() as file:
            return frozenset(field.name for field in file.schema_arrow if _is_nested(field.type))

    def class_names(self, column: str) -> tuple[str, ...]:
        """As the hub's library writes them."""
        with self._opened() as file:
            return class_names(file.schema_arrow, column) or ()

    def records(self, columns: Sequence[str]) -> Iterator[Record]:
        """Values are Python's; lists of numbers are arrays."""
        with self._opened() as file:
            self._check(file, columns)
            row = 0
            for batch in file.iter_batches(batch_size=_BATCH, columns=list(columns)):
                batch.validate(full=True)  # text that is no UTF-8, places outside of a dictionary
                by_name = dict(zip(batch.schema.names, batch.columns, strict=True))
                for name in columns:
                    _check_lengths(by_name[name], name, row, self.limits)
                values = [_values(by_name[name]) for name in columns]
                for record in zip(*values, strict=True):
                    check_fields(record, f"row {row}", self.limits)
                    yield Record(f"row {row}", record)
                    row += 1

    def survey(self, collect: Collector) -> None:
        """Nothing: the format has one encoding."""

    def _opened(self) -> _Opened:
        return _Opened(self.path, self.limits)

    def _check(self, file: pq.ParquetFile, columns: Sequence[str]) -> None:
        meta = file.metadata
        if meta.num_rows > self.limits.rows:
            raise Refused(
                "too_many_rows",
                f"{self.path.name} has {meta.num_rows:,} rows; at most {self.limits.rows:,} are "
                "read",
            )
        size = sum(meta.row_group(group).total_byte_size for group in range(meta.num_row_groups))
        if size > self.limits.total_bytes:
            raise Refused("too_large", f"{self.path.name} has {size:,} bytes when unpacked")
        for name in columns:
            kind = file.schema_arrow.field(name).type
            if _is_nested(kind):
                raise Refused(
                    "nested",
                    f"the column {name!r} of {self.path.name} holds nested values "
                    f"({shown(kind)}); write it as text, or as a list of numbers",
                )


class _Opened:
    """An open Parquet file whose errors are refusals."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path = path
        self._stream = open_plain(path, limit=limits.file_bytes)

    def __enter__(self) -> pq.ParquetFile:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            file = pq.ParquetFile(self._stream, page_checksum_verification=True)
            texts = [
                field.name
                for field in file.schema_arrow
                if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
            ]
            # As a dictionary, a text that is repeated a million times stays one text.
            return pq.ParquetFile(
                self._stream, page_checksum_verification=True, read_dictionary=texts
            )
        except (pa.ArrowException, OSError, ValueError) as error:
            self._stream.close()
            raise self._refusal(error) from error

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        import pyarrow as pa

        self._stream.close()
        if isinstance(error, pa.ArrowException | OSError):
            raise self._refusal(error) from error

    def _refusal(self, error: BaseException) -> Refused:
        return Refused(
            "unreadable", f"{self._path.name} is not a readable Parquet file: {shown(error, 200)}"
        )


def _is_nested(kind: pa.DataType) -> bool:
    import pyarrow as pa

    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    if any(is_list(kind) for is_list in lists):
        inner = kind.value_type
        return not (pa.types.is_floating(inner) or pa.types.is_integer(inner))
    return bool(pa.types.is_nested(kind))


def _check_lengths(column: pa.Array, name: str, row: int, limits: Limits) -> None:
    # Before anything is made into Python objects.
    import pyarrow as pa
    import pyarrow.compute as pc

    values = column.dictionary if pa.types.is_dictionary(column.type) else column
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary)
    if not any(is_kind(values.type) for is_kind in kinds):
        return
    longest = pc.max(pc.binary_length(values)).as_py() or 0
    if longest > 4 * limits.field_chars:  # bytes; a character has at most four
        raise long_field(f"column {name!r} near row {row}", longest, limits)


def _values(column: pa.Array) -> list[Any]:
    import pyarrow as pa

    if pa.types.is_nested(column.type):
        return list(column.to_numpy(zero_copy_only=False))
    values: list[Any] = column.to_pylist()
    return values
