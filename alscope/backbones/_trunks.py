"""Classification models of other packages behind the one surface."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from alscope.backbones._modules import ImageNetwork, Inputs
from alscope.backbones._pixels import fitted

__all__ = ["Tap", "Trunk", "TrunkNetwork", "four_of"]


class Tap(NamedTuple):
    """A module inside a network whose output is read.

    Attributes:
        module: The module.
        channels_last: Whether its images are (batch, height, width, channels).
    """

    module: nn.Module
    channels_last: bool = False


class Trunk(nn.Module):
    """A model without its last linear layer.

    Args:
        model: Images (batch, 3, height, width) to features (batch, n_features).
        taps: Modules inside it, from input to output; at most four are used.
        side: Side that images are resized to; 0: none.
    """

    def __init__(self, model: nn.Module, taps: Sequence[Tap], *, side: int = 0) -> None:
        super().__init__()
        self.model = model
        self.side = side
        self._taps = four_of(taps)

    def forward(self, pixels: Tensor) -> Tensor:
        """Features, (batch, n_features)."""
        features: Tensor = self.model(fitted(pixels, self.side))
        return features

    def with_inner(self, pixels: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Features, and the taps' outputs averaged over the image."""
        with self._listening() as heard:
            features = self(pixels)
        return features, tuple(heard)

    @contextmanager
    def _listening(self) -> Iterator[list[Tensor]]:
        heard: list[Tensor] = []
        handles = [tap.module.register_forward_hook(_listener(tap, heard)) for tap in self._taps]
        try:
            yield heard
        finally:
            for handle in handles:
                handle.remove()


def _listener(tap: Tap, heard: list[Tensor]) -> Callable[..., None]:
    # Averaged at once: the next layer may change the output in place.
    def listen(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
        heard.append(_averaged(output, channels_last=tap.channels_last))

    return listen


def _averaged(output: Tensor, *, channels_last: bool) -> Tensor:
    """One vector per sample, (batch, channels), from an image, a sequence or a vector."""
    if output.dim() == 4:
        return torch.mean(output, dim=(1, 2) if channels_last else (2, 3))
    return torch.mean(output, dim=1) if output.dim() == 3 else output


class TrunkNetwork(ImageNetwork):
    """A trunk as the only stage, dropout, head."""

    def __init__(self, trunk: Trunk, *, n_features: int, n_classes: int, dropout: float) -> None:
        super().__init__([trunk], n_features=n_features, n_classes=n_classes, dropout=dropout)

    def with_taps(self, inputs: Inputs) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Logits, and what lies inside the trunk; the features where nothing does."""
        features, inner = cast(Trunk, self.stages[0]).with_inner(self.read(inputs))
        return self.head(self.dropout(features)), inner or (features,)


def four_of(taps: Sequence[Tap]) -> tuple[Tap, ...]:
    """A quarter, half, three quarters and all of the way; of fewer than four each once."""
    places = sorted({math.ceil(len(taps) * quarter / 4) - 1 for quarter in (1, 2, 3, 4)})
    return tuple(taps[place] for place in places if place >= 0)
