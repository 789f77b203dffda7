"""Parquet folders as the Hugging Face hub delivers them, read with pyarrow alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from alscope.data._files import check_shards
from alscope.data._pixels import decode
from alscope.errors import DatasetError
from alscope.files import file_digest, stamps
from alscope.types import IntArray

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["ParquetCopy", "class_label_metadata", "opened"]

_IMAGES = 1024
_TEXTS = 16384


@dataclass(frozen=True)
class ParquetCopy:
    """`train-*.parquet` and `test-*.parquet` in one folder.

    Attributes:
        folder: Where they are.
        columns: What the columns are called.
        test: What the files of the test part begin with: "valid" where only that part has labels.
    """

    folder: Path
    columns: Columns
    test: str = "test"

    source = "local Parquet"

    @classmethod
    def find(cls, folder: Path, columns: Columns, *, test: str = "test") -> ParquetCopy | None:
        """The copy in a folder, if there is one.

        Raises:
            DatasetError: If one of the parts or a shard is missing.
        """
        copy = cls(folder, columns, test)
        parts = {name: copy._named(name) for name in ("train", test)}
        for files in parts.values():
            check_shards(files)
        missing = [name for name, files in parts.items() if not files]
        if len(missing) == 1:
            raise DatasetError(
                f"{folder} has no {missing[0]}-*.parquet; put both parts there: train-*.parquet "
                f"and {test}-*.parquet"
            )
        return None if missing else copy

    @property
    def files(self) -> tuple[Path, ...]:
        """Both parts."""
        return (*self._part("train"), *self._part("test"))

    def digests(self) -> dict[str, str]:
        """Digests of the files as they are."""
        return {stamp.path.name: file_digest(stamp) for stamp in stamps(self.files)}

    def targets(self, part: str, facts: Facts) -> IntArray:
        """Labels, mapped by class name where the file has names.

        Raises:
            DatasetError: If column, type, names or a value are wrong.
        """
        return np.concatenate([self._labels(path, facts) for path in self._part(part)])

    def inputs(self, part: str, facts: Facts) -> NDArray[Any] | list[str]:
        """Texts or decoded images.

        Raises:
            DatasetError: If a text is null or an image is damaged; names file and row.
        """
        paths = self._part(part)
        if not facts.shape:
            return [text for path in paths for text in self._texts(path, facts)]
        # Filled in place: a second array of all images would double the memory.
        images = np.empty((sum(map(_n_rows, paths)), *facts.shape), dtype=np.uint8)
        start = 0
        for path in paths:
            start += self._images(path, facts, images[start:])
        return images

    def _part(self, part: str) -> tuple[Path, ...]:
        return self._named(self.test if part == "test" else part)

    def _named(self, prefix: str) -> tuple[Path, ...]:
        return tuple(sorted(self.folder.glob(f"{prefix}-*.parquet")))

    def _labels(self, path: Path, facts: Facts) -> IntArray:
        with opened(path) as file:
            column = _first(file, self.columns.labels)
            names = _class_names(file.schema_arrow, column) if column else None
            spelled = None if names else _first(file, self.columns.names)
            if spelled:
                return _spelled_labels(file, spelled, facts, path)
            column = column or _column(file, self.columns.labels, path)
            return _numbered_labels(file, column, names, facts, path)

    def _texts(self, path: Path, facts: Facts) -> Iterator[str]:
        with opened(path) as file:
            column = _column(file, self.columns.inputs, path)
            title = self.columns.title
            columns = [column, title] if title in file.schema_arrow.names else [column]
            _check_text(file, columns, path)
            row = 0
            for batch in _batches(file, columns, _TEXTS):
                _refuse_null(batch.column(column), column, path, row)
                titles = batch.column(title).to_pylist() if len(columns) > 1 else None
                yield from as_texts(batch.column(column).to_pylist(), titles, facts)
                row += batch.num_rows

    def _images(self, path: Path, facts: Facts, images: NDArray[np.uint8]) -> int:
        with opened(path) as file:
            column = _column(file, self.columns.inputs, path)
            row = 0
            for batch in _batches(file, [column], _IMAGES):
                for value in batch.column(0).to_pylist():
                    data = value.get("bytes") if isinstance(value, dict) else None
                    images[row] = decode(data, facts, f"{path}: row {row}")
                    row += 1
        return row


def class_label_metadata(column: str, names: tuple[str, ...]) -> dict[str, str]:
    """Schema metadata that names the classes of a column, in the form of the hub."""
    feature = {"names": list(names), "_type": "ClassLabel"}
    return {"huggingface": json.dumps({"info": {"features": {column: feature}}})}


@contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """A Parquet file; what pyarrow raises while it is read becomes an error in words."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Checksums of the pages are verified where the writer stored them.
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{path} is not a readable Parquet file: {error}") from error


def _batches(file: pq.ParquetFile, columns: list[str], size: int) -> Iterator[pa.RecordBatch]:
    # Values of Arrow and of Python for all rows would double the memory. One group at a time,
    # because an iterator over all groups keeps what it has read of the file: 330 MB of Yelp.
    for group in range(file.num_row_groups):
        yield from file.iter_batches(batch_size=size, row_groups=[group], columns=columns)


def _n_rows(path: Path) -> int:
    with opened(path) as file:
        return int(file.metadata.num_rows)


def _first(file: pq.ParquetFile, accepted: tuple[str, ...]) -> str | None:
    return next((name for name in accepted if name in file.schema_arrow.names), None)


def _column(file: pq.ParquetFile, accepted: tuple[str, ...], path: Path) -> str:
    found = _first(file, accepted)
    if found is None:
        raise DatasetError(
            f"{path} has the columns {', '.join(file.schema_arrow.names)}, but needs "
            f"{' or '.join(accepted)}"
        )
    return found


def _class_names(schema: pa.Schema, column: str) -> tuple[str, ...] | None:
    # The hub's library writes its feature types as JSON into the schema.
    raw = (schema.metadata or {}).get(b"huggingface")
    try:
        names = json.loads(raw)["info"]["features"][column]["names"] if raw else None
    except (ValueError, KeyError, TypeError):
        return None
    return tuple(map(str, names)) if names else None


def _numbered_labels(
    file: pq.ParquetFile, column: str, names: tuple[str, ...] | None, facts: Facts, path: Path
) -> IntArray:
    import pyarrow as pa

    values = file.read(columns=[column]).column(0)
    if not pa.types.is_integer(values.type):
        raise DatasetError(
            f"{path}: column {column!r} holds {values.type}, but labels are integers"
        )
    _refuse_null(values, column, path)
    order = label_order(names, facts, path)
    return order[check_labels(values.to_numpy(), len(facts.names), path)]


def _spelled_labels(file: pq.ParquetFile, column: str, facts: Facts, path: Path) -> IntArray:
    _check_text(file, [column], path)
    values = file.read(columns=[column]).column(0).combine_chunks()
    _refuse_null(values, column, path)
    encoded = values.dictionary_encode()
    return labels_of_names(encoded.indices.to_numpy(), encoded.dictionary.to_pylist(), facts, path)


def _check_text(file: pq.ParquetFile, columns: list[str], path: Path) -> None:
    import pyarrow as pa

    for column in columns:
        kind = file.schema_arrow.field(column).type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            raise DatasetError(f"{path}: column {column!r} holds {kind}, not text")


def _refuse_null(
    values: pa.Array | pa.ChunkedArray, column: str, path: Path, start: int = 0
) -> None:
    if values.null_count:
        row = start + values.is_null().to_pylist().index(True)
        raise DatasetError(f"{path}: row {row} of column {column!r} is null; replace the file")
