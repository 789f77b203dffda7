"""ResNet-34."""

from __future__ import annotations

from dataclasses import dataclass

from alscope.backbones.resnet18 import ResNet18Spec
from alscope.registry import backbones

__all__ = ["ResNet34Spec"]


@backbones.register("resnet34", title="ResNet-34")
@dataclass(frozen=True, kw_only=True)
class ResNet34Spec(ResNet18Spec):
    """Residual network with 34 layers, 512 features.

    References:
        He et al. 2015, arXiv:1512.03385.

    Deviations:
        As in ResNet-18.
    """

    title = "ResNet-34"
    layers = 34
