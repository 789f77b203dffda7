"""Training of the target model: one loop for every network, data set and strategy."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from alscope import rng
from alscope.config import TrainConfig
from alscope.errors import ShapeError, TrainingDiverged
from alscope.learn.optim import batch_bounds, make_optimizer, n_steps_of, rate, set_rate
from alscope.learn.passes import load_state, module_of
from alscope.types import Arrays, Control, IntArray, SampleSpec

if TYPE_CHECKING:
    from alscope.backbones.protocols import Backbone, BackboneSpec
    from alscope.data.views import Source

__all__ = ["Fit", "fit"]

_ATTEMPTS = 2
_ABOVE_CHANCE = 0.05
_REPEATED = "repeating it from other initial weights"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Fit:
    """A trained model and what it took.

    Attributes:
        model: In evaluation mode, on the device.
        n_steps: Optimizer steps of the attempt that counts.
        n_epochs: Passes over the labeled set that these began.
        loss: Mean loss over the last pass, as seen while training; 0 if nothing was trained.
        accuracy: Accuracy over the last pass, as seen while training; 0 if nothing was trained.
        retries: 1 if training was repeated from other initial weights, else 0.
        load_s: Seconds of gathering, augmenting and copying, in all attempts.
        compute_s: All other seconds, in all attempts.
    """

    model: Backbone
    n_steps: int
    n_epochs: int
    loss: float
    accuracy: float
    retries: int
    load_s: float
    compute_s: float


def fit(
    spec: BackboneSpec,
    sample: SampleSpec,
    source: Source,
    *,
    indices: IntArray,
    labels: IntArray,
    n_classes: int,
    train: TrainConfig,
    seed: int,
    device: torch.device,
    control: Control,
    initial: Arrays | None = None,
) -> Fit:
    """Train a network on labeled samples.

    All randomness follows from `seed` and the number of labels, so strategies that have bought
    equally many labels start from the same weights. If the loss stops being finite, or the last
    pass is hardly better than chance (accuracy below 1 / n_classes + 0.05), training is repeated
    once from the next initialization; a second weak result stands, and so does the first one if the
    second attempt is not finite.

    A last batch of one sample is merged into the one before. Where batches of one remain (a single
    label, or `batch_size` 1), batch normalization stays in evaluation mode, because one sample has
    no variance.

    Args:
        spec: Network.
        sample: What a sample looks like.
        source: Training part.
        indices: Labeled samples, (n_labeled,); may be empty.
        labels: Their classes, (n_labeled,), in 0..n_classes-1.
        n_classes: Known classes.
        train: Training configuration.
        seed: Trial seed.
        device: Where to train.
        control: Asked before every step whether to go on.
        initial: State to start from (warm start) instead of fresh weights.

    Raises:
        ShapeError: If the labels do not fit.
        TrainingDiverged: If the loss was not finite in both attempts.
        Interrupted: If `control` asks to stop.
    """
    _check(indices, labels, n_classes)
    clock = _Clock()
    found: tuple[Backbone, _Outcome] | None = None
    for attempt in range(_ATTEMPTS):
        job = _Attempt(
            spec=spec,
            sample=sample,
            source=source,
            indices=indices,
            labels=torch.from_numpy(np.array(labels, dtype=np.int64)).to(device),
            n_classes=n_classes,
            train=train,
            seed=seed,
            device=device,
            control=control,
            initial=initial,
            attempt=attempt,
        )
        last = attempt == _ATTEMPTS - 1
        try:
            found = job.run(clock)
        except TrainingDiverged as error:
            if last and found is None:
                raise TrainingDiverged(
                    f"{error}, after a second initialization; lower train.lr or set train.grad_clip"
                ) from error
            _log.warning("%s; %s", error, "the first result stands" if last else _REPEATED)
            continue
        if last or not job.is_weak(found[1]):
            break
        _log.warning("accuracy %.3f is hardly chance; training once more", found[1].accuracy)
    assert found is not None
    model, outcome = found
    return Fit(
        model=model,
        n_steps=job.n_steps,
        n_epochs=math.ceil(job.n_steps / max(job.n_batches, 1)),
        loss=outcome.loss,
        accuracy=outcome.accuracy,
        retries=attempt,
        load_s=clock.load_s,
        compute_s=clock.total_s - clock.load_s,
    )


class _Outcome(NamedTuple):
    """Means over the last pass."""

    loss: float
    accuracy: float


class _Clock:
    """Seconds since it was made, and those spent on loading."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self.load_s = 0.0

    @property
    def total_s(self) -> float:
        return time.perf_counter() - self._start


