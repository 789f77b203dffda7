"""Tiny copies of every format, about twenty samples each, made in a temporary folder."""

from __future__ import annotations

import gzip
import hashlib
import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from scipy.io import savemat

from alscope.data import _cifar, _idx, _mat
from alscope.data.cifar10 import Cifar10
from alscope.data.protocols import DataRoot

CIFAR_NAMES = Cifar10.facts.names


@pytest.fixture
def root(tmp_path: Path) -> DataRoot:
    return DataRoot(tmp_path / "data", tmp_path / "cache", allow_download=False)


def encoded(pixels: np.ndarray, format: str = "PNG") -> bytes:
    """An image (height, width) or (height, width, 3) as the bytes of a file."""
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, format=format)
    return stream.getvalue()


@dataclass(frozen=True)
class Fixtures:
    """Writers of tiny copies under one data folder."""

    path: Path
    patch: pytest.MonkeyPatch

    def parquet(
        self,
        folder: str,
        part: str,
        columns: dict[str, Any],
        *,
        names: Sequence[str] | None = None,
        label: str = "label",
        shard: str = "00000-of-00001",
    ) -> Path:
        """One Parquet file; `names` go into the schema as the hub writes them."""
        path = self.path / folder / f"{part}-{shard}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.table(columns)
        if names is not None:
            feature = {"names": list(names), "_type": "ClassLabel"}
            info = {"info": {"features": {label: feature}}}
            table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
        pq.write_table(table, path)
        return path

    def images(
        self,
        folder: str = "cifar10",
        *,
        column: str = "img",
        label: str = "label",
        shape: tuple[int, ...] = (32, 32, 3),
        names: Sequence[str] = CIFAR_NAMES,
        test: str = "test",
    ) -> np.ndarray:
        """Twenty training and ten test images; returns the training pixels."""
        rng = np.random.default_rng(0)
        pixels = rng.integers(0, 256, (20, *shape), dtype=np.uint8)
        for part, count in (("train", 20), (test, 10)):
            structs = [{"bytes": encoded(image), "path": None} for image in pixels[:count]]
            columns = {column: structs, label: [i % 10 for i in range(count)]}
            self.parquet(folder, part, columns, names=names, label=label)
        return pixels

    def texts(
        self,
        folder: str = "ag_news",
        *,
        names: Sequence[str] | None = ("World", "Sports", "Business", "Sci/Tech"),
        label: str = "label",
        n_classes: int = 4,
        column: str = "text",
        **more: str,
    ) -> None:
        """Twenty training and eight test texts that say their label in the file.

        `more` are columns that have the same text in every row.
        """
        for part, count in (("train", 20), ("test", 8)):
            labels = [i % n_classes for i in range(count)]
            columns = {column: [f"text of class {label}" for label in labels], label: labels}
            columns |= {name: [text] * count for name, text in more.items()}
            self.parquet(folder, part, columns, names=names, label=label)

    def jsonl(self, folder: str, train: Sequence[Any], test: Sequence[Any] | None = None) -> None:
        """Both parts as JSON lines; the test part is the training part if it is not given."""
        (self.path / folder).mkdir(parents=True, exist_ok=True)
        for part, rows in (("train", train), ("test", train if test is None else test)):
            lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
            (self.path / folder / f"{part}.jsonl").write_text("\n".join(lines), encoding="utf-8")

    def mat(self, folder: str = "svhn", *, labels: Sequence[int] = (10, 1, 2, 9, 5)) -> np.ndarray:
        """The two files of SVHN with official checksums; returns (n, height, width, 3)."""
        target = self.path / folder
        target.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(0)
        pixels = rng.integers(0, 256, (len(labels), 32, 32, 3), dtype=np.uint8)
        numbers = np.array(labels, dtype=np.uint8)[:, None]
        content = {"X": pixels.transpose(1, 2, 3, 0), "y": numbers}
        for name in _mat.OFFICIAL_MD5:
            savemat(target / name, content, do_compression=True)
            self._trust(_mat.OFFICIAL_MD5, target / name)
        return pixels

    def idx(
        self, folder: str = "mnist/MNIST/raw", *, packed: bool = False, size: int = 28
    ) -> np.ndarray:
        """Four IDX files; packed ones get the checksum that the reader expects."""
        raw = self.path / folder
        raw.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(0).integers(0, 256, (20, size, size), dtype=np.uint8)
        for prefix, count in (("train", 20), ("t10k", 10)):
            labels = (np.arange(count) % 10).astype(np.uint8)
            self._idx_file(raw / f"{prefix}-images-idx3-ubyte", pixels[:count], packed)
            self._idx_file(raw / f"{prefix}-labels-idx1-ubyte", labels, packed)
        return pixels

    def _idx_file(self, path: Path, array: np.ndarray, packed: bool) -> None:
        header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
        data = header + array.tobytes()
        if not packed:
            path.write_bytes(data)
            return
        packed_data = gzip.compress(data, mtime=0)
        archive = path.with_name(f"{path.name}.gz")
        archive.write_bytes(packed_data)
        checksum = hashlib.md5(packed_data, usedforsecurity=False).hexdigest()
        self.patch.setitem(_idx.OFFICIAL_MD5, archive.name, checksum)

    def cifar(
        self,
        folder: str = "cifar10/cifar-10-batches-bin",
        layout: _cifar.Layout = _cifar.CIFAR10,
    ) -> np.ndarray:
        """Files of four samples in the format that the folder's name promises."""
        target = self.path / folder
        target.mkdir(parents=True, exist_ok=True)
        files = (*layout.train, *layout.test)
        shape = (4 * len(files), 3072)
        pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        for number, name in enumerate(files):
            rows = slice(4 * number, 4 * number + 4)
            labels = [(4 * number + i) % 10 for i in range(4)]
            if folder.endswith(("-bin", "-binary")):
                # What comes before the label is the superclass.
                superclass = np.full((4, layout.label_bytes - 1), 99, dtype=np.uint8)
                numbers = np.array(labels, dtype=np.uint8)
                records = np.column_stack([superclass, numbers, pixels[rows]])
                (target / f"{name}.bin").write_bytes(records.tobytes())
            else:
                data = pickled_batch(labels, pixels[rows].tobytes(), key=layout.key)
                self.official(target / name, data)
        return pixels

    def official(self, path: Path, data: bytes) -> None:
        """Write a file and make its checksum the official one."""
        path.write_bytes(data)
        self._trust(_cifar.OFFICIAL_MD5, path)

    def _trust(self, official: dict[str, str], path: Path) -> None:
        checksum = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        self.patch.setitem(official, path.name, checksum)


