"""ResNet-18 for small images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alscope.backbones.protocols import BackboneSpec, size_problems
from alscope.registry import backbones
from alscope.types import SampleSpec

if TYPE_CHECKING:
    from alscope.backbones.protocols import Backbone

__all__ = ["ResNet18Spec"]


@backbones.register("resnet18", title="ResNet-18")
@dataclass(frozen=True, kw_only=True)
class ResNet18Spec(BackboneSpec):
    """Residual network with 18 layers in its form for small images, 512 features.

    References:
        He et al. 2015, arXiv:1512.03385.

    Deviations:
        The stem is a 3x3 convolution of stride 1 without pooling, as usual at 32 pixels, and a
        dropout precedes the head.
    """

    modalities = frozenset({"image"})
    title = "ResNet-18"

    def problems(self, sample: SampleSpec) -> tuple[str, ...]:
        """Too small an image."""
        return super().problems(sample) or size_problems(self.key, sample, smallest=8)

    def build(self, sample: SampleSpec, n_classes: int) -> Backbone:
        """A freshly initialized network."""
        from alscope.backbones._resnet import resnet18

        return resnet18(sample.shape[0], n_classes, dropout=self.dropout)