@dataclass(frozen=True, eq=False)
class _Attempt:
    """One try; see `fit` for the fields."""

    spec: BackboneSpec
    sample: SampleSpec
    source: Source
    indices: IntArray
    labels: Tensor
    n_classes: int
    train: TrainConfig
    seed: int
    device: torch.device
    control: Control
    initial: Arrays | None
    attempt: int

    @property
    def n_steps(self) -> int:
        return n_steps_of(self.train, self.indices.size)

    @property
    def n_batches(self) -> int:
        return len(batch_bounds(self.indices.size, self.train.batch_size))

    def is_weak(self, outcome: _Outcome) -> bool:
        return self.n_steps > 0 and outcome.accuracy < 1 / self.n_classes + _ABOVE_CHANCE

    def run(self, clock: _Clock) -> tuple[Backbone, _Outcome]:
        """Build and train.

        Raises:
            TrainingDiverged: If loss or weights stop being finite.
        """
        model = self._build()
        module = module_of(model)
        optimizer = make_optimizer(self.train, module.parameters())
        seen: deque[tuple[float, float, int]] = deque(maxlen=max(self.n_batches, 1))
        step = 0
        for epoch in range(math.ceil(self.n_steps / max(self.n_batches, 1))):
            self._training_mode(module)
            augment = self._generator("augment", epoch)
            with rng.seeded(self.seed, *self._stream("dropout"), epoch):
                for rows in self._batches(epoch)[: self.n_steps - step]:
                    self.control.check()
                    self.control.progress("train", step / self.n_steps)
                    set_rate(optimizer, rate(self.train, step, self.n_steps))
                    inputs = self._load(rows, augment, clock)
                    loss, n_correct = self._step(model, optimizer, inputs, rows)
                    if not math.isfinite(loss):
                        raise self._diverged(f"loss became {loss}", step)
                    seen.append((loss * rows.size, n_correct, rows.size))
                    step += 1
        if not all(bool(weights.isfinite().all()) for weights in module.parameters()):
            raise self._diverged("weights became infinite", step - 1)
        module.eval()
        self.control.progress("train", 1.0)
        return model, _mean(seen)

    def _build(self) -> Backbone:
        with rng.seeded(self.seed, *self._stream("model_init")):
            model = self.spec.build(self.sample, self.n_classes)
        if self.initial is not None:
            load_state(model, self.initial)
        module_of(model).to(self.device).eval()
        return model

    def _training_mode(self, module: nn.Module) -> None:
        module.train()
        if self.train.batch_size > 1 and self.indices.size > 1:
            return
        for layer in module.modules():
            if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                layer.eval()

    def _batches(self, epoch: int) -> list[IntArray]:
        """Rows of the labeled set in the order of this pass."""
        n = self.indices.size
        order = torch.randperm(n, generator=self._generator("data_order", epoch)).numpy()
        return [order[start:end] for start, end in batch_bounds(n, self.train.batch_size)]

    def _load(self, rows: IntArray, augment: torch.Generator, clock: _Clock) -> dict[str, Tensor]:
        # The step before ended by reading its loss, so the device is idle.
        start = time.perf_counter()
        inputs = self.source.train_batch(self.indices[rows], augment)
        inputs = {name: tensor.to(self.device) for name, tensor in inputs.items()}
        clock.load_s += time.perf_counter() - start
        return inputs

    def _step(
        self,
        model: Backbone,
        optimizer: torch.optim.Optimizer,
        inputs: dict[str, Tensor],
        rows: IntArray,
    ) -> tuple[float, float]:
        """One update; loss and number of correct predictions before it."""
        labels = self.labels[torch.from_numpy(rows)]
        logits = model(inputs)
        loss = functional.cross_entropy(logits, labels, label_smoothing=self.train.label_smoothing)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if self.train.grad_clip > 0:
            nn.utils.clip_grad_norm_(module_of(model).parameters(), self.train.grad_clip)
        optimizer.step()
        n_correct = (logits.argmax(dim=1) == labels).sum()
        # One transfer for both numbers.
        value, count = torch.stack([loss.detach(), n_correct.to(loss.dtype)]).tolist()
        return value, count

    def _stream(self, purpose: str) -> tuple[str, int, int]:
        return purpose, int(self.indices.size), self.attempt

    def _generator(self, purpose: str, epoch: int) -> torch.Generator:
        return rng.torch_generator(self.seed, *self._stream(purpose), epoch)

    def _diverged(self, what: str, step: int) -> TrainingDiverged:
        where = f"step {step + 1} of {self.n_steps}"
        return TrainingDiverged(f"the training {what} in {where} (train.lr {self.train.lr:g})")


def _check(indices: IntArray, labels: IntArray, n_classes: int) -> None:
    if indices.shape != labels.shape:
        raise ShapeError(f"{indices.size} samples came with {labels.size} labels")
    if labels.size and not (labels.min() >= 0 and labels.max() < n_classes):
        raise ShapeError(
            f"labels span {labels.min()}..{labels.max()}, but there are {n_classes} classes; "
            "train on samples of known classes only"
        )


def _mean(seen: deque[tuple[float, float, int]]) -> _Outcome:
    if not seen:
        return _Outcome(0.0, 0.0)
    loss, n_correct, n = np.sum(seen, axis=0)
    return _Outcome(float(loss / n), float(n_correct / n))
