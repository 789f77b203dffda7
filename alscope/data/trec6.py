"""TREC-6."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from alscope.data._copies import Columns, Facts
from alscope.data._hub import HubSet, TextSpec
from alscope.registry import datasets

__all__ = ["Trec6"]


@datasets.register("trec6", title="TREC-6")
@dataclass(frozen=True, kw_only=True)
class Trec6(TextSpec):
    """Questions by the kind of answer: 5,452 training and 500 test texts of 6 unequal classes.

    Copies in circulation number the classes differently; labels are mapped by class name.

    References:
        Li and Roth 2002, "Learning question classifiers", COLING.
    """

    title: ClassVar[str] = "TREC-6"
    licence: ClassVar[str] = "not stated"
    citation: ClassVar[str] = "Li and Roth 2002, Learning question classifiers, COLING"
    homepage: ClassVar[str] = "https://cogcomp.seas.upenn.edu/Data/QA/QC/"
    backbone: ClassVar[str] = "text_bag"
    facts: ClassVar[Facts] = Facts(
        names=("ABBR", "ENTY", "DESC", "HUM", "LOC", "NUM"),
        counts={"train": (86, 1250, 1162, 1223, 835, 896), "test": (9, 94, 138, 65, 81, 113)},
        shape=(),
        order_varies=True,
    )
    columns: ClassVar[Columns] = Columns(
        inputs=("text",),
        labels=("coarse_label", "label_coarse", "label"),
        names=("label_coarse_original",),
    )
    folder: ClassVar[str] = "trec6"
    folders: ClassVar[tuple[str, ...]] = ("trec6", "trec")
    places: ClassVar[tuple[str, ...]] = (
        "trec6/train-*.parquet and test-*.parquet",
        "trec6/train.jsonl and test.jsonl",
        "trec/train-*.parquet and test-*.parquet",
        "trec/train.jsonl and test.jsonl",
    )
    # The main branch of the second one holds a script, which no longer runs.
    hub: ClassVar[tuple[HubSet, ...]] = (
        HubSet("SetFit/TREC-QC"),
        HubSet("CogComp/trec", revision="refs/convert/parquet"),
    )
    download_size: ClassVar[str] = "under 1 MB"
