"""DBpedia-14."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from alscope.data._copies import Columns, Facts
from alscope.data._hub import HubSet, TextSpec
from alscope.registry import datasets

__all__ = ["Dbpedia14"]


@datasets.register("dbpedia14", title="DBpedia-14")
@dataclass(frozen=True, kw_only=True)
class Dbpedia14(TextSpec):
    """First sentences of encyclopedia articles by kind: 560,000 training and 70,000 test texts.

    Fourteen classes, balanced. A text is title and content; a title may be empty. The files are
    sorted by class, which does not matter here: scenarios draw their samples. Use `pool_limit` or
    `pool_per_class`: scoring 560,000 texts every round takes long.

    References:
        Zhang, Zhao and LeCun 2015, arXiv:1509.01626; from DBpedia, Lehmann et al. 2015,
        doi:10.3233/SW-140134.
    """

    title: ClassVar[str] = "DBpedia-14"
    licence: ClassVar[str] = "CC BY-SA 3.0 and GNU FDL"
    citation: ClassVar[str] = (
        "Zhang, Zhao and LeCun 2015, arXiv:1509.01626; Lehmann et al. 2015, doi:10.3233/SW-140134"
    )
    homepage: ClassVar[str] = "https://huggingface.co/datasets/fancyzhx/dbpedia_14"
    backbone: ClassVar[str] = "text_bag"
    facts: ClassVar[Facts] = Facts(
        names=(
            "Company",
            "EducationalInstitution",
            "Artist",
            "Athlete",
            "OfficeHolder",
            "MeanOfTransportation",
            "Building",
            "NaturalPlace",
            "Village",
            "Animal",
            "Plant",
            "Album",
            "Film",
            "WrittenWork",
        ),
        counts={"train": (40000,) * 14, "test": (5000,) * 14},
        shape=(),
    )
    columns: ClassVar[Columns] = Columns(inputs=("content",), labels=("label",), title="title")
    folder: ClassVar[str] = "dbpedia14"
    folders: ClassVar[tuple[str, ...]] = ("dbpedia14",)
    places: ClassVar[tuple[str, ...]] = (
        "dbpedia14/train-*.parquet and test-*.parquet",
        "dbpedia14/train.jsonl and test.jsonl",
    )
    hub: ClassVar[tuple[HubSet, ...]] = (HubSet("fancyzhx/dbpedia_14"),)
    download_size: ClassVar[str] = "195 MB"
