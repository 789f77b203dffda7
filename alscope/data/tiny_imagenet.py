"""TinyImageNet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from alscope.data._copies import Columns, Copy, Facts
from alscope.data._hub import HubSet, fetch_from_hub
from alscope.data._parquet import ParquetCopy
from alscope.data._stored import StoredSpec
from alscope.registry import datasets

__all__ = ["TinyImagenet"]

_WORDNET_NOUNS = (
    "01443537 01629819 01641577 01644900 01698640 01742172 01768244 01770393 01774384 "
    "01774750 01784675 01855672 01882714 01910747 01917289 01944390 01945685 01950731 "
    "01983481 01984695 02002724 02056570 02058221 02074367 02085620 02094433 02099601 "
    "02099712 02106662 02113799 02123045 02123394 02124075 02125311 02129165 02132136 "
    "02165456 02190166 02206856 02226429 02231487 02233338 02236044 02268443 02279972 "
    "02281406 02321529 02364673 02395406 02403003 02410509 02415577 02423022 02437312 "
    "02480495 02481823 02486410 02504458 02509815 02666196 02669723 02699494 02730930 "
    "02769748 02788148 02791270 02793495 02795169 02802426 02808440 02814533 02814860 "
    "02815834 02823428 02837789 02841315 02843684 02883205 02892201 02906734 02909870 "
    "02917067 02927161 02948072 02950826 02963159 02977058 02988304 02999410 03014705 "
    "03026506 03042490 03085013 03089624 03100240 03126707 03160309 03179701 03201208 "
    "03250847 03255030 03355925 03388043 03393912 03400231 03404251 03424325 03444034 "
    "03447447 03544143 03584254 03599486 03617480 03637318 03649909 03662601 03670208 "
    "03706229 03733131 03763968 03770439 03796401 03804744 03814639 03837869 03838899 "
    "03854065 03891332 03902125 03930313 03937543 03970156 03976657 03977966 03980874 "
    "03983396 03992509 04008634 04023962 04067472 04070727 04074963 04099969 04118538 "
    "04133789 04146614 04149813 04179913 04251144 04254777 04259630 04265275 04275548 "
    "04285008 04311004 04328186 04356056 04366367 04371430 04376876 04398044 04399382 "
    "04417672 04456115 04465501 04486054 04487081 04501370 04507155 04532106 04532670 "
    "04540053 04560804 04562935 04596742 04597913 06596364 07579787 07583066 07614500 "
    "07615774 07695742 07711569 07715103 07720875 07734744 07747607 07749582 07753592 "
    "07768694 07871810 07873807 07875152 07920052 09193705 09246464 09256479 09332890 "
    "09428293 12267677 "
)
_HUB = (HubSet("zh-plus/tiny-imagenet"), HubSet("Maysee/tiny-imagenet"))


@datasets.register("tiny_imagenet", title="TinyImageNet")
@dataclass(frozen=True, kw_only=True)
class TinyImagenet(StoredSpec):
    """Photographs, 64 x 64, color: 100,000 training and 10,000 test images of 200 classes.

    All classes have equally many. The test part is the official validation part: the labels of the
    official test part were never published. Classes are named by their WordNet numbers, sorted.
    About 2 % of the images are grey and get three equal channels. Training view: random crop after
    padding by 8 pixels, and horizontal flip.

    References:
        Le and Yang 2015, "Tiny ImageNet visual recognition challenge"; images of Russakovsky et al.
        2015, arXiv:1409.0575.
    """

    title: ClassVar[str] = "TinyImageNet"
    modality: ClassVar[str] = "image"
    licence: ClassVar[str] = "ImageNet terms: non-commercial research and education"
    citation: ClassVar[str] = (
        "Le and Yang 2015, Tiny ImageNet visual recognition challenge, Stanford CS 231N; images of "
        "Russakovsky et al. 2015, arXiv:1409.0575"
    )
    homepage: ClassVar[str] = "https://huggingface.co/datasets/zh-plus/tiny-imagenet"
    backbone: ClassVar[str] = "resnet18"
    facts: ClassVar[Facts] = Facts(
        names=tuple(f"n{number}" for number in _WORDNET_NOUNS.split()),
        counts={"train": (500,) * 200, "test": (50,) * 200},
        shape=(3, 64, 64),
        grey=True,
    )
    folder: ClassVar[str] = "tiny_imagenet"
    places: ClassVar[tuple[str, ...]] = ("tiny_imagenet/train-*.parquet and valid-*.parquet",)
    download_size: ClassVar[str] = "160 MB"
    mean: ClassVar[tuple[float, ...]] = (0.4793, 0.4471, 0.3971)
    std: ClassVar[tuple[float, ...]] = (0.2763, 0.2689, 0.2818)
    crop_padding: ClassVar[int] = 8
    flip: ClassVar[bool] = True

    def copies(self, root: Path) -> Iterator[Copy | None]:
        """Parquet."""
        columns = Columns(("image", "img"), ("label",))
        yield ParquetCopy.find(root / "tiny_imagenet", columns, test="valid")

    def fetch(self, folder: Path) -> None:
        """From the hub."""
        fetch_from_hub(
            _HUB,
            folder,
            check=lambda: self.check_official(folder.parent),
            parts=("valid", "train"),
        )
