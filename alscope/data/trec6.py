"""TREC-6."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from alscope.data._copies import Copy, Facts
from alscope.data._parquet import ParquetCopy
from alscope.data._stored import StoredSpec, fetch_from_hub
from alscope.registry import datasets

__all__ = ["Trec6"]


@datasets.register("trec6", title="TREC-6")
@dataclass(frozen=True, kw_only=True)
class Trec6(StoredSpec):
    """Questions by the kind of answer: 5,452 training and 500 test texts of 6 unequal classes.

    Copies in circulation number the classes differently; labels are mapped by class name.

    References:
        Li and Roth 2002, "Learning question classifiers", COLING.
    """

    title: ClassVar[str] = "TREC-6"
    modality: ClassVar[str] = "text"
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
    folder: ClassVar[str] = "trec6"
    places: ClassVar[tuple[str, ...]] = (
        "trec6/train-*.parquet and test-*.parquet",
        "trec/train-*.parquet and test-*.parquet",
    )
    download_size: ClassVar[str] = "under 1 MB"

    def copies(self, root: Path) -> Iterator[Copy | None]:
        """Parquet, in a folder of either name."""
        for folder in ("trec6", "trec"):
            yield ParquetCopy.find(
                root / folder,
                input_columns=("text",),
                label_columns=("coarse_label", "label_coarse", "label"),
            )

    def fetch(self, folder: Path) -> None:
        """From the hub's Parquet branch: the main one holds a script, which no longer runs."""
        fetch_from_hub("CogComp/trec", folder, revision="refs/convert/parquet")
