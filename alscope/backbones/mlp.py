"""Fully connected network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alscope.backbones.protocols import BackboneSpec
from alscope.params import param
from alscope.registry import backbones
from alscope.types import SampleSpec

if TYPE_CHECKING:
    from alscope.backbones.protocols import Backbone

__all__ = ["MlpSpec"]


@backbones.register("mlp", title="Multilayer perceptron")
@dataclass(frozen=True, kw_only=True)
class MlpSpec(BackboneSpec):
    """Linear layers with ReLU over features, or over the pixels of an image.

    Attributes:
        hidden: Width of every hidden layer, and of the embedding.
        depth: Number of hidden layers.
    """

    modalities = frozenset({"features", "image"})
    title = "Multilayer perceptron"

    hidden: int = param(128, low=1, high=8192, help="Width of the hidden layers.")
    depth: int = param(2, low=1, high=16, help="Number of hidden layers.")

    def build(self, sample: SampleSpec, n_classes: int) -> Backbone:
        """A freshly initialized network."""
        from alscope.backbones._modules import Mlp

        return Mlp(
            math.prod(sample.shape),
            n_classes,
            width=self.hidden,
            depth=self.depth,
            dropout=self.dropout,
        )
