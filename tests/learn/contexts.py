"""Trials in memory for companions: samples, a network, a seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from alscope.backbones.protocols import BackboneSpec
from alscope.backbones.small_cnn import SmallCnnSpec
from alscope.backbones.text_bag import TextBagSpec
from alscope.config import TrainConfig
from alscope.data.digits import Digits
from alscope.data.protocols import DataRoot
from alscope.data.views import Prepared, Source, prepare
from alscope.inputs import CompanionContext, ContrastiveEncoder, Projections
from alscope.learn.passes import Batches
from alscope.learn.protocols import LearnerContext
from alscope.types import Arrays, Control, IntArray, SampleSpec
from tests.learn.fakes import CPU, TEXT, RecordingControl, TensorSource, TextSource

CNN = SmallCnnSpec(width=4, hidden=16)
BAG = TextBagSpec(n_buckets=60, width=8, hidden=16)


class Labels:
    """Labels that must not be read."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"somebody read the labels ({name})")

    def __getitem__(self, key: Any) -> Any:
        raise AssertionError("somebody read the labels")

    def __len__(self) -> int:
        raise AssertionError("somebody read the labels")


@dataclass(frozen=True)
class Trial:
    """What a context is made of."""

    source: Source
    sample: SampleSpec
    backbone: BackboneSpec
    flip: bool = False
    pixel_mean: tuple[float, ...] = ()
    pixel_std: tuple[float, ...] = ()
    device: torch.device = CPU

    def learner(
        self, *, seed: int = 5, control: Control | None = None, indices: IntArray | None = None
    ) -> LearnerContext:
        data = Prepared(
            train=self.source,
            test=self.source,
            sample=self.sample,
            fingerprint="",
            pixel_mean=self.pixel_mean,
            pixel_std=self.pixel_std,
            flip=self.flip,
        )
        return LearnerContext(
            data=data,
            indices=np.arange(self.source.n, dtype=np.int64) if indices is None else indices,
            labels=Labels(),  # type: ignore[arg-type]
            n_classes=3,
            backbone=self.backbone,
            train=TrainConfig(),
            seed=seed,
            device=self.device,
            control=control or RecordingControl(),
        )

    def fit(self, encoder: ContrastiveEncoder, **chosen: Any) -> tuple[Arrays, dict[str, Any]]:
        return encoder.fit(self.learner(**chosen))

    def projections(
        self, output: Projections, state: Arrays, *, batch_size: int = 16, **chosen: Any
    ) -> np.ndarray:
        """What the encoder says about the samples, (n, n_shifts, d)."""
        learner = self.learner(**chosen)
        batches = Batches(
            learner.data.train,
            learner.indices,
            batch_size=batch_size,
            device=self.device,
            control=learner.control,
        )
        context = CompanionContext(**vars(learner), state=state, batches=batches)
        return output.extract(output.infer(context))


def image_trial(n: int = 24, *, side: tuple[int, int] = (8, 8), channels: int = 1) -> Trial:
    """Random images."""
    pixels = torch.rand(n, channels, *side, generator=torch.Generator().manual_seed(0))
    return Trial(TensorSource(pixels), SampleSpec(modality="image", shape=(channels, *side)), CNN)


def text_trial(n: int = 24, backbone: BackboneSpec = BAG) -> Trial:
    """Random token ids, 3 to 9 per text."""
    draws = np.random.default_rng(0)
    rows = [draws.integers(2, 60, draws.integers(3, 10)).tolist() for _ in range(n)]
    return Trial(TextSource(rows), TEXT, backbone)


def digits_trial(folder: Path) -> tuple[Trial, IntArray]:
    """The digits as a run reads them, and their classes."""
    raw = Digits().load(DataRoot(path=folder, cache=folder))
    data = prepare(raw, None, augment=True, cache=folder)
    trial = Trial(
        data.train,
        data.sample,
        SmallCnnSpec(),
        flip=data.flip,
        pixel_mean=data.pixel_mean,
        pixel_std=data.pixel_std,
    )
    return trial, raw.train.targets


def cosines(rows: np.ndarray) -> np.ndarray:
    """Cosine similarities, (n, n); rows of length 0 are similar to nothing."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = rows / np.where(lengths > 0, lengths, 1.0)
    return unit @ unit.T


def same_class_neighbours(rows: np.ndarray, labels: np.ndarray, *, n_neighbours: int) -> float:
    """Share of the nearest samples by cosine that have the class of the sample."""
    similarities = cosines(rows)
    np.fill_diagonal(similarities, -np.inf)
    nearest = np.argsort(-similarities, axis=1)[:, :n_neighbours]
    return float((labels[nearest] == labels[:, None]).mean())
