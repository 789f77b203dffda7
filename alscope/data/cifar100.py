"""CIFAR-100."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from alscope.data._cifar import CIFAR100, CifarBatches
from alscope.data._copies import Columns, Copy, Facts
from alscope.data._parquet import ParquetCopy
from alscope.data._stored import StoredSpec
from alscope.data._transfer import Expected, receive_archive
from alscope.registry import datasets

__all__ = ["Cifar100"]

_NAMES = (
    "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus "
    "butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach "
    "couch crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster "
    "house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree "
    "motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear "
    "pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket "
    "rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar "
    "sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip "
    "turtle wardrobe whale willow_tree wolf woman worm "
)
_FOLDERS = ("cifar-100-python", "cifar-100-binary")
_BINARY_MD5 = "03b5dce01913d631647c71ecec9e9cb8"


@datasets.register("cifar100", title="CIFAR-100")
@dataclass(frozen=True, kw_only=True)
class Cifar100(StoredSpec):
    """Photographs, 32 x 32, color: 50,000 training and 10,000 test images of 100 classes, balanced.

    Training view: random crop after padding by 4 pixels, and horizontal flip. The 20 superclasses
    are not used. Copies from the hub misspell the class "crab" as "cra".

    References:
        Krizhevsky 2009, "Learning multiple layers of features from tiny images".
    """

    title: ClassVar[str] = "CIFAR-100"
    modality: ClassVar[str] = "image"
    licence: ClassVar[str] = "none stated by the authors"
    citation: ClassVar[str] = (
        "Krizhevsky 2009, Learning multiple layers of features from tiny images, technical report, "
        "University of Toronto"
    )
    homepage: ClassVar[str] = "https://www.cs.toronto.edu/~kriz/cifar.html"
    backbone: ClassVar[str] = "resnet18"
    facts: ClassVar[Facts] = Facts(
        names=tuple(_NAMES.split()),
        counts={"train": (500,) * 100, "test": (100,) * 100},
        shape=(3, 32, 32),
        aliases=(("cra", "crab"),),
    )
    folder: ClassVar[str] = "cifar100"
    places: ClassVar[tuple[str, ...]] = (
        "cifar100/train-*.parquet and test-*.parquet",
        "cifar100/cifar-100-python/{train,test}",
        "cifar-100-python/{train,test}",
        "cifar100/cifar-100-binary/{train,test}.bin",
        "cifar-100-binary/{train,test}.bin",
    )
    download_size: ClassVar[str] = "161 MB"
    mean: ClassVar[tuple[float, ...]] = (0.50708, 0.48655, 0.44092)
    std: ClassVar[tuple[float, ...]] = (0.26733, 0.25644, 0.27615)
    crop_padding: ClassVar[int] = 4
    flip: ClassVar[bool] = True

    def copies(self, root: Path) -> Iterator[Copy | None]:
        """Parquet, then the unpacked archives."""
        columns = Columns(("img", "image"), ("fine_label", "label"))
        yield ParquetCopy.find(root / "cifar100", columns)
        for folder in _FOLDERS:
            yield CifarBatches.find(root / "cifar100" / folder, CIFAR100)
            yield CifarBatches.find(root / folder, CIFAR100)

    def fetch(self, folder: Path) -> None:
        """The binary archive of the authors: the other one holds pickles."""
        url = "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"
        receive_archive(url, folder, Expected("md5", _BINARY_MD5), dataset=self.key)
