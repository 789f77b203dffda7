"""AG News."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from alscope.data._copies import Facts
from alscope.data._hub import HubSet, TextSpec
from alscope.registry import datasets

__all__ = ["AgNews"]


@datasets.register("ag_news", title="AG News")
@dataclass(frozen=True, kw_only=True)
class AgNews(TextSpec):
    """Titles and first sentences of news: 120,000 training and 7,600 test texts of 4 classes.

    References:
        Zhang, Zhao and LeCun 2015, arXiv:1509.01626; from the corpus of A. Gulli.
    """

    title: ClassVar[str] = "AG News"
    licence: ClassVar[str] = "non-commercial research use (AG corpus)"
    citation: ClassVar[str] = "Zhang, Zhao and LeCun 2015, arXiv:1509.01626"
    homepage: ClassVar[str] = "https://huggingface.co/datasets/fancyzhx/ag_news"
    backbone: ClassVar[str] = "text_bag"
    facts: ClassVar[Facts] = Facts(
        names=("World", "Sports", "Business", "Sci/Tech"),
        counts={"train": (30000,) * 4, "test": (1900,) * 4},
        shape=(),
    )
    folder: ClassVar[str] = "ag_news"
    folders: ClassVar[tuple[str, ...]] = ("ag_news",)
    places: ClassVar[tuple[str, ...]] = (
        "ag_news/train-*.parquet and test-*.parquet",
        "ag_news/train.jsonl and test.jsonl",
    )
    hub: ClassVar[tuple[HubSet, ...]] = (HubSet("fancyzhx/ag_news"),)
    download_size: ClassVar[str] = "20 MB"