def pickled_batch(labels: Sequence[int], pixels: bytes, *, key: str = "labels") -> bytes:
    """A batch as Python 2 pickled it, opcode by opcode (protocol 2).

    The array is rebuilt by a call, which must never happen here: it names a module that would leave
    a trace if it were imported.
    """

    def short(text: bytes) -> bytes:
        return b"U" + bytes([len(text)]) + text

    n = len(labels)
    shape = b"K" + bytes([n]) + b"M" + struct.pack("<H", 3072) + b"\x86"
    array = (
        b"calscope_test_canary\n_reconstruct\nq\x02"
        + (b"K\x00\x85" + short(b"b") + b"\x87Rq\x05")
        + (b"(K\x01" + shape + short(b"u1") + b"\x89")
        + (b"T" + struct.pack("<I", len(pixels)) + pixels + b"tb")
    )
    half = n // 2
    chunks = b"".join(
        b"(" + b"".join(b"K" + bytes([label]) for label in part) + b"e"
        for part in (labels[:half], labels[half:])
    )
    names = b"](" + b"".join(short(b"image_%d.png" % i) for i in range(n)) + b"e"
    items = (
        (short(b"batch_label") + short(b"training batch 1 of 5"))
        + (short(b"coarse_labels") + b"](K\x07K\x07e" if key == "fine_labels" else b"")
        + (short(key.encode()) + b"]q\x03" + chunks)
        + (short(b"data") + array)
        + (short(b"filenames") + names)
    )
    return b"\x80\x02}q\x01(" + items + b"u."


@pytest.fixture
def make(root: DataRoot, monkeypatch: pytest.MonkeyPatch) -> Fixtures:
    return Fixtures(root.path, monkeypatch)


@pytest.fixture
def encode() -> Callable[..., bytes]:
    return encoded
