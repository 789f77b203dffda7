"""Tiny data, networks and controls for tests of training and inference."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from alscope.backbones._modules import Mlp
from alscope.backbones.protocols import Backbone, BackboneSpec
from alscope.errors import Cancelled
from alscope.types import IntArray, SampleSpec

CPU = torch.device("cpu")
PLANE = SampleSpec(modality="features", shape=(4,))
PIXELS = SampleSpec(modality="image", shape=(1, 8, 8))
TEXT = SampleSpec(modality="text")


class TensorSource:
    """Features or images held in memory; the training view adds a little noise if asked."""

    lengths: IntArray | None = None

    def __init__(self, values: torch.Tensor, *, noise: float = 0.0) -> None:
        self.values = values
        self.noise = noise
        self.n = len(values)
        self.batches: list[IntArray] = []

    def eval_batch(self, indices: IntArray) -> dict[str, torch.Tensor]:
        values = self.values[torch.from_numpy(indices)]
        return {"features" if values.ndim == 2 else "pixel_values": values}

    def train_batch(self, indices: IntArray, generator: torch.Generator) -> dict[str, torch.Tensor]:
        self.batches.append(indices)
        batch = self.eval_batch(indices)
        return {
            name: value + self.noise * torch.randn(value.shape, generator=generator)
            for name, value in batch.items()
        }


class TextSource:
    """Token ids of different lengths, padded to the longest of a batch."""

    def __init__(self, rows: list[list[int]]) -> None:
        self.rows = rows
        self.n = len(rows)
        self.lengths = np.array([len(row) for row in rows], dtype=np.int64)

    def eval_batch(self, indices: IntArray) -> dict[str, torch.Tensor]:
        rows = [self.rows[i] for i in indices]
        longest = max(map(len, rows))
        ids = [row + [0] * (longest - len(row)) for row in rows]
        mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
        return {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}

    def train_batch(self, indices: IntArray, generator: torch.Generator) -> dict[str, torch.Tensor]:
        return self.eval_batch(indices)


@dataclass
class RecordingControl:
    """Notes progress; stops the run at a chosen check."""

    stop_at: int | None = None
    checks: int = 0
    seen: list[tuple[str, float]] = field(default_factory=list)

    def check(self) -> None:
        self.checks += 1
        if self.checks == self.stop_at:
            raise Cancelled("the run was cancelled")

    def progress(self, stage: str, fraction: float) -> None:
        self.seen.append((stage, fraction))


class DeepDropoutMlp(Mlp):
    """A network with a dropout layer and batch normalization inside."""

    head_only_dropout = False

    def __init__(self, n_inputs: int, n_classes: int, *, dropout: float) -> None:
        super().__init__(n_inputs, n_classes, width=8, depth=1, dropout=dropout)
        self.stages.append(nn.Sequential(nn.BatchNorm1d(8), nn.Dropout(dropout), nn.Linear(8, 8)))


@dataclass(frozen=True, kw_only=True)
class DeepDropoutSpec(BackboneSpec):
    """Specification of `DeepDropoutMlp`."""

    modalities = frozenset({"features"})

    def build(self, sample: SampleSpec, n_classes: int) -> Backbone:
        return DeepDropoutMlp(sample.shape[0], n_classes, dropout=self.dropout)


def blobs(n: int, *, n_classes: int = 3, seed: int = 0) -> tuple[torch.Tensor, IntArray]:
    """Well separated clusters in four dimensions: values (n, 4) and classes (n,)."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n, dtype=np.int64) % n_classes
    centres = 4.0 * np.eye(4)[labels]
    return torch.tensor(centres + 0.3 * rng.normal(size=(n, 4)), dtype=torch.float32), labels


def images(n: int, *, n_classes: int = 3, seed: int = 0) -> tuple[torch.Tensor, IntArray]:
    """Images with one bright row per class: values (n, 1, 8, 8) and classes (n,)."""
    generator = torch.Generator().manual_seed(seed)
    labels = np.arange(n, dtype=np.int64) % n_classes
    values = 0.1 * torch.randn(n, 1, 8, 8, generator=generator)
    values[torch.arange(n), 0, torch.from_numpy(labels) * 2] += 1.0
    return values, labels
