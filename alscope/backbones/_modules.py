"""The base of all networks, and the small ones."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["ImageNetwork", "Mlp", "Network", "conv_stage"]

Inputs = dict[str, Tensor]


class Network(nn.Module):
    """Stages, one dropout, one linear head: `logits == head(dropout(embed(inputs)))`.

    Subclasses say how a batch enters the first stage (`read`) and how the output of the last stage
    becomes one vector per sample (`pool`).

    Args:
        stages: Successive parts.
        n_features: Width of the embedding.
        n_classes: Outputs of the head.
        dropout: Probability of the dropout before the head.
    """

    head_only_dropout = True
    fixed_embedding = False

    def __init__(
        self, stages: Sequence[nn.Module], *, n_features: int, n_classes: int, dropout: float
    ) -> None:
        super().__init__()
        self.n_features = n_features
        self.stages = nn.ModuleList(stages)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(n_features, n_classes)

    def read(self, inputs: Inputs) -> Any:
        """What the first stage receives."""
        raise NotImplementedError

    def pool(self, last: Tensor, inputs: Inputs) -> Tensor:
        """One vector per sample from the last stage, (batch, n_features)."""
        return last

    def stage_outputs(self, inputs: Inputs) -> list[Tensor]:
        """Output of every stage."""
        outputs: list[Tensor] = []
        x = self.read(inputs)
        for stage in self.stages:
            x = stage(x)
            outputs.append(x)
        return outputs

    def embed(self, inputs: Inputs) -> Tensor:
        """Exact input of dropout and head, (batch, n_features)."""
        return self.pool(self.stage_outputs(inputs)[-1], inputs)

    def with_taps(self, inputs: Inputs) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Logits, and every stage pooled as the last one is, in one forward pass."""
        taps = tuple(self.pool(output, inputs) for output in self.stage_outputs(inputs))
        return self.head(self.dropout(taps[-1])), taps

    def forward(self, inputs: Inputs) -> Tensor:
        """Logits, (batch, n_classes)."""
        logits: Tensor = self.head(self.dropout(self.embed(inputs)))
        return logits


class Mlp(Network):
    """Fully connected layers over features or flattened pixels."""

    def __init__(
        self, n_inputs: int, n_classes: int, *, width: int, depth: int, dropout: float
    ) -> None:
        sizes = [n_inputs] + [width] * depth
        stages = [
            nn.Sequential(nn.Linear(before, after), nn.ReLU())
            for before, after in itertools.pairwise(sizes)
        ]
        super().__init__(stages, n_features=width, n_classes=n_classes, dropout=dropout)

    def read(self, inputs: Inputs) -> Tensor:
        """One row per sample, (batch, n_inputs)."""
        x = inputs["features"] if "features" in inputs else inputs["pixel_values"]
        return x.flatten(1)


class ImageNetwork(Network):
    """Convolutional stages, then global average pooling unless the last stage is flat already."""

    def read(self, inputs: Inputs) -> Tensor:
        """The pixels, (batch, channels, height, width)."""
        return inputs["pixel_values"]

    def pool(self, last: Tensor, inputs: Inputs) -> Tensor:
        """Mean over the image; a flat last stage is the embedding as it is."""
        return last if last.dim() == 2 else torch.mean(last, dim=(2, 3))  # (batch, n_features)


def conv_stage(n_in: int, n_out: int, *, halve: bool) -> nn.Sequential:
    """Convolution 3x3, batch normalization, ReLU; after halving the image if asked."""
    layers: list[nn.Module] = [nn.MaxPool2d(2)] if halve else []
    # The normalization has its own offset, so the convolution needs no bias.
    layers += [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU()]
    return nn.Sequential(*layers)


def hidden_stage(n_in: int, n_out: int) -> nn.Sequential:
    """Flattening, a linear layer, ReLU."""
    return nn.Sequential(nn.Flatten(), nn.Linear(n_in, n_out), nn.ReLU())
