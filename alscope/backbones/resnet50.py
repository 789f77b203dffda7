"""ResNet-50."""

from __future__ import annotations

from dataclasses import dataclass

from alscope.backbones.resnet18 import ResNet18Spec
from alscope.registry import backbones

__all__ = ["ResNet50Spec"]


@backbones.register("resnet50", title="ResNet-50")
@dataclass(frozen=True, kw_only=True)
class ResNet50Spec(ResNet18Spec):
    """Residual network with 50 layers, 2,048 features.

    References:
        He et al. 2015, arXiv:1512.03385.

    Deviations:
        As in ResNet-18, and the stride of a block is in its 3x3 convolution.
    """

    title = "ResNet-50"
    layers = 50
