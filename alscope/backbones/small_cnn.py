"""Small convolutional network."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alscope.backbones.protocols import BackboneSpec, size_problems
from alscope.params import param
from alscope.registry import backbones
from alscope.types import SampleSpec

if TYPE_CHECKING:
    from alscope.backbones.protocols import Backbone

__all__ = ["SmallCnnSpec"]


@backbones.register("small_cnn", title="Small CNN")
@dataclass(frozen=True, kw_only=True)
class SmallCnnSpec(BackboneSpec):
    """Three convolutions with batch normalization, the image halved twice, global average pooling.

    Made for images of 8 to 32 pixels; trains in seconds on one CPU thread.

    Attributes:
        width: Channels of the first stage; the next ones have twice and four times as many.
    """

    modalities = frozenset({"image"})
    title = "Small CNN"

    width: int = param(32, low=4, high=512, help="Channels of the first stage.")

    def problems(self, sample: SampleSpec) -> tuple[str, ...]:
        """Too small an image."""
        return super().problems(sample) or size_problems(self.key, sample, smallest=8)

    def build(self, sample: SampleSpec, n_classes: int) -> Backbone:
        """A freshly initialized network."""
        from alscope.backbones._modules import ImageNetwork, conv_stage

        widths = [sample.shape[0], self.width, 2 * self.width, 4 * self.width]
        stages = [
            conv_stage(before, after, halve=index > 0)
            for index, (before, after) in enumerate(itertools.pairwise(widths))
        ]
        return ImageNetwork(
            stages, n_features=widths[-1], n_classes=n_classes, dropout=self.dropout
        )
