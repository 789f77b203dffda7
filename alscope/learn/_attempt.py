"""One training from one initialization."""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from alscope import rng
from alscope.config import TrainConfig
from alscope.errors import TrainingDiverged
from alscope.learn.attachments import AttachedHeads, build_heads, load_heads, target_state
from alscope.learn.device import to_device
from alscope.learn.optim import (
    Optimizer,
    batch_bounds,
    epoch_batches,
    make_optimizer,
    n_steps_of,
    rate,
)
from alscope.learn.passes import arrange, load_state, module_of
from alscope.learn.protocols import Attachment, TrainBatch
from alscope.types import Arrays, Control, IntArray, SampleSpec

if TYPE_CHECKING:
    from alscope.backbones.protocols import Backbone, BackboneSpec
    from alscope.data.views import Source

__all__ = ["Attempt", "Built", "Clock", "Seen", "Trained"]

_ABOVE_CHANCE = 0.05

Inputs = dict[str, Tensor]
Seen = deque[tuple[float, float, int]]
"""Loss times samples, correct predictions and samples of batches."""


class Built(NamedTuple):
    """A network and the heads that are trained with it."""

    model: Backbone
    heads: nn.ModuleList


class Trained(NamedTuple):
    """What an attempt leaves: network, heads, and means of the network over the last pass."""

    model: Backbone
    heads: nn.ModuleList
    loss: float
    accuracy: float


class _Learner(NamedTuple):
    """What is trained, and by what."""

    model: Backbone
    optimizer: Optimizer
    heads: AttachedHeads | None


