"""Parquet folders as the Hugging Face hub delivers them, read with pyarrow alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alscope.data._copies import Facts, check_labels
from alscope.data._files import check_shards, file_digest, stamps
from alscope.errors import DatasetError
from alscope.types import IntArray

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["ParquetCopy"]

_MODES = {1: "L", 3: "RGB"}


@dataclass(frozen=True)
class ParquetCopy:
    """`train-*.parquet` and `test-*.parquet` in one folder.

    Attributes:
        folder: Where they are.
        input_columns: Accepted names of the column with texts or images.
        label_columns: Accepted names of the label column, the preferred one first.
    """

    folder: Path
    input_columns: tuple[str, ...]
    label_columns: tuple[str, ...]

    source = "local Parquet"

    @classmethod
    def find(
        cls, folder: Path, *, input_columns: tuple[str, ...], label_columns: tuple[str, ...]
    ) -> ParquetCopy | None:
        """The copy in a folder, if there is one.

        Raises:
            DatasetError: If one of the parts or a shard is missing.
        """
        copy = cls(folder, input_columns, label_columns)
        parts = {part: copy._part(part) for part in ("train", "test")}
        for files in parts.values():
            check_shards(files)
        missing = [part for part, files in parts.items() if not files]
        if len(missing) == 1:
            raise DatasetError(
                f"{folder} has no {missing[0]}-*.parquet; put both parts there: train-*.parquet "
                "and test-*.parquet"
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
            return [text for path in paths for text in self._texts(path)]
        return np.concatenate([self._images(path, facts.shape) for path in paths])

    def _part(self, part: str) -> tuple[Path, ...]:
        return tuple(sorted(self.folder.glob(f"{part}-*.parquet")))

    def _labels(self, path: Path, facts: Facts) -> IntArray:
        import pyarrow as pa

        with _opened(path) as file:
            column = _column(file, self.label_columns, path)
            values = file.read(columns=[column]).column(0)
            names = _class_names(file.schema_arrow, column)
        if not pa.types.is_integer(values.type):
            raise DatasetError(
                f"{path}: column {column!r} holds {values.type}, but labels are integers"
            )
        _refuse_null(values, column, path)
        order = _label_order(names, facts, path)
        return order[check_labels(values.to_numpy(), len(facts.names), path)]

    def _texts(self, path: Path) -> list[str]:
        import pyarrow as pa

        with _opened(path) as file:
            column = _column(file, self.input_columns, path)
            values = file.read(columns=[column]).column(0)
        if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
            raise DatasetError(f"{path}: column {column!r} holds {values.type}, not text")
        _refuse_null(values, column, path)
        texts: list[str] = values.to_pylist()
        return texts

    def _images(self, path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        with _opened(path) as file:
            column = _column(file, self.input_columns, path)
            images = np.empty((file.metadata.num_rows, *shape), dtype=np.uint8)
            for row, data in enumerate(_encoded(file, column, path)):
                images[row] = _decode(data, shape, f"{path}: row {row}")
        return images


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Checksums of the pages are verified where the writer stored them.
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{path} is not a readable Parquet file: {error}") from error


def _column(file: pq.ParquetFile, accepted: tuple[str, ...], path: Path) -> str:
    present = file.schema_arrow.names
    for name in accepted:
        if name in present:
            return name
    raise DatasetError(
        f"{path} has the columns {', '.join(present)}, but needs {' or '.join(accepted)}"
    )


def _class_names(schema: pa.Schema, column: str) -> tuple[str, ...] | None:
    # The hub's library writes its feature types as JSON into the schema.
    raw = (schema.metadata or {}).get(b"huggingface")
    try:
        names = json.loads(raw)["info"]["features"][column]["names"] if raw else None
    except (ValueError, KeyError, TypeError):
        return None
    return tuple(map(str, names)) if names else None


def _label_order(names: tuple[str, ...] | None, facts: Facts, path: Path) -> IntArray:
    # Our label of each label in the file.
    known = facts.names
    if names is None and facts.order_varies:
        raise DatasetError(
            f"{path} holds no class names, and copies of this set number the classes differently; "
            "use a copy saved with class names (Hugging Face ClassLabel)"
        )
    if names is None:
        return np.arange(len(known))
    if sorted(names) != sorted(known):
        raise DatasetError(
            f"{path} has the classes {', '.join(names)}, but expected {', '.join(known)}"
        )
    return np.array([known.index(name) for name in names], dtype=np.int64)


def _refuse_null(values: pa.ChunkedArray, column: str, path: Path) -> None:
    if values.null_count:
        row = int(np.flatnonzero(values.is_null().to_numpy())[0])
        raise DatasetError(f"{path}: row {row} of column {column!r} is null; replace the file")


def _encoded(file: pq.ParquetFile, column: str, path: Path) -> Iterator[Any]:
    # Batch by batch: the encoded images of a large part need not be in memory at once.
    for batch in file.iter_batches(batch_size=1024, columns=[column]):
        for value in batch.column(0).to_pylist():
            yield value.get("bytes") if isinstance(value, dict) else None


def _decode(data: bytes | None, shape: tuple[int, ...], where: str) -> NDArray[np.uint8]:
    from PIL import Image

    if not isinstance(data, bytes):
        raise DatasetError(f"{where} holds no encoded image; embed the bytes in the file")
    try:
        # Few formats, so that no rarely used decoder ever sees the bytes.
        with Image.open(BytesIO(data), formats=("PNG", "JPEG")) as image:
            found = (image.mode, image.height, image.width)
            if found != (_MODES[shape[0]], *shape[1:]):
                raise DatasetError(
                    f"{where} is {found[1]}x{found[2]} {found[0]}, but expected "
                    f"{shape[1]}x{shape[2]} {_MODES[shape[0]]}"
                )
            pixels = np.asarray(image, dtype=np.uint8)
    except (OSError, SyntaxError, ValueError) as error:
        raise DatasetError(f"{where} is not a readable PNG or JPEG image: {error}") from error
    return pixels.reshape(shape[1], shape[2], shape[0]).transpose(2, 0, 1)
