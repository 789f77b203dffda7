"""EfficientNet-Lite0 without its classifier."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["EfficientNetLite0"]

# Repeats, kernel, stride of the first repeat, expansion, channels.
_GROUPS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_STEM, _TOP = 32, 1280
_EPSILON = 1e-3  # of the batch normalization, as in TensorFlow

_NAMES = (
    ("_conv_stem", "stem.conv"),
    ("_conv_head", "top.conv"),
    ("_blocks", "blocks"),
    ("_expand_conv", "expand.conv"),
    ("_depthwise_conv", "depthwise.conv"),
    ("_project_conv", "project.conv"),
)
_NORMS = {"_bn0": "expand.norm", "_bn1": "depthwise.norm", "_bn2": "project.norm"}
_OUTER_NORMS = {"_bn0": "stem.norm", "_bn1": "top.norm"}


class _Conv(nn.Module):
    """Convolution padded as TensorFlow's "SAME", then batch normalization."""

    def __init__(
        self, n_in: int, n_out: int, *, kernel: int = 1, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        # With stride 1 both sides get the same, and the convolution can do it without a copy.
        around = kernel // 2 if stride == 1 else 0
        self.conv = nn.Conv2d(
            n_in, n_out, kernel, stride=stride, padding=around, groups=groups, bias=False
        )
        self.norm = nn.BatchNorm2d(n_out, eps=_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """The normalized convolution; an odd pixel of padding goes to the right and below."""
        if self.stride > 1:
            height, width = (self._padding(size) for size in x.shape[2:])
            x = functional.pad(
                x, (width // 2, width - width // 2, height // 2, height - height // 2)
            )
        result: Tensor = self.norm(self.conv(x))
        return result

    def _padding(self, size: int) -> int:
        covered = (-(-size // self.stride) - 1) * self.stride + self.kernel
        return max(covered - size, 0)


class _Block(nn.Module):
    """Expansion, depthwise convolution, projection, and a shortcut where shapes allow it."""

    def __init__(self, n_in: int, n_out: int, *, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = n_in * expansion
        self.expand = _Conv(n_in, inner) if expansion > 1 else None
        self.depthwise = _Conv(inner, inner, kernel=kernel, stride=stride, groups=inner)
        self.project = _Conv(inner, n_out)
        self.shortcut = stride == 1 and n_in == n_out

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n_out, height, width)."""
        inner = _relu6(self.expand(x)) if self.expand is not None else x
        outer: Tensor = self.project(_relu6(self.depthwise(inner)))
        return outer + x if self.shortcut else outer


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 up to its pooled features.

    References:
        Tan and Le 2019, arXiv:1905.11946; the Lite form is that of its authors' code: no
        squeeze-and-excitation, ReLU6 instead of Swish.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = _Conv(3, _STEM, kernel=3, stride=2)
        blocks: list[nn.Module] = []
        n_in = _STEM
        for repeats, kernel, stride, expansion, n_out in _GROUPS:
            for repeat in range(repeats):
                step = 1 if repeat else stride
                blocks.append(_Block(n_in, n_out, kernel=kernel, stride=step, expansion=expansion))
                n_in = n_out
        self.blocks = nn.Sequential(*blocks)
        self.top = _Conv(n_in, _TOP)

    def forward(self, x: Tensor) -> Tensor:
        """Features of standardized images (batch, 3, height, width): (batch, 1280)."""
        last = _relu6(self.top(self.blocks(_relu6(self.stem(x)))))
        return torch.mean(last, dim=(2, 3))

    def load(self, published: Mapping[str, Tensor]) -> None:
        """Take the weights under the names they were published with; the classifier is left out."""
        kept = {_own_name(name): value for name, value in published.items() if "_fc." not in name}
        self.load_state_dict(kept)


def _relu6(x: Tensor) -> Tensor:
    return functional.relu6(x, inplace=True)


def _own_name(name: str) -> str:
    norms = _NORMS if name.startswith("_blocks") else _OUTER_NORMS
    for theirs, ours in (*_NAMES, *norms.items()):
        name = name.replace(theirs, ours)
    return name
