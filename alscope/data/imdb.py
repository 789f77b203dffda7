"""IMDB."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from alscope.data._copies import Facts
from alscope.data._hub import HubSet, TextSpec
from alscope.registry import datasets

__all__ = ["Imdb"]

_BREAKS = re.compile(r"<br\s*/?>(?:\s*<br\s*/?>)*\s*", re.IGNORECASE)


def _clean(text: str) -> str:
    return _BREAKS.sub(" ", text).strip() if "<" in text else text


@datasets.register("imdb", title="IMDB")
@dataclass(frozen=True, kw_only=True)
class Imdb(TextSpec):
    """Film reviews, negative or positive: 25,000 training and 25,000 test texts, balanced.

    Half of the reviews have more than 230 words: read them with `max_tokens` of 256 or more. Line
    breaks of the web page (`<br />`) become spaces. The 50,000 reviews without labels are not used.
    The files are sorted by class, which does not matter here: scenarios draw their samples.

    References:
        Maas, Daly, Pham, Huang, Ng and Potts 2011, "Learning word vectors for sentiment analysis",
        ACL.
    """

    title: ClassVar[str] = "IMDB"
    licence: ClassVar[str] = "not stated; research use"
    citation: ClassVar[str] = (
        "Maas, Daly, Pham, Huang, Ng and Potts 2011, Learning word vectors for sentiment analysis, "
        "ACL"
    )
    homepage: ClassVar[str] = "https://ai.stanford.edu/~amaas/data/sentiment/"
    backbone: ClassVar[str] = "text_bag"
    facts: ClassVar[Facts] = Facts(
        names=("neg", "pos"),
        counts={"train": (12500,) * 2, "test": (12500,) * 2},
        shape=(),
        clean=_clean,
    )
    folder: ClassVar[str] = "imdb"
    folders: ClassVar[tuple[str, ...]] = ("imdb",)
    places: ClassVar[tuple[str, ...]] = (
        "imdb/train-*.parquet and test-*.parquet",
        "imdb/train.jsonl and test.jsonl",
    )
    hub: ClassVar[tuple[HubSet, ...]] = (HubSet("stanfordnlp/imdb"),)
    download_size: ClassVar[str] = "84 MB"
