"""Stages of the learners beside the target model, and which samples they are about.

The target model is no part of these keys. A label-free companion is fitted on all samples of the
trial and looks at all of them once; what a round needs are rows of that.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alscope import rng
from alscope.backbones.protocols import BackboneSpec
from alscope.config import TrainConfig
from alscope.engine.control import AuxiliaryControl
from alscope.engine.stages import DataRef, Produced, Stage, TrainStage
from alscope.hashing import digest
from alscope.inputs import CompanionContext, CompanionOutput
from alscope.learn.protocols import Companion, LearnerContext
from alscope.store.artifacts import Artifact
from alscope.types import Arrays, IntArray, Split

if TYPE_CHECKING:
    from alscope.engine.resources import Resources

__all__ = ["CompanionOutputStage", "CompanionStage", "output_stage", "rows_of"]


@dataclass(frozen=True, eq=False)
class CompanionStage(Stage):
    """Fit a companion; the artifact is its state.

    Attributes:
        data: Training part.
        companion: The learner.
        backbone: Network of the run.
        train: How the run trains; the defaults for a companion that does not depend on it.
        indices: Samples it is fitted on, sorted.
        labels: Their classes, n_classes for unknown ones; empty for a label-free companion.
    """

    data: DataRef
    companion: Companion
    backbone: BackboneSpec
    train: TrainConfig
    indices: IntArray
    labels: IntArray

    def context(self, resources: Resources) -> LearnerContext:
        """What the companion may use."""
        prepared = resources.train_data(self.data)
        return LearnerContext(
            data=prepared,
            indices=self.indices,
            labels=self.labels,
            n_classes=self.data.known.size,
            backbone=self.backbone,
            train=self.train,
            seed=rng.seed_for(self.seed, "companion", digest(self.companion)),
            device=resources.device,
            control=resources.control,
        )

    def compute(self, resources: Resources) -> Produced:
        """Fit it."""
        context = self.context(resources)
        # A detector is trained by the trainer of the target model, which calls its stage "train".
        context = replace(context, control=AuxiliaryControl(resources.control))
        start = time.perf_counter()
        arrays, facts = self.companion.fit(context)
        elapsed = time.perf_counter() - start
        return arrays, {"facts": facts, "load_s": 0.0, "compute_s": elapsed}


@dataclass(frozen=True, eq=False)
class CompanionOutputStage(Stage):
    """What a fitted companion says about samples.

    Attributes:
        fitted: The companion.
        output: What is asked.
        indices: The samples, sorted.
    """

    version: ClassVar[int] = 2

    fitted: CompanionStage
    output: CompanionOutput
    indices: IntArray

    def compute(self, resources: Resources) -> Produced:
        """Run it over the samples."""
        context = self.fitted.context(resources)
        prepared = resources.train_data(self.fitted.data)
        batch_size = self.fitted.train.eval_batch
        batches = resources.batches(
            prepared.train, self.indices, batch_size=batch_size, stage="infer"
        )
        fitted = resources.resolve(self.fitted, persist=True)
        fields = {**vars(context), "indices": self.indices}
        start = time.perf_counter()
        arrays = self.output.infer(CompanionContext(**fields, state=fitted.arrays, batches=batches))
        elapsed = time.perf_counter() - start
        return arrays, {
            "facts": fitted.meta["facts"],
            "load_s": batches.load_s,
            "compute_s": max(elapsed - batches.load_s, 0.0),
        }


def output_stage(
    output: CompanionOutput,
    split: Split,
    indices: IntArray,
    *,
    model: TrainStage,
    labels: IntArray,
) -> CompanionOutputStage:
    """The stage that answers what a strategy asks of a companion.

    Args:
        output: What is asked.
        split: Who is where in this round.
        indices: The samples it is asked about, sorted.
        model: The target model of the round; the stage takes over its data, network, training
            configuration and seed (if chance plays a part), not the model.
        labels: Of every training row, -1 for unknown classes; only annotated ones are read.
    """
    companion, n_classes = output.companion, model.data.known.size
    annotated = np.sort(np.concatenate([split.labeled, split.unknowns]))
    whole = np.sort(np.concatenate([annotated, split.pool]))
    known = labels[annotated]
    seed = model.seed if companion.is_random else 0
    fitted = CompanionStage(
        numerics=model.numerics,
        seed=seed,
        data=model.data,
        companion=companion,
        backbone=model.backbone,
        train=model.train if companion.uses_train else TrainConfig(),
        indices=whole if companion.label_free else annotated,
        labels=known[:0] if companion.label_free else np.where(known < 0, n_classes, known),
    )
    return CompanionOutputStage(
        numerics=model.numerics,
        seed=seed,
        fitted=fitted,
        # One question about all samples serves every index set and every round.
        output=replace(output, on="pool") if companion.label_free else output,
        indices=whole if companion.label_free else indices,
    )


def rows_of(artifact: Artifact, stage: CompanionOutputStage, indices: IntArray) -> Arrays:
    """The rows of some samples in what a companion said; see `output_stage`."""
    if stage.indices.size == indices.size:
        return artifact.arrays
    rows = np.searchsorted(stage.indices, indices)
    return {name: array[rows] for name, array in artifact.arrays.items()}
