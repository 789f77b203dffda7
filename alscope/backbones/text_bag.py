"""Bag of hashed words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alscope.backbones.protocols import BackboneSpec
from alscope.params import param
from alscope.registry import backbones
from alscope.types import SampleSpec, Tokenizer

if TYPE_CHECKING:
    from alscope.backbones.protocols import Backbone

__all__ = ["TextBagSpec"]


@backbones.register("text_bag", title="Bag of words")
@dataclass(frozen=True, kw_only=True)
class TextBagSpec(BackboneSpec):
    """Summed vectors of a text's words and word pairs, one hidden layer; no download.

    Attributes:
        n_buckets: Rows of the vector table; more rows, fewer collisions between words.
        width: Width of the vectors.
        hidden: Width of the hidden layer, and of the embedding.
        max_tokens: Most words and pairs of a text, together; the rest is cut off.

    References:
        Joulin et al. 2016, arXiv:1607.01759.

    Deviations:
        The sum is divided by the root of the number of tokens instead of the number, and a hidden
        layer with ReLU stands between it and the head.
    """

    modalities = frozenset({"text"})
    title = "Bag of words"
    order_blind = True

    n_buckets: int = param(1 << 15, low=16, high=1 << 22, help="Rows of the vector table.")
    width: int = param(64, low=1, high=4096, help="Width of the word vectors.")
    hidden: int = param(128, low=1, high=8192, help="Width of the hidden layer.")
    max_tokens: int = param(256, low=1, high=8192, unit="tokens", help="Words and pairs per text.")

    def tokenizer(self) -> Tokenizer:
        """Hashed words and pairs."""
        from alscope.backbones._hashing import HashingTokenizer

        return HashingTokenizer(n_buckets=self.n_buckets, max_tokens=self.max_tokens)

    def build(self, sample: SampleSpec, n_classes: int) -> Backbone:
        """A freshly initialized network."""
        from alscope.backbones._text import TextBagNetwork

        return TextBagNetwork(
            self.n_buckets + 2,  # padding and the text without words
            n_classes,
            width=self.width,
            hidden=self.hidden,
            dropout=self.dropout,
        )
