"""CIFAR-10."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from alscope.data._cifar import CIFAR10, CifarBatches
from alscope.data._copies import Columns, Copy, Facts
from alscope.data._parquet import ParquetCopy
from alscope.data._stored import StoredSpec
from alscope.data._transfer import Expected, receive_archive
from alscope.registry import datasets

__all__ = ["Cifar10"]

_FOLDERS = ("cifar-10-batches-py", "cifar-10-batches-bin")
_BINARY_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"


@datasets.register("cifar10", title="CIFAR-10")
@dataclass(frozen=True, kw_only=True)
class Cifar10(StoredSpec):
    """Photographs, 32 x 32, color: 50,000 training and 10,000 test images of 10 classes, balanced.

    Training view: random crop after padding by 4 pixels, and horizontal flip. The statistics are
    those of the training set; the standard deviation 0.2023, 0.1994, 0.2010 found in much code is
    the mean of the images' standard deviations.

    References:
        Krizhevsky 2009, "Learning multiple layers of features from tiny images".
    """

    title: ClassVar[str] = "CIFAR-10"
    modality: ClassVar[str] = "image"
    licence: ClassVar[str] = "none stated by the authors"
    citation: ClassVar[str] = (
        "Krizhevsky 2009, Learning multiple layers of features from tiny images, technical report, "
        "University of Toronto"
    )
    homepage: ClassVar[str] = "https://www.cs.toronto.edu/~kriz/cifar.html"
    backbone: ClassVar[str] = "resnet18"
    facts: ClassVar[Facts] = Facts(
        names=(
            "airplane",
            "automobile",
            "bird",
            "cat",
            "deer",
            "dog",
            "frog",
            "horse",
            "ship",
            "truck",
        ),
        counts={"train": (5000,) * 10, "test": (1000,) * 10},
        shape=(3, 32, 32),
    )
    folder: ClassVar[str] = "cifar10"
    places: ClassVar[tuple[str, ...]] = (
        "cifar10/train-*.parquet and test-*.parquet",
        "cifar10/cifar-10-batches-py/{data_batch_1..5,test_batch}",
        "cifar-10-batches-py/{data_batch_1..5,test_batch}",
        "cifar10/cifar-10-batches-bin/{data_batch_1..5,test_batch}.bin",
        "cifar-10-batches-bin/{data_batch_1..5,test_batch}.bin",
    )
    download_size: ClassVar[str] = "162 MB"
    mean: ClassVar[tuple[float, ...]] = (0.49140, 0.48216, 0.44653)
    std: ClassVar[tuple[float, ...]] = (0.24703, 0.24349, 0.26159)
    crop_padding: ClassVar[int] = 4
    flip: ClassVar[bool] = True

    def copies(self, root: Path) -> Iterator[Copy | None]:
        """Parquet, then the unpacked archives."""
        yield ParquetCopy.find(root / "cifar10", Columns(("img", "image"), ("label",)))
        for folder in _FOLDERS:
            yield CifarBatches.find(root / "cifar10" / folder, CIFAR10)
            yield CifarBatches.find(root / folder, CIFAR10)

    def fetch(self, folder: Path) -> None:
        """The binary archive of the authors: the other one holds pickles."""
        url = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
        receive_archive(url, folder, Expected("md5", _BINARY_MD5), dataset=self.key)
