"""Which kind of table a file is."""

from __future__ import annotations

from pathlib import Path

from alscope.data.importing._limits import Limits, Refused
from alscope.data.importing._mapping import Mapping
from alscope.data.importing._parquet_table import ParquetTable
from alscope.data.importing._table import Table
from alscope.data.importing._text_tables import CsvTable, JsonTable

__all__ = ["SUFFIXES", "open_table"]

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".pq")


def open_table(path: Path, mapping: Mapping, limits: Limits) -> Table:
    """The table in a file, by the ending of its name.

    Raises:
        Refused: If the ending is none of a table.
    """
    suffix = path.suffix.lower()
    if suffix in {".csv", ".tsv"}:
        return CsvTable(path, mapping.encoding, mapping.delimiter, limits)
    if suffix in {".jsonl", ".ndjson"}:
        return JsonTable(path, mapping.encoding, limits)
    if suffix in {".parquet", ".pq"}:
        return ParquetTable(path, limits)
    raise Refused(
        "unknown_format",
        f"{path.name} is no table that can be read; use one of {', '.join(SUFFIXES)}",
    )
