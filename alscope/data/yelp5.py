"""Yelp-5."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from alscope.data._copies import Facts
from alscope.data._hub import HubSet, TextSpec
from alscope.registry import datasets

__all__ = ["Yelp5"]

# Both begin with a literal, which makes the search fast: this runs over half a gigabyte.
_LINES = re.compile(r"\\n(?:\\n)*")
_QUOTES = re.compile(r'\\""?')


def _clean(text: str) -> str:
    if "\\" not in text:
        return text
    return _QUOTES.sub('"', _LINES.sub(" ", text)).strip()


@datasets.register("yelp5", title="Yelp-5")
@dataclass(frozen=True, kw_only=True)
class Yelp5(TextSpec):
    """Reviews of businesses, 1 to 5 stars: 650,000 training and 50,000 test texts, balanced.

    More than a third of the reviews have more than 128 tokens: read them with `max_tokens` of 256.
    Line breaks, which the files hold as a backslash and an n, become spaces, and escaped quotes
    become quotes. Use `pool_limit` or `pool_per_class`: scoring 650,000 texts every round takes
    long.

    References:
        Zhang, Zhao and LeCun 2015, arXiv:1509.01626.
    """

    title: ClassVar[str] = "Yelp-5"
    licence: ClassVar[str] = "Yelp dataset terms: academic use, no redistribution"
    citation: ClassVar[str] = "Zhang, Zhao and LeCun 2015, arXiv:1509.01626"
    homepage: ClassVar[str] = "https://huggingface.co/datasets/Yelp/yelp_review_full"
    backbone: ClassVar[str] = "text_bag"
    facts: ClassVar[Facts] = Facts(
        names=("1 star", "2 stars", "3 stars", "4 stars", "5 stars"),
        counts={"train": (130000,) * 5, "test": (10000,) * 5},
        aliases=(("2 star", "2 stars"),),
        shape=(),
        clean=_clean,
    )
    folder: ClassVar[str] = "yelp5"
    folders: ClassVar[tuple[str, ...]] = ("yelp5",)
    places: ClassVar[tuple[str, ...]] = (
        "yelp5/train-*.parquet and test-*.parquet",
        "yelp5/train.jsonl and test.jsonl",
    )
    hub: ClassVar[tuple[HubSet, ...]] = (HubSet("Yelp/yelp_review_full"),)
    download_size: ClassVar[str] = "323 MB"
