"""Residual networks."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from alscope.backbones._modules import ImageNetwork

__all__ = ["Block", "Bottleneck", "resnet", "wide_resnet"]

_WIDTHS = (64, 128, 256, 512)
_LARGEST_SMALL = 64
_GROUPS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}


class Block(nn.Module):
    """Two 3x3 convolutions around a shortcut.

    References:
        He et al. 2015, arXiv:1512.03385, figure 2 and section 3.3 (option B: projection).
    """

    expansion = 1

    def __init__(self, n_in: int, n_out: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(n_out)
        self.shortcut = _shortcut(n_in, n_out, stride)

    def forward(self, x: Tensor) -> Tensor:
        """The sum of both paths, rectified."""
        inner = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(self.norm2(self.conv2(inner)) + self.shortcut(x))


class Bottleneck(nn.Module):
    """A 3x3 convolution between two of 1x1, four times as many channels outside as inside.

    The stride is in the 3x3 convolution, as in later implementations; the paper has it in the first
    1x1 convolution, which drops three quarters of its input.

    References:
        He et al. 2015, arXiv:1512.03385, figure 5.
    """

    expansion = 4

    def __init__(self, n_in: int, n_out: int, *, stride: int) -> None:
        super().__init__()
        inner = n_out // self.expansion
        self.conv1 = nn.Conv2d(n_in, inner, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride=stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, n_out, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(n_out)
        self.shortcut = _shortcut(n_in, n_out, stride)

    def forward(self, x: Tensor) -> Tensor:
        """The sum of both paths, rectified."""
        inner = functional.relu(self.norm1(self.conv1(x)))
        inner = functional.relu(self.norm2(self.conv2(inner)))
        return functional.relu(self.norm3(self.conv3(inner)) + self.shortcut(x))


class _WideBlock(nn.Module):
    """Two 3x3 convolutions, each after its normalization and ReLU, around a shortcut."""

    def __init__(self, n_in: int, n_out: int, *, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(n_in)
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.project = (
            nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False) if n_in != n_out else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """The sum of both paths; a projection reads what is normalized already."""
        active = functional.relu(self.norm1(x))
        inner: Tensor = self.conv2(functional.relu(self.norm2(self.conv1(active))))
        return inner + (x if self.project is None else self.project(active))


def resnet(depth: int, shape: Sequence[int], n_classes: int, *, dropout: float) -> ImageNetwork:
    """ResNet-18, -34 or -50 for images of a shape (channels, height, width).

    Up to 64 pixels the stem is a 3x3 convolution of stride 1; above, it is the published one, a 7x7
    convolution of stride 2 and a max-pooling, after which the image has a quarter of its sides.
    """
    channels, *sides = shape
    kind = Bottleneck if depth >= 50 else Block
    stem = _small_stem(channels) if max(sides) <= _LARGEST_SMALL else _large_stem(channels)
    stages = []
    n_in = _WIDTHS[0]
    for index, (n_blocks, width) in enumerate(zip(_GROUPS[depth], _WIDTHS, strict=True)):
        n_out = width * kind.expansion
        blocks: list[nn.Module] = [kind(n_in, n_out, stride=2 if index else 1)]
        blocks += [kind(n_out, n_out, stride=1) for _ in range(n_blocks - 1)]
        stages.append(nn.Sequential(*(stem if index == 0 else []), *blocks))
        n_in = n_out
    return _initialized(ImageNetwork(stages, n_features=n_in, n_classes=n_classes, dropout=dropout))


def wide_resnet(
    n_channels: int, n_classes: int, *, depth: int, widen: int, dropout: float
) -> ImageNetwork:
    """Wide residual network of three groups; `depth` is 6n + 4."""
    n_blocks = (depth - 4) // 6
    widths = [16, 16 * widen, 32 * widen, 64 * widen]
    stages = []
    for index, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        first: list[nn.Module] = [] if index else [_conv3(n_channels, n_in)]
        blocks = [_WideBlock(n_in, n_out, stride=2 if index else 1)]
        blocks += [_WideBlock(n_out, n_out, stride=1) for _ in range(n_blocks - 1)]
        last = [nn.BatchNorm2d(n_out), nn.ReLU()] if index == 2 else []
        stages.append(nn.Sequential(*first, *blocks, *last))
    return _initialized(
        ImageNetwork(stages, n_features=widths[-1], n_classes=n_classes, dropout=dropout)
    )


def _small_stem(n_channels: int) -> list[nn.Module]:
    return [_conv3(n_channels, _WIDTHS[0]), nn.BatchNorm2d(_WIDTHS[0]), nn.ReLU()]


def _large_stem(n_channels: int) -> list[nn.Module]:
    return [
        nn.Conv2d(n_channels, _WIDTHS[0], 7, stride=2, padding=3, bias=False),
        nn.BatchNorm2d(_WIDTHS[0]),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2, padding=1),
    ]


def _conv3(n_in: int, n_out: int) -> nn.Conv2d:
    return nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)


def _shortcut(n_in: int, n_out: int, stride: int) -> nn.Module:
    if stride == 1 and n_in == n_out:
        return nn.Identity()
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False), nn.BatchNorm2d(n_out)
    )


def _initialized(network: ImageNetwork) -> ImageNetwork:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return network
