"""Networks that read pixels in a form of their own: other statistics, size, number of channels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from alscope.backbones._modules import Inputs

__all__ = ["IMAGENET", "PixelEncoder", "fitted"]

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of ImageNet's channels."""

# Images a CPU works on at once; what lies between two layers then stays in its cache. With channels
# stored last, EfficientNet-Lite0 encodes 276 images of 128 pixels per second and thread, instead of
# 106 for all 64 of a batch at once, and 45 with channels stored first.
_AT_ONCE = 16


def fitted(pixels: Tensor, side: int) -> Tensor:
    """Images in three channels, (batch, 3, side, side); their own size if `side` is 0."""
    if pixels.shape[1] == 1:
        pixels = pixels.expand(-1, 3, -1, -1)
    if side in (0, pixels.shape[2]) and side in (0, pixels.shape[3]):
        return pixels
    # Bicubic, smoothed before it shrinks, as image libraries do.
    return functional.interpolate(
        pixels, size=(side, side), mode="bicubic", align_corners=False, antialias=True
    )


class PixelEncoder(nn.Module):
    """A frozen network behind its own preparation of images.

    Args:
        network: Standardized images (batch, 3, side, side) to features (batch, n_features).
        side: Side that images are resized to.
        own: Mean and standard deviation per channel that the network was trained with.
        mean: What was subtracted from the images' channels; empty: nothing.
        std: What they were then divided by; empty: nothing.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        side: int,
        own: tuple[Sequence[float], Sequence[float]],
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self.side = side
        for name, values in (
            ("mean", mean or (0.0,)),
            ("std", std or (1.0,)),
            ("own_mean", own[0]),
            ("own_std", own[1]),
        ):
            self.register_buffer(name, torch.tensor(values).view(-1, 1, 1), persistent=False)

    def forward(self, inputs: Inputs) -> Tensor:
        """Features, (batch, n_features)."""
        pixels = inputs["pixel_values"]
        at_once = _AT_ONCE if pixels.device.type == "cpu" else len(pixels)
        return torch.cat([self._encoded(part) for part in torch.split(pixels, max(at_once, 1))])

    def _encoded(self, pixels: Tensor) -> Tensor:
        scaled = pixels * self.get_buffer("std") + self.get_buffer("mean")
        # Bicubic interpolation overshoots at edges; pixels end at 0 and 1.
        pixels = fitted(scaled, self.side).clamp(0, 1)
        features: Tensor = self.network(
            (pixels - self.get_buffer("own_mean")) / self.get_buffer("own_std")
        )
        return features
