"""Training of the target model: one loop for every network, data set and strategy."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import nn

from alscope.config import TrainConfig
from alscope.errors import ShapeError, TrainingDiverged
from alscope.learn._attempt import Attempt, Built, Clock, Trained
from alscope.learn._heads_together import are_heads_alone, train_heads
from alscope.learn.protocols import Attachment
from alscope.types import Arrays, Control, IntArray, SampleSpec

if TYPE_CHECKING:
    from alscope.backbones.protocols import Backbone, BackboneSpec
    from alscope.data.views import Source

__all__ = ["Attempt", "Fit", "fit", "fit_together"]

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
        n_together: Trainings that shared these seconds, this one included.
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
    n_together: int = 1

    @property
    def total_s(self) -> float:
        """All seconds."""
        return self.load_s + self.compute_s


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
    job = Attempt(
        spec=spec,
        sample=sample,
        source=source,
        indices=indices,
        labels=labels,
        n_classes=n_classes,
        train=train,
        seed=seed,
        device=device,
        control=control,
        initial=initial,
        attachments=attachments,
        temperature=temperature,
    )
    (found,) = fit_together([job], attempts=attempts)
    if isinstance(found, TrainingDiverged):
        raise found
    return found


def fit_together(jobs: Sequence[Attempt], *, attempts: int = 2) -> list[Fit | TrainingDiverged]:
    """`fit` for several trainings, each to the same bits as alone.

    Heads on fixed embeddings with the same settings and equally many labels are trained in
    lockstep, which shares what a step costs beside its arithmetic; all others one after the other.
    Every training is charged an equal share of the time.

    Args:
        jobs: Trainings; see `fit`.
        attempts: How often each is begun at most.

    Returns:
        What `fit` would return or raise for each.

    Raises:
        ShapeError: If labels do not fit.
        StoreError: If an initial state does not fit.
        Interrupted: If one of them is asked to stop.
    """
    for job in jobs:
        _check(job.indices, job.labels, job.n_classes)
    courses = [_Course(job) for job in jobs]
    for attempt in range(attempts):
        pending = [course for course in courses if course.goes_on]
        if not pending:
            break
        begun = [replace(course.job, attempt=attempt) for course in pending]
        clock = Clock()
        built = [job.build() for job in begun]
        if are_heads_alone(begun, built):
            outcomes = train_heads(begun, built, clock)
            for course in pending:
                course.n_together = max(course.n_together, len(pending))
        else:
            outcomes = [_outcome(*one, clock) for one in zip(begun, built, strict=True)]
        load_s, total_s = clock.load_s / len(pending), clock.total_s / len(pending)
        for course, outcome in zip(pending, outcomes, strict=True):
            course.take(outcome, attempt, is_last=attempt == attempts - 1)
            course.load_s += load_s
            course.total_s += total_s
    return [course.result() for course in courses]


class _Course:
    """The attempts of one training."""

    def __init__(self, job: Attempt) -> None:
        self.job = job
        self.n_together = 1
        self.goes_on = True
        self.load_s = self.total_s = 0.0
        self._retries = 0
        self._found: Trained | None = None
        self._error: TrainingDiverged | None = None

    def take(self, outcome: Trained | TrainingDiverged, attempt: int, *, is_last: bool) -> None:
        """Keep what an attempt gave, and decide whether there is another one."""
        self._retries = attempt
        if isinstance(outcome, TrainingDiverged):
            self.goes_on = not is_last
            self._error = outcome
            if not is_last or self._found is not None:
                does = "the first result stands" if is_last else _REPEATED
                _log.warning("%s; %s", outcome, does)
            return
        self._found = outcome
        self.goes_on = not is_last and self.job.is_weak(outcome)
        if self.goes_on:
            _log.warning("accuracy %.3f is hardly chance; training once more", outcome.accuracy)

    def result(self) -> Fit | TrainingDiverged:
        """The model that counts, or why there is none."""
        if self._found is None:
            tried = ", after a second initialization" if self._retries else ""
            error = TrainingDiverged(f"{self._error}{tried}; lower train.lr or set train.grad_clip")
            error.__cause__ = self._error
            return error
        return Fit(
            model=self._found.model,
            heads=self._found.heads,
            n_steps=self.job.n_steps,
            n_epochs=self.job.n_epochs,
            loss=self._found.loss,
            accuracy=self._found.accuracy,
            retries=self._retries,
            load_s=self.load_s,
            compute_s=self.total_s - self.load_s,
            n_together=self.n_together,
        )


def _outcome(attempt: Attempt, built: Built, clock: Clock) -> Trained | TrainingDiverged:
    try:
        return attempt.run(built, clock)
    except TrainingDiverged as error:
        return error


def _check(indices: IntArray, labels: IntArray, n_classes: int) -> None:
    if indices.shape != labels.shape:
        raise ShapeError(f"{indices.size} samples came with {labels.size} labels")
    if labels.size and not (labels.min() >= 0 and labels.max() < n_classes):
        raise ShapeError(
            f"labels span {labels.min()}..{labels.max()}, but there are {n_classes} classes; "
            "train on samples of known classes only"
        )
