"""The two MATLAB files of SVHN."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alscope.data._copies import Facts, check_labels
from alscope.data._files import all_there
from alscope.errors import DatasetError
from alscope.files import Stamp, file_digest, stamps
from alscope.types import IntArray

__all__ = ["OFFICIAL_MD5", "MatCopy"]

OFFICIAL_MD5 = {
    "train_32x32.mat": "e26dedcc434d2e4c54c9b2d4a06d8373",
    "test_32x32.mat": "eb5a983be6a315427106f1b164d9cef3",
}
"""Checksums as torchvision lists them; files of these names must have them."""

_ZERO = 10


@dataclass(frozen=True)
class MatCopy:
    """`train_32x32.mat` and `test_32x32.mat` in one folder.

    Attributes:
        folder: Where they are.
    """

    folder: Path

    source = "local MATLAB files"

    @classmethod
    def find(cls, folder: Path) -> MatCopy | None:
        """The copy in a folder, if there is one.

        Raises:
            DatasetError: If one of the two files is missing.
        """
        copy = cls(folder)
        return copy if all_there(copy.files) else None

    @property
    def files(self) -> tuple[Path, ...]:
        """Training and test file."""
        return tuple(self.folder / name for name in OFFICIAL_MD5)

    def digests(self) -> dict[str, str]:
        """Digests of the files as they are."""
        return {stamp.path.name: file_digest(stamp) for stamp in stamps(self.files)}

    def targets(self, part: str, facts: Facts) -> IntArray:
        """Labels; the files give the digit 0 the number 10.

        Raises:
            DatasetError: If the file is not the official one.
        """
        path = self._part(part)
        numbers = _variable(path, "y").ravel()
        return check_labels(np.where(numbers == _ZERO, 0, numbers), len(facts.names), path)

    def inputs(self, part: str, facts: Facts) -> NDArray[Any]:
        """Images, (n, 3, 32, 32).

        Raises:
            DatasetError: If the file is not the official one.
        """
        images = _variable(self._part(part), "X")  # (height, width, channels, n)
        return np.ascontiguousarray(images.transpose(3, 2, 0, 1))

    def _part(self, part: str) -> Path:
        return self.folder / f"{part}_32x32.mat"


def _variable(path: Path, name: str) -> NDArray[Any]:
    from scipy.io import loadmat

    # Checked first: a parser of a rich format should only ever see the official bytes.
    found, official = _file_md5(stamps([path])[0]), OFFICIAL_MD5[path.name]
    if found != official:
        raise DatasetError(
            f"{path} is not the official file: its MD5 is {found}, not {official}; fetch it again"
        )
    values: NDArray[Any] = loadmat(path, variable_names=[name])[name]
    return values


@lru_cache(maxsize=32)
def _file_md5(stamp: Stamp) -> str:
    with stamp.path.open("rb") as stream:
        digest = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False))
    return digest.hexdigest()
