"""SVHN."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from alscope.data._copies import Columns, Copy, Facts
from alscope.data._mat import MatCopy
from alscope.data._parquet import ParquetCopy
from alscope.data._stored import StoredSpec
from alscope.data._transfer import Expected, receive_any
from alscope.registry import datasets

__all__ = ["Svhn"]


@datasets.register("svhn", title="SVHN")
@dataclass(frozen=True, kw_only=True)
class Svhn(StoredSpec):
    """House numbers, 32 x 32, color: 73,257 training and 26,032 test images of 10 unequal classes.

    Cropped digits; the 531,131 "extra" images are not used. Training view: random crop after
    padding by 4 pixels; no flip, because digits have a direction.

    References:
        Netzer, Wang, Coates, Bissacco, Wu and Ng 2011, "Reading digits in natural images with
        unsupervised feature learning", NIPS workshop.
    """

    title: ClassVar[str] = "SVHN"
    modality: ClassVar[str] = "image"
    licence: ClassVar[str] = "non-commercial use only"
    citation: ClassVar[str] = (
        "Netzer, Wang, Coates, Bissacco, Wu and Ng 2011, Reading digits in natural images with "
        "unsupervised feature learning, NIPS workshop on deep learning and unsupervised feature "
        "learning"
    )
    homepage: ClassVar[str] = "http://ufldl.stanford.edu/housenumbers/"
    backbone: ClassVar[str] = "resnet18"
    facts: ClassVar[Facts] = Facts(
        names=tuple("0123456789"),
        counts={
            "train": (4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659),
            "test": (1744, 5099, 4149, 2882, 2523, 2384, 1977, 2019, 1660, 1595),
        },
        shape=(3, 32, 32),
    )
    folder: ClassVar[str] = "svhn"
    places: ClassVar[tuple[str, ...]] = (
        "svhn/train-*.parquet and test-*.parquet",
        "svhn/{train,test}_32x32.mat",
        "{train,test}_32x32.mat",
    )
    download_size: ClassVar[str] = "246 MB"
    mean: ClassVar[tuple[float, ...]] = (0.4377, 0.4438, 0.4728)
    std: ClassVar[tuple[float, ...]] = (0.1980, 0.2010, 0.1970)
    crop_padding: ClassVar[int] = 4

    def copies(self, root: Path) -> Iterator[Copy | None]:
        """Parquet, then the files of torchvision."""
        yield ParquetCopy.find(root / "svhn", Columns(("image", "img"), ("label",)))
        yield MatCopy.find(root / "svhn")
        yield MatCopy.find(root)

    def fetch(self, folder: Path) -> None:
        """From where torchvision knows them to be, with the checksums that it knows."""
        from torchvision.datasets import SVHN

        for part in ("train", "test"):
            # The class itself would also read all images.
            url, name, checksum = SVHN.split_list[part]
            receive_any([url], folder / name, Expected("md5", checksum), dataset=self.key)
