"""Stages: frozen values whose fields are at once their arguments and their cache key.

`compute` reads its own fields and `Resources`, which offers data by reference, the device and the
results of parent stages: nothing that can change a result. So arguments and key cannot drift apart.
Seeds are derived from the trial seed by purpose, so identical requests give identical results
wherever they occur, and shared equals private.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from alscope import rng
from alscope.backbones.protocols import BackboneSpec
from alscope.config import TrainConfig
from alscope.errors import TrainingDiverged
from alscope.hashing import digest
from alscope.inputs import Input, InputContext
from alscope.learn.protocols import Attachment
from alscope.types import Arrays, Control, IntArray

if TYPE_CHECKING:
    from alscope.engine.resources import Resources
    from alscope.learn.trainer import Attempt

__all__ = ["DataRef", "EvaluateStage", "InputStage", "Produced", "Stage", "TrainStage"]

Produced = tuple[Arrays, dict[str, Any]]
"""Arrays and JSON facts; the facts hold `load_s` and `compute_s`."""


@dataclass(frozen=True, eq=False)
class DataRef:
    """Data by reference: enough to fetch it, and to tell it from any other.

    Attributes:
        dataset: Registry name.
        fingerprint: Content address of examples and preprocessing.
        known: Original class ids in label order, (n_classes,).
    """

    hash_once: ClassVar[bool] = True

    dataset: str
    fingerprint: str
    known: IntArray

    def relabel(self, targets: IntArray) -> IntArray:
        """Labels 0..n_classes-1, or -1 for samples of unknown classes."""
        size = int(max(targets.max(initial=0), self.known.max(initial=0))) + 1
        table = np.full(size, -1, dtype=np.int64)
        table[self.known] = np.arange(self.known.size)
        return table[targets]


@dataclass(frozen=True, eq=False)
class Stage:
    """Base of all stages.

    Attributes:
        numerics: Device kind, threads and versions that decide rounding.
        seed: Trial seed.
    """

    version: ClassVar[int] = 1
    hash_once: ClassVar[bool] = True

    numerics: str
    seed: int

    @cached_property
    def key(self) -> str:
        """Content address of everything that can change the result."""
        return digest(self)

    def compute(self, resources: Resources) -> Produced:
        """Produce the artifact."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class TrainStage(Stage):
    """Train the target model on a labeled set; the artifact is its state.

    Attributes:
        data: Training part.
        indices: Labeled samples, (n_labeled,), sorted.
        labels: What the annotator said about them, (n_labeled,).
        backbone: Network.
        train: Training configuration.
        attachments: Heads trained with it; part of the key, because their gradients reach it.
        previous: The model to start from when `train.init` is "previous".
    """

    data: DataRef
    indices: IntArray
    labels: IntArray
    backbone: BackboneSpec
    train: TrainConfig
    attachments: tuple[Attachment, ...] = ()
    previous: TrainStage | None = None

    @property
    def trains_together(self) -> bool:
        """Whether it takes less time in lockstep with others that have as many labels."""
        alone = not self.attachments
        return self.backbone.trains_together and alone and self.train.has_plain_steps

    def training(self, resources: Resources, control: Control) -> Attempt:
        """What is to be trained, watched by a control."""
        from alscope.learn.trainer import Attempt

        prepared = resources.train_data(self.data)
        initial = None
        if self.previous is not None:
            initial = resources.resolve(self.previous, persist=True).arrays
        return Attempt(
            spec=self.backbone,
            sample=prepared.sample,
            source=prepared.train,
            indices=self.indices,
            labels=self.labels,
            n_classes=self.data.known.size,
            train=self.train,
            seed=self.seed,
            device=resources.device,
            control=control,
            initial=initial,
            attachments=self.attachments,
        )

    def compute(self, resources: Resources) -> Produced:
        """Fit the model, unless that was done together with others."""
        from alscope.learn.attachments import heads_state
        from alscope.learn.passes import state_arrays
        from alscope.learn.trainer import fit_together

        result = resources.take_trained(self)
        if result is None:
            (result,) = fit_together([self.training(resources, resources.control)])
        if isinstance(result, TrainingDiverged):
            raise result
        facts = {
            "steps": result.n_steps,
            "epochs": result.n_epochs,
            "loss": result.loss,
            "accuracy": result.accuracy,
            "retries": result.retries,
            "load_s": result.load_s,
            "compute_s": result.compute_s,
            "trained_with": result.n_together,
        }
        return {**state_arrays(result.model), **heads_state(result.heads)}, facts


@dataclass(frozen=True, eq=False)
class EvaluateStage(Stage):
    """Measure the target model on test samples; the artifact is the metrics.

    Attributes:
        model: The trained model.
        indices: Test samples, sorted.
    """

    model: TrainStage
    indices: IntArray

    def compute(self, resources: Resources) -> Produced:
        """Predict and measure."""
        from alscope.learn.evaluate import evaluate

        prepared, targets = resources.test_data(self.model.data)
        labels = self.model.data.relabel(targets)[self.indices]
        batches = resources.batches(
            prepared.test, self.indices, batch_size=self.model.train.eval_batch, stage="evaluate"
        )
        model = resources.model(self.model)
        start = time.perf_counter()
        metrics = evaluate(model, batches, labels)
        elapsed = time.perf_counter() - start
        facts = {
            "metrics": metrics,
            "load_s": batches.load_s,
            "compute_s": max(elapsed - batches.load_s, 0.0),
        }
        return {}, facts


@dataclass(frozen=True, eq=False)
class InputStage(Stage):
    """Compute one input of a strategy on one index set.

    Attributes:
        model: The trained model.
        input: What to compute; a source input.
        indices: The samples, sorted.
    """

    model: TrainStage
    input: Input
    indices: IntArray

    def parents(self) -> tuple[InputStage, ...]:
        """The stages whose arrays this one needs."""
        return tuple(
            InputStage(
                numerics=self.numerics,
                seed=self.seed,
                model=self.model,
                input=parent.source(),
                indices=self.indices,
            )
            for parent in self.input.parents()
        )

    def compute(self, resources: Resources) -> Produced:
        """Run the pass."""
        prepared = resources.train_data(self.model.data)
        batches = resources.batches(
            prepared.train, self.indices, batch_size=self.model.train.eval_batch, stage="infer"
        )
        # By content, as the key is, but without the numerics: other threads round differently, yet
        # they must not draw other masks.
        content = digest([self.input, self.model.data, self.model.indices, self.indices])
        stream = rng.seed_for(self.seed, "input", content)
        context = InputContext(
            model=resources.model(self.model),
            batches=batches,
            device=resources.device,
            n_classes=self.model.data.known.size,
            parents={p.input: resources.resolve(p, persist=False).arrays for p in self.parents()},
            generator=lambda *names: rng.torch_generator(stream, *names),
            attachments=resources.heads(self.model),
        )
        start = time.perf_counter()
        arrays = self.input.compute(context)
        elapsed = time.perf_counter() - start
        facts = {"load_s": batches.load_s, "compute_s": max(elapsed - batches.load_s, 0.0)}
        return arrays, facts