class Clock:
    """Seconds since it was made, and those spent on loading."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self.load_s = 0.0

    @property
    def total_s(self) -> float:
        """Seconds since it was made."""
        return time.perf_counter() - self._start


@dataclass(frozen=True, eq=False)
class Attempt:
    """One try; see `fit` for the fields."""

    spec: BackboneSpec
    sample: SampleSpec
    source: Source
    indices: IntArray
    labels: IntArray
    n_classes: int
    train: TrainConfig
    seed: int
    device: torch.device
    control: Control
    initial: Arrays | None = None
    attachments: tuple[Attachment, ...] = ()
    temperature: float = 1.0
    attempt: int = 0

    @cached_property
    def targets(self) -> Tensor:
        """The labels where the network is, (n_labeled,)."""
        return torch.from_numpy(np.array(self.labels, dtype=np.int64)).to(self.device)

    @property
    def n_steps(self) -> int:
        """Optimizer steps."""
        return n_steps_of(self.train, self.indices.size)

    @property
    def n_batches(self) -> int:
        """Batches of a whole pass."""
        return len(batch_bounds(self.indices.size, self.train.batch_size))

    @property
    def n_epochs(self) -> int:
        """Passes that the steps begin."""
        return math.ceil(self.n_steps / max(self.n_batches, 1))

    def is_weak(self, trained: Trained) -> bool:
        """Whether the last pass was hardly better than chance."""
        return self.n_steps > 0 and trained.accuracy < 1 / self.n_classes + _ABOVE_CHANCE

    def run(self, built: Built, clock: Clock) -> Trained:
        """Train by differentiation.

        Raises:
            TrainingDiverged: If a loss or weights stop being finite.
        """
        model, heads = built
        module = module_of(model)
        learner = _Learner(
            model,
            make_optimizer(self.train, module.parameters()),
            AttachedHeads(self.attachments, heads, self.train) if self.attachments else None,
        )
        seen = self.last_pass()
        step = 0
        for epoch in range(self.n_epochs):
            self._training_mode(module)
            augment = self.generator("augment", epoch)
            with rng.seeded(self.seed, *self._stream("dropout"), epoch):
                for rows in self.batches(epoch)[: self.n_steps - step]:
                    self.look(step)
                    inputs = self._load(rows, augment, clock)
                    loss, n_correct, *extra = self._step(learner, inputs, rows, epoch, step)
                    self._require_finite([loss, *extra], step)
                    seen.append((loss * rows.size, n_correct, rows.size))
                    step += 1
        return self.finish(built, seen)

    def build(self) -> Built:
        """What the training begins with, in evaluation mode."""
        with rng.seeded(self.seed, *self._stream("model_init")):
            model = self.spec.build(self.sample, self.n_classes)
        if self.initial is not None:
            load_state(model, target_state(self.initial))
        module_of(model).to(self.device).eval()
        arrange(model, self.train)
        # A stream of their own: the network begins as it would without heads.
        with rng.seeded(self.seed, *self._stream("attachment_init")):
            heads = build_heads(self.attachments, model, self.source, n_classes=self.n_classes)
        if self.initial is not None:
            load_heads(heads, self.initial)
        return Built(model, heads)

    def look(self, step: int) -> None:
        """Say where the training is, and stop if somebody asked for it.

        Raises:
            Interrupted: The run is to stop.
        """
        self.control.check()
        self.control.progress("train", step / self.n_steps)

    def last_pass(self) -> Seen:
        """Room for what is seen in as many batches as a pass has."""
        return deque(maxlen=max(self.n_batches, 1))

    def finish(self, built: Built, seen: Seen) -> Trained:
        """The result, in evaluation mode.

        Raises:
            TrainingDiverged: If weights are not finite.
        """
        model, heads = built
        self._require_finite_weights([module_of(model), *heads])
        module_of(model).eval()
        heads.eval()
        self.control.progress("train", 1.0)
        return Trained(model, heads, *_means(seen))

    def _training_mode(self, module: nn.Module) -> None:
        module.train()
        if self.train.batch_size > 1 and self.indices.size > 1:
            return
        for layer in module.modules():
            if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                layer.eval()

    def batches(self, epoch: int) -> list[IntArray]:
        """Rows of the labeled set in the order of this pass."""
        lengths = self.source.lengths if self.train.batches == "by_length" else None
        return epoch_batches(
            self.indices.size,
            self.train.batch_size,
            self.generator("data_order", epoch),
            lengths=None if lengths is None else lengths[self.indices],
        )

    def _load(self, rows: IntArray, augment: torch.Generator, clock: Clock) -> Inputs:
        # The step before ended by reading its loss, so the device is idle.
        start = time.perf_counter()
        inputs = self.source.train_batch(self.indices[rows], augment)
        inputs = to_device(inputs, self.device)
        clock.load_s += time.perf_counter() - start
        return inputs

    def _step(
        self, learner: _Learner, inputs: Inputs, rows: IntArray, epoch: int, step: int
    ) -> list[float]:
        """One update; loss, number of correct predictions and losses of heads before it."""
        model, optimizer, heads = learner
        labels = self.targets[torch.from_numpy(rows)]
        if heads is None:
            with self._products():
                logits = model(inputs)
            logits = logits.float()
            total = loss = self._cross_entropy(logits, labels)
            extra: tuple[Tensor, ...] = ()
        else:
            with self._products():
                logits, taps = model.with_taps(inputs)
            logits, taps = logits.float(), tuple(tap.float() for tap in taps)
            loss = self._cross_entropy(logits, labels)
            extra = heads.losses(self._seen_by_heads(taps, logits, labels, rows, epoch))
            total = loss + torch.stack(extra).sum()
            heads.zero_grad()
        optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        if self.train.grad_clip > 0:
            nn.utils.clip_grad_norm_(module_of(model).parameters(), self.train.grad_clip)
        optimizer.step(rate(self.train, step, self.n_steps))
        if heads is not None:
            heads.update(step, self.n_steps)
        n_correct = (logits.argmax(dim=1) == labels).sum().to(loss.dtype)
        # One transfer for all numbers.
        values: list[float] = torch.stack([loss, n_correct, *extra]).tolist()
        return values

    def _products(self) -> torch.autocast:
        """Where the network runs; losses and updates are outside, in float32."""
        reduced = self.train.precision == "bf16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=reduced)

    def _cross_entropy(self, logits: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
        if self.temperature != 1:
            logits = logits / self.temperature
        return functional.cross_entropy(
            logits, labels, label_smoothing=self.train.label_smoothing, reduction=reduction
        )

    def _seen_by_heads(
        self,
        taps: tuple[Tensor, ...],
        logits: Tensor,
        labels: Tensor,
        rows: IntArray,
        epoch: int,
    ) -> TrainBatch:
        logits = logits.detach()
        return TrainBatch(
            taps=taps,
            logits=logits,
            losses=self._cross_entropy(logits, labels, reduction="none"),
            rows=torch.from_numpy(rows).to(self.device),
            n_labeled=int(self.indices.size),
            epoch=epoch,
            n_epochs=self.n_epochs,
        )

    def _stream(self, purpose: str) -> tuple[str, int, int]:
        return purpose, int(self.indices.size), self.attempt

    def generator(self, purpose: str, epoch: int) -> torch.Generator:
        """The random stream of a pass."""
        return rng.torch_generator(self.seed, *self._stream(purpose), epoch)

    def _owners(self) -> list[str]:
        # Of the losses and weights of network and heads, as they are called in messages.
        return ["", *(f" of the head {type(head).__name__}" for head in self.attachments)]

    def _require_finite(self, losses: list[float], step: int) -> None:
        for owner, loss in zip(self._owners(), losses, strict=True):
            if not math.isfinite(loss):
                raise self.diverged(f"loss{owner} became {loss}", step)

    def _require_finite_weights(self, modules: list[nn.Module]) -> None:
        for owner, module in zip(self._owners(), modules, strict=True):
            if not all(bool(weights.isfinite().all()) for weights in module.parameters()):
                raise self.diverged(f"weights{owner} became infinite", self.n_steps - 1)

    def diverged(self, what: str, step: int) -> TrainingDiverged:
        """The error of a training that went wrong in a step."""
        where = f"step {step + 1} of {self.n_steps}"
        return TrainingDiverged(f"the training {what} in {where} (train.lr {self.train.lr:g})")


def _means(seen: Seen) -> tuple[float, float]:
    """Loss and accuracy over the last pass; 0 if nothing was trained."""
    if not seen:
        return 0.0, 0.0
    loss, n_correct, n = np.sum(seen, axis=0)
    return float(loss / n), float(n_correct / n)
