"""Residual network for small images."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from alscope.backbones._modules import ImageNetwork

__all__ = ["Block", "resnet18"]

_WIDTHS = (64, 128, 256, 512)


class Block(nn.Module):
    """Two 3x3 convolutions around a shortcut.

    References:
        He et al. 2015, arXiv:1512.03385, figure 2 and section 3.3 (option B: projection).
    """

    def __init__(self, n_in: int, n_out: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(n_out)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or n_in != n_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False), nn.BatchNorm2d(n_out)
            )

    def forward(self, x: Tensor) -> Tensor:
        """The sum of both paths, rectified."""
        inner = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(self.norm2(self.conv2(inner)) + self.shortcut(x))


def resnet18(n_channels: int, n_classes: int, *, dropout: float) -> ImageNetwork:
    """ResNet-18 with a 3x3 stem of stride 1 and without the first pooling."""
    stem = [
        nn.Conv2d(n_channels, _WIDTHS[0], 3, padding=1, bias=False),
        nn.BatchNorm2d(_WIDTHS[0]),
        nn.ReLU(),
    ]
    stages = []
    n_in = _WIDTHS[0]
    for index, width in enumerate(_WIDTHS):
        blocks = [Block(n_in, width, stride=2 if index else 1), Block(width, width, stride=1)]
        stages.append(nn.Sequential(*(stem if index == 0 else []), *blocks))
        n_in = width
    network = ImageNetwork(stages, n_features=n_in, n_classes=n_classes, dropout=dropout)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return network
