"""Training of the target model: one loop for every network, data set and strategy."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from alscope.config import TrainConfig
from alscope.errors import ShapeError, TrainingDiverged
from alscope.learn._attempt import Attempt, Clock, Trained
from alscope.learn.protocols import Attachment
from alscope.types import Arrays, Control, IntArray, SampleSpec

if TYPE_CHECKING:
    from alscope.backbones.protocols import Backbone, BackboneSpec
    from alscope.data.views import Source

__all__ = ["Fit", "fit"]

_REPEATED = "repeating it from other initial weights"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Fit:
    """A trained model and what it took.

    Attributes:
        model: In evaluation mode, on the device.
        heads: One per attachment, in evaluation mode, on the device.
        n_steps: Optimizer steps of the attempt that counts.
        n_epochs: Passes over the labeled set that these began.
        loss: Mean loss of the model, without that of heads, over the last pass, as seen while
            training; 0 if nothing was trained.
        accuracy: Accuracy over the last pass, as seen while training; 0 if nothing was trained.
        retries: 1 if training was repeated from other initial weights, else 0.
        load_s: Seconds of gathering, augmenting and copying, in all attempts.
        compute_s: All other seconds, in all attempts.
    """

    model: Backbone
    heads: nn.ModuleList
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
    attachments: tuple[Attachment, ...] = (),
    temperature: float = 1.0,
    attempts: int = 2,
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

    Heads are trained in the same passes, by their own optimizer and from their own initialization:
    the model is the same to the last bit as without them, unless their gradients reach it.

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
        initial: State to start from (warm start) instead of fresh weights: of the model, and as
            `heads_state` names it, of the heads.
        attachments: Heads to train with the model.
        temperature: Logits are divided by it in the loss, above 0.
        attempts: How often training is begun at most; 1 where only its time matters.

    Raises:
        ShapeError: If the labels do not fit.
        StoreError: If `initial` does not fit.
        TrainingDiverged: If a loss was not finite in every attempt.
        Interrupted: If `control` asks to stop.
    """
    _check(indices, labels, n_classes)
    clock = Clock()
    found: Trained | None = None
    for attempt in range(attempts):
        job = Attempt(
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
            attachments=attachments,
            temperature=temperature,
            attempt=attempt,
        )
        last = attempt == attempts - 1
        try:
            found = job.run(clock)
        except TrainingDiverged as error:
            if last and found is None:
                tried = ", after a second initialization" if attempt else ""
                raise TrainingDiverged(
                    f"{error}{tried}; lower train.lr or set train.grad_clip"
                ) from error
            _log.warning("%s; %s", error, "the first result stands" if last else _REPEATED)
            continue
        if last or not job.is_weak(found):
            break
        _log.warning("accuracy %.3f is hardly chance; training once more", found.accuracy)
    assert found is not None
    return Fit(
        model=found.model,
        heads=found.heads,
        n_steps=job.n_steps,
        n_epochs=job.n_epochs,
        loss=found.loss,
        accuracy=found.accuracy,
        retries=attempt,
        load_s=clock.load_s,
        compute_s=clock.total_s - clock.load_s,
    )


def _check(indices: IntArray, labels: IntArray, n_classes: int) -> None:
    if indices.shape != labels.shape:
        raise ShapeError(f"{indices.size} samples came with {labels.size} labels")
    if labels.size and not (labels.min() >= 0 and labels.max() < n_classes):
        raise ShapeError(
            f"labels span {labels.min()}..{labels.max()}, but there are {n_classes} classes; "
            "train on samples of known classes only"
        )
