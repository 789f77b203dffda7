"""Encoders small enough for tests, registered under names of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from alscope import rng
from alscope.backbones.encoders import SIDE, TOKENS, EncoderSpec, encoders
from alscope.types import Tokenizer

if TYPE_CHECKING:
    from torch import nn

__all__ = ["TinyPixels", "TinyWords"]


@encoders.register("tiny_pixels", title="Tiny pixels")
@dataclass(frozen=True, kw_only=True)
class TinyPixels(EncoderSpec):
    """A convolution with fixed random weights, six features."""

    title = "Tiny pixels"
    modalities = frozenset({"image"})
    n_features = 6

    image_size: int = SIDE

    def weights_digest(self) -> str:
        return "0" * 64

    def load(
        self,
        *,
        mean: Sequence[float] = (),
        std: Sequence[float] = (),
        cache: Path | None = None,
    ) -> nn.Module:
        from torch import nn

        from alscope.backbones._pixels import IMAGENET, PixelEncoder

        with rng.seeded(0, "tiny pixels"):
            layers = [nn.Conv2d(3, 6, 3, stride=2), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        network = nn.Sequential(*layers)
        encoder = PixelEncoder(network, side=self.image_size, own=IMAGENET, mean=mean, std=std)
        return encoder.eval().requires_grad_(False)


@encoders.register("tiny_words", title="Tiny words")
@dataclass(frozen=True, kw_only=True)
class TinyWords(EncoderSpec):
    """Random vectors of hashed words, summed; five features."""

    title = "Tiny words"
    modalities = frozenset({"text"})
    n_features = 5

    max_tokens: int = TOKENS

    def weights_digest(self) -> str:
        return "1" * 64

    def tokenizer(self) -> Tokenizer:
        from alscope.backbones._hashing import HashingTokenizer

        return HashingTokenizer(n_buckets=64, max_tokens=self.max_tokens, with_pairs=False)

    def load(
        self,
        *,
        mean: Sequence[float] = (),
        std: Sequence[float] = (),
        cache: Path | None = None,
    ) -> nn.Module:
        from alscope.backbones._text import Bag

        with rng.seeded(0, "tiny words"):
            bag = Bag(66, 5)
        return bag.eval().requires_grad_(False)
