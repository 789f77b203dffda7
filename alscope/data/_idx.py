"""IDX files, the format of MNIST, raw or gzipped."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alscope.data._copies import Facts, check_labels
from alscope.data._files import all_there, md5
from alscope.errors import DatasetError
from alscope.files import Stamp, stamps
from alscope.hashing import digest_bytes
from alscope.types import IntArray

__all__ = ["OFFICIAL_MD5", "IdxCopy", "read_idx"]

OFFICIAL_MD5 = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}
"""Checksums of the archives of LeCun, Cortes and Burges; files of these names must have them."""

_PREFIX = {"train": "train", "test": "t10k"}
_UNSIGNED_BYTE = 8


@dataclass(frozen=True)
class IdxCopy:
    """A folder with the four files of MNIST. Archives are preferred: they can be verified.

    Attributes:
        folder: Where they are.
    """

    folder: Path

    source = "local IDX files"

    @classmethod
    def find(cls, folder: Path) -> IdxCopy | None:
        """The copy in a folder, if there is one.

        Raises:
            DatasetError: If some of the four files are missing.
        """
        copy = cls(folder)
        return copy if all_there(copy.files) else None

    @property
    def files(self) -> tuple[Path, ...]:
        """Images and labels of both parts."""
        return tuple(self._file(part, kind) for part in _PREFIX for kind in ("images", "labels"))

    def digests(self) -> dict[str, str]:
        """Digests of the unpacked contents: an archive and what was unpacked from it are equal."""
        return {
            stamp.path.name.removesuffix(".gz"): _content_digest(stamp)
            for stamp in stamps(self.files)
        }

    def targets(self, part: str, facts: Facts) -> IntArray:
        """Labels.

        Raises:
            DatasetError: If the file is damaged or a label is out of range.
        """
        path = self._file(part, "labels")
        return check_labels(read_idx(path, n_dims=1), len(facts.names), path)

    def inputs(self, part: str, facts: Facts) -> NDArray[Any]:
        """Images, (n, 1, height, width).

        Raises:
            DatasetError: If the file is damaged or images have another size.
        """
        path = self._file(part, "images")
        images = read_idx(path, n_dims=3)
        if images.shape[1:] != facts.shape[1:]:
            raise DatasetError(
                f"{path} has images of {images.shape[1]}x{images.shape[2]} pixels, but expected "
                f"{facts.shape[1]}x{facts.shape[2]}"
            )
        return images[:, None]

    def _file(self, part: str, kind: str) -> Path:
        n_dims = 3 if kind == "images" else 1
        path = self.folder / f"{_PREFIX[part]}-{kind}-idx{n_dims}-ubyte"
        archive = path.with_name(f"{path.name}.gz")
        return archive if archive.is_file() else path


def read_idx(path: Path, *, n_dims: int) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes.

    Header: two zero bytes, the type, the number of axes, then one big-endian 32-bit size per axis.

    Args:
        path: A raw or gzipped (`.gz`) file.
        n_dims: Expected number of axes.

    Raises:
        DatasetError: If magic number or length are wrong.
    """
    data = _content(path)
    magic = bytes([0, 0, _UNSIGNED_BYTE, n_dims])
    if data[:4] != magic:
        raise DatasetError(
            f"{path} starts with {data[:4].hex()}, but an IDX file of bytes with {n_dims} axes "
            f"starts with {magic.hex()}; replace it"
        )
    start = 4 + 4 * n_dims
    shape = tuple(int.from_bytes(data[at : at + 4], "big") for at in range(4, start, 4))
    expected = start + int(np.prod(shape, dtype=np.int64))
    if len(data) != expected:
        raise DatasetError(
            f"{path} has {len(data)} bytes, but its header announces {expected}; replace it"
        )
    return np.frombuffer(data, dtype=np.uint8, offset=start).reshape(shape)


def _content(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix != ".gz":
        return data
    found, official = md5(data), OFFICIAL_MD5.get(path.name)
    if found != official:
        raise DatasetError(
            f"{path} is damaged: its MD5 is {found}, the official one is {official}; delete it and "
            "fetch it again"
        )
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path} is not a readable gzip archive: {error}") from error


@lru_cache(maxsize=32)
def _content_digest(stamp: Stamp) -> str:
    return digest_bytes(_content(stamp.path))
