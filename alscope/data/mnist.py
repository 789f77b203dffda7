"""MNIST."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from alscope.data._copies import Columns, Copy, Facts
from alscope.data._idx import IdxCopy
from alscope.data._parquet import ParquetCopy
from alscope.data._stored import StoredSpec
from alscope.data._transfer import Expected, receive_any
from alscope.registry import datasets

__all__ = ["Mnist"]


@datasets.register("mnist", title="MNIST")
@dataclass(frozen=True, kw_only=True)
class Mnist(StoredSpec):
    """Handwritten digits, 28 x 28, grey: 60,000 training and 10,000 test images of 10 classes.

    Training view: random crop after padding by 4 pixels; no flip, because digits have a direction.

    References:
        LeCun, Bottou, Bengio and Haffner 1998, doi:10.1109/5.726791.
    """

    title: ClassVar[str] = "MNIST"
    modality: ClassVar[str] = "image"
    licence: ClassVar[str] = "usually cited as CC BY-SA 3.0; the hub card says MIT"
    citation: ClassVar[str] = "LeCun, Bottou, Bengio and Haffner 1998, doi:10.1109/5.726791"
    homepage: ClassVar[str] = "http://yann.lecun.com/exdb/mnist/"
    backbone: ClassVar[str] = "small_cnn"
    facts: ClassVar[Facts] = Facts(
        names=tuple("0123456789"),
        counts={
            "train": (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
            "test": (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
        },
        shape=(1, 28, 28),
    )
    folder: ClassVar[str] = "mnist"
    places: ClassVar[tuple[str, ...]] = (
        "mnist/train-*.parquet and test-*.parquet",
        "mnist/MNIST/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz]",
        "MNIST/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz]",
    )
    download_size: ClassVar[str] = "12 MB"
    mean: ClassVar[tuple[float, ...]] = (0.13066,)
    std: ClassVar[tuple[float, ...]] = (0.30811,)
    crop_padding: ClassVar[int] = 4

    def copies(self, root: Path) -> Iterator[Copy | None]:
        """Parquet, then the folders of torchvision."""
        yield ParquetCopy.find(root / "mnist", Columns(("image", "img"), ("label",)))
        yield IdxCopy.find(root / "mnist" / "MNIST" / "raw")
        yield IdxCopy.find(root / "MNIST" / "raw")

    def fetch(self, folder: Path) -> None:
        """The four archives, from the mirrors and with the checksums that torchvision knows."""
        from torchvision.datasets import MNIST

        for name, checksum in MNIST.resources:
            receive_any(
                [f"{server}{name}" for server in MNIST.mirrors],
                folder / "MNIST" / "raw" / name,
                Expected("md5", checksum),
                dataset=self.key,
            )
