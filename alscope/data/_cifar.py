"""The archives of CIFAR-10 and CIFAR-100, "binary" and "python", read without unpickling anything.

The "python" archives hold pickles, and unpickling runs code. Their files are read only if they have
the official MD5, and even then `pickletools` merely lists their opcodes: the pixels are one raw
byte string and the labels a list of small integers, both visible without executing the program.
"""

from __future__ import annotations

import pickletools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.data._copies import Facts, check_labels
from alscope.data._files import all_there, md5
from alscope.errors import DatasetError
from alscope.files import file_digest, stamps
from alscope.types import IntArray

__all__ = ["CIFAR10", "CIFAR100", "OFFICIAL_MD5", "CifarBatches", "Layout"]

OFFICIAL_MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
    "train": "16019d7e3df5f24257cddd939b257f8d",
    "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
}
"""Checksums of the files of the "python" archives, as torchvision lists them."""

_PIXELS = 3072
_INTEGERS = frozenset({"BININT", "BININT1", "BININT2"})
_STRINGS = frozenset({"BINSTRING", "SHORT_BINSTRING"})


class Layout(NamedTuple):
    """Which files a set has, and where its labels are in them."""

    title: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    key: str
    """Of the label list in the pickles."""
    label_bytes: int
    """Before the pixels of a binary record; the last one is the label."""


CIFAR10 = Layout(
    title="CIFAR-10",
    train=tuple(f"data_batch_{number}" for number in range(1, 6)),
    test=("test_batch",),
    key="labels",
    label_bytes=1,
)
CIFAR100 = Layout(
    title="CIFAR-100",
    train=("train",),
    test=("test",),
    key="fine_labels",
    label_bytes=2,  # the superclass, then the class
)


class _Batch(NamedTuple):
    labels: NDArray[np.uint8]
    """(n,)."""
    pixels: NDArray[np.uint8]
    """(n, 3072): all red, then all green, then all blue."""


@dataclass(frozen=True)
class CifarBatches:
    """The training and test files of one archive in one folder.

    Attributes:
        folder: The unpacked archive.
        layout: Which of the two sets.
        binary: Records of label and pixel bytes, in files named `.bin`; else pickles.
    """

    folder: Path
    layout: Layout
    binary: bool

    @classmethod
    def find(cls, folder: Path, layout: Layout) -> CifarBatches | None:
        """The copy in a folder, if there is one; the format follows from the folder's name.

        Raises:
            DatasetError: If some of the files are missing.
        """
        copy = cls(folder, layout, folder.name.endswith(("-bin", "-binary")))
        return copy if all_there(copy.files) else None

    @property
    def source(self) -> str:
        """Which archive it was."""
        return f"local {self.layout.title} {'binary' if self.binary else 'python'} files"

    @property
    def files(self) -> tuple[Path, ...]:
        """Training files and the test file."""
        return (*self._part("train"), *self._part("test"))

    def digests(self) -> dict[str, str]:
        """Digests of the files as they are."""
        return {stamp.path.name: file_digest(stamp) for stamp in stamps(self.files)}

    def targets(self, part: str, facts: Facts) -> IntArray:
        """Labels.

        Raises:
            DatasetError: If a file is damaged or a label is out of range.
        """
        return np.concatenate(
            [
                check_labels(self._read(path).labels, len(facts.names), path)
                for path in self._part(part)
            ]
        )

    def inputs(self, part: str, facts: Facts) -> NDArray[Any]:
        """Images, (n, 3, 32, 32).

        Raises:
            DatasetError: If a file is damaged.
        """
        pixels = [self._read(path).pixels for path in self._part(part)]
        joined = np.concatenate(pixels) if len(pixels) > 1 else pixels[0]
        return joined.reshape(-1, *facts.shape)

    def _part(self, part: str) -> tuple[Path, ...]:
        suffix = ".bin" if self.binary else ""
        names = self.layout.train if part == "train" else self.layout.test
        return tuple(self.folder / f"{name}{suffix}" for name in names)

    def _read(self, path: Path) -> _Batch:
        if self.binary:
            return _binary(path, self.layout.label_bytes)
        return _pickled(path, self.layout.key)


def _binary(path: Path, label_bytes: int) -> _Batch:
    data = np.fromfile(path, dtype=np.uint8)
    record = label_bytes + _PIXELS
    if not data.size or data.size % record:
        raise DatasetError(
            f"{path} has {data.size} bytes, which is no multiple of {record} (labels and an "
            "image); fetch it again"
        )
    records = data.reshape(-1, record)
    return _Batch(records[:, label_bytes - 1], records[:, label_bytes:])


def _pickled(path: Path, labels_key: str) -> _Batch:
    data = path.read_bytes()
    found, official = md5(data), OFFICIAL_MD5[path.name]
    if found != official:
        raise DatasetError(
            f"{path} is not the official file: its MD5 is {found}, not {official}; fetch it again"
        )
    # The dictionary is a flat list of opcodes: a key, then its value up to the next key.
    labels: list[int] = []
    pixels = b""
    key = ""
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name in _STRINGS:
            text = str(argument)  # a byte string, shown as Latin-1
            if len(text) >= _PIXELS:
                pixels = text.encode("latin-1")
            else:
                key = text
        elif key == labels_key and opcode.name in _INTEGERS:
            labels.append(int(str(argument)))
    if not labels or len(pixels) != len(labels) * _PIXELS:
        raise DatasetError(
            f"{path} holds {len(labels)} labels and {len(pixels)} bytes of pixels; expected "
            f"{_PIXELS} bytes for each label"
        )
    return _Batch(
        np.array(labels, dtype=np.uint8),
        np.frombuffer(pixels, dtype=np.uint8).reshape(-1, _PIXELS),
    )
