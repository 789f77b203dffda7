"""SST-5."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from alscope.data._copies import Columns, Facts
from alscope.data._hub import HubSet, TextSpec
from alscope.registry import datasets

__all__ = ["Sst5"]


@datasets.register("sst5", title="SST-5")
@dataclass(frozen=True, kw_only=True)
class Sst5(TextSpec):
    """Sentences of film reviews, five grades: 8,544 training and 2,210 test texts, unequal classes.

    The official validation part (1,101 texts) is not used: nothing here is tuned on labels that an
    active learner has not paid for. Sentences are short; `max_tokens` of 64 reads nearly all.

    References:
        Socher et al. 2013, "Recursive deep models for semantic compositionality over a sentiment
        treebank", EMNLP.
    """

    title: ClassVar[str] = "SST-5"
    licence: ClassVar[str] = "not stated"
    citation: ClassVar[str] = (
        "Socher, Perelygin, Wu, Chuang, Manning, Ng and Potts 2013, Recursive deep models for "
        "semantic compositionality over a sentiment treebank, EMNLP"
    )
    homepage: ClassVar[str] = "https://nlp.stanford.edu/sentiment/"
    backbone: ClassVar[str] = "text_bag"
    facts: ClassVar[Facts] = Facts(
        names=("very negative", "negative", "neutral", "positive", "very positive"),
        counts={"train": (1092, 2218, 1624, 2322, 1288), "test": (279, 633, 389, 510, 399)},
        shape=(),
    )
    columns: ClassVar[Columns] = Columns(inputs=("text",), labels=("label",), names=("label_text",))
    folder: ClassVar[str] = "sst5"
    folders: ClassVar[tuple[str, ...]] = ("sst5",)
    places: ClassVar[tuple[str, ...]] = (
        "sst5/train-*.parquet and test-*.parquet",
        "sst5/train.jsonl and test.jsonl",
    )
    hub: ClassVar[tuple[HubSet, ...]] = (HubSet("SetFit/sst5"),)
    download_size: ClassVar[str] = "2 MB"
