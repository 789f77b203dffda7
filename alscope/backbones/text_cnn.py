"""Convolutions over hashed words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alscope.backbones.protocols import BackboneSpec
from alscope.params import param
from alscope.registry import backbones
from alscope.types import SampleSpec, Tokenizer

if TYPE_CHECKING:
    from alscope.backbones.protocols import Backbone

__all__ = ["TextCnnSpec"]


@backbones.register("text_cnn", title="Text CNN")
@dataclass(frozen=True, kw_only=True)
class TextCnnSpec(BackboneSpec):
    """Filters over three, four and five neighbouring words, the largest answer of each.

    Needs no download.

    Attributes:
        n_buckets: Rows of the table of word vectors; more rows, fewer collisions between words.
        width: Width of the word vectors.
        filters: Filters of each length; the embedding is three times as wide.
        max_tokens: Most words of a text; the rest is cut off.

    References:
        Kim 2014, arXiv:1408.5882 (variant CNN-rand).

    Deviations:
        Words are hashed into buckets. A filter also sees windows that reach beyond the ends of a
        text, and has no bias, so that padding changes nothing. Weights have no norm limit.
    """

    modalities = frozenset({"text"})
    title = "Text CNN"

    n_buckets: int = param(1 << 15, low=16, high=1 << 22, help="Rows of the vector table.")
    width: int = param(128, low=1, high=4096, help="Width of the word vectors.", paper="300")
    filters: int = param(100, low=1, high=4096, help="Filters of each length.")
    max_tokens: int = param(256, low=1, high=8192, unit="tokens", help="Words per text.")

    def tokenizer(self) -> Tokenizer:
        """Hashed words in their order."""
        from alscope.backbones._hashing import HashingTokenizer

        return HashingTokenizer(
            n_buckets=self.n_buckets, max_tokens=self.max_tokens, with_pairs=False
        )

    def build(self, sample: SampleSpec, n_classes: int) -> Backbone:
        """A freshly initialized network."""
        from alscope.backbones._text import TextCnnNetwork

        return TextCnnNetwork(
            self.n_buckets + 2,  # padding and the text without words
            n_classes,
            width=self.width,
            filters=self.filters,
            dropout=self.dropout,
        )
