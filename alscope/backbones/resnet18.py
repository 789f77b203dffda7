"""ResNet-18, and the base of its larger relatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from alscope.backbones.protocols import BackboneSpec, size_problems
from alscope.registry import backbones
from alscope.types import SampleSpec

if TYPE_CHECKING:
    from alscope.backbones.protocols import Backbone

__all__ = ["ResNet18Spec"]


@backbones.register("resnet18", title="ResNet-18")
@dataclass(frozen=True, kw_only=True)
class ResNet18Spec(BackboneSpec):
    """Residual network with 18 layers, 512 features.

    References:
        He et al. 2015, arXiv:1512.03385.

    Deviations:
        Up to 64 pixels the stem is a 3x3 convolution of stride 1 without pooling, as usual for
        small images; above, it is the published one. A dropout precedes the head.
    """

    modalities = frozenset({"image"})
    title = "ResNet-18"
    layers: ClassVar[int] = 18

    def problems(self, sample: SampleSpec) -> tuple[str, ...]:
        """Too small an image."""
        return super().problems(sample) or size_problems(self.key, sample, smallest=8)

    def build(self, sample: SampleSpec, n_classes: int) -> Backbone:
        """A freshly initialized network."""
        from alscope.backbones._resnet import resnet

        return resnet(self.layers, sample.shape, n_classes, dropout=self.dropout)
