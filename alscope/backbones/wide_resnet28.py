"""Wide residual network for small images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alscope.backbones.protocols import BackboneSpec, size_problems
from alscope.errors import ConfigError, Problem
from alscope.params import param
from alscope.registry import backbones
from alscope.types import SampleSpec

if TYPE_CHECKING:
    from alscope.backbones.protocols import Backbone

__all__ = ["WideResNet28Spec"]


@backbones.register("wide_resnet28", title="WideResNet-28")
@dataclass(frozen=True, kw_only=True)
class WideResNet28Spec(BackboneSpec):
    """Few layers with many channels, WRN-28-10 as it comes: 36.5 million weights, 640 features.

    Made for images of 32 pixels. A training step takes about ten times that of ResNet-18.

    Attributes:
        depth: Layers, 6n + 4 with n blocks in each of three groups.
        widen: Channels relative to a ResNet of 16, 32 and 64 channels; cost grows with its square.

    References:
        Zagoruyko and Komodakis 2016, arXiv:1605.07146, table 1.

    Deviations:
        Dropout precedes the head; the paper's is inside the blocks.
    """

    modalities = frozenset({"image"})
    title = "WideResNet-28"

    depth: int = param(28, low=10, high=100, unit="layers", help="Layers, 6n + 4.")
    widen: int = param(10, low=1, high=20, help="Factor of the number of channels.")

    def problems(self, sample: SampleSpec) -> tuple[str, ...]:
        """Too small an image, or a depth that three equal groups cannot have."""
        wrong = super().problems(sample) or size_problems(self.key, sample, smallest=8)
        return wrong or self._depth_problems()

    def build(self, sample: SampleSpec, n_classes: int) -> Backbone:
        """A freshly initialized network."""
        from alscope.backbones._resnet import wide_resnet

        for problem in self._depth_problems():
            raise ConfigError([Problem("backbone.params.depth", problem)])
        return wide_resnet(
            sample.shape[0], n_classes, depth=self.depth, widen=self.widen, dropout=self.dropout
        )

    def _depth_problems(self) -> tuple[str, ...]:
        rest = (self.depth - 4) % 6
        if not rest:
            return ()
        return (
            f"{self.key} has a depth of 6n + 4 layers, not {self.depth}; set backbone.params.depth "
            f"= {self.depth - rest} or {self.depth - rest + 6}",
        )
