"""Frozen encoders as modules, and the networks on their features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from alscope.backbones._checkpoint import check_sha256
from alscope.backbones._converted import pinned_weights
from alscope.backbones._efficientnet_lite import EfficientNetLite0
from alscope.backbones._modules import Inputs, Network
from alscope.backbones._pixels import IMAGENET, PixelEncoder
from alscope.backbones._text import Encoder, mean_of_tokens

__all__ = ["FeatureNetwork", "efficientnet_lite0", "text_encoder", "torchvision_encoder"]

# (x - 127) / 128 on bytes, which is what its authors trained with.
_LITE = ((127 / 255,) * 3, (128 / 255,) * 3)


class FeatureNetwork(Network):
    """Standardized features, a hidden layer if asked for, dropout, head.

    Every sample's features are brought to mean 0 and variance 1 over themselves, because encoders
    differ in scale and one learning rate has to do for all.

    Args:
        n_inputs: Features of the encoder.
        n_classes: Outputs of the head.
        hidden: Width of the hidden layer; 0: none, so the model is linear.
        dropout: Before the head.
    """

    def __init__(self, n_inputs: int, n_classes: int, *, hidden: int, dropout: float) -> None:
        standard = nn.LayerNorm(n_inputs, elementwise_affine=False)
        layers = [nn.Linear(n_inputs, hidden), nn.ReLU()] if hidden else []
        super().__init__(
            [nn.Sequential(standard, *layers)],
            n_features=hidden or n_inputs,
            n_classes=n_classes,
            dropout=dropout,
        )
        self.fixed_embedding = not hidden

    def read(self, inputs: Inputs) -> Tensor:
        """The features, (batch, n_inputs)."""
        return inputs["features"]


class _TextEncoder(nn.Module):
    """A pretrained encoder, averaged over the tokens that are not padding."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, inputs: Inputs) -> Tensor:
        """Features, (batch, n_features)."""
        return mean_of_tokens(self.encoder(inputs), inputs)


def efficientnet_lite0(
    path: Path,
    *,
    sha256: str,
    side: int,
    mean: Sequence[float],
    std: Sequence[float],
    cache: Path | None,
) -> nn.Module:
    """EfficientNet-Lite0 with weights from a file, or from what was converted from it.

    Raises:
        StoreError: If the file is not the one that was pinned.
    """
    network = EfficientNetLite0()
    network.load(pinned_weights(path, sha256=sha256, cache=cache))
    return _still(PixelEncoder(network, side=side, own=_LITE, mean=mean, std=std))


def text_encoder(folder: Path, *, sha256: str = "") -> nn.Module:
    """A text encoder from a folder.

    Raises:
        StoreError: If the weights are not those that were pinned.
    """
    from alscope.backbones._huggingface import load_encoder

    if sha256:
        check_sha256(folder / "model.safetensors", sha256)
    return _still(_TextEncoder(load_encoder(folder)))


def torchvision_encoder(
    model: str,
    path: Path,
    *,
    side: int,
    mean: Sequence[float],
    std: Sequence[float],
    cache: Path | None,
) -> nn.Module:
    """A model of torchvision with weights from a file, converted once, without its last layer.

    Raises:
        StoreError: If the file is not the one its name says.
    """
    from alscope.backbones._torchvision import load_weights, make_model

    network = make_model(model)
    load_weights(network.model, path, cache=cache)
    return _still(PixelEncoder(network, side=side, own=IMAGENET, mean=mean, std=std))


def _still(encoder: nn.Module) -> nn.Module:
    return encoder.eval().requires_grad_(False)
