"""Heads alone, trained in lockstep: one pass of Python and torch for all of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from alscope.errors import TrainingDiverged
from alscope.learn._attempt import Attempt, Built, Clock, Seen, Trained
from alscope.learn._head_step import HeadStep
from alscope.learn.device import to_device
from alscope.learn.optim import make_optimizer, rate

if TYPE_CHECKING:
    from alscope.backbones.protocols import Backbone

__all__ = ["are_heads_alone", "train_heads"]


def are_heads_alone(attempts: Sequence[Attempt], built: Sequence[Built]) -> bool:
    """Whether trainings have the written-out step, and shapes and settings in common."""
    first = attempts[0]
    return all(
        HeadStep.suits(model, job.train, job.device)
        and not job.attachments
        and job.temperature == 1
        and job.n_steps > 0
        and (job.spec, job.sample, job.train) == (first.spec, first.sample, first.train)
        and (job.n_classes, job.indices.size) == (first.n_classes, first.indices.size)
        for job, (model, _) in zip(attempts, built, strict=True)
    )


def train_heads(
    attempts: Sequence[Attempt], built: Sequence[Built], clock: Clock
) -> list[Trained | TrainingDiverged]:
    """What `Attempt.run` would do with each, to the last bit.

    Args:
        attempts: Trainings for which `are_heads_alone` holds.
        built: What each begins with.
        clock: Hears how long embeddings took.

    Raises:
        Interrupted: If one of them is asked to stop; nothing is left of the others either.
    """
    first = attempts[0]
    clock.load_s -= clock.total_s
    embeddings = [_embeddings(job, one.model) for job, one in zip(attempts, built, strict=True)]
    clock.load_s += clock.total_s
    models = [one.model for one in built]
    heads = [list(model.head.parameters()) for model in models]
    optimizer = make_optimizer(first.train, itertools.chain(*heads))
    take = HeadStep(models, embeddings, [job.targets for job in attempts])
    seen = [job.last_pass() for job in attempts]
    lost: dict[int, TrainingDiverged] = {}
    step = 0
    for epoch in range(first.n_epochs):
        orders = zip(*(job.batches(epoch) for job in attempts), strict=True)
        generators = [job.generator("dropout", epoch) for job in attempts]
        for rows in itertools.islice(orders, first.n_steps - step):
            for job in attempts:
                job.look(step)
            values = take(torch.from_numpy(np.stack(rows)), generators).tolist()
            if first.train.grad_clip > 0:
                for weights in heads:
                    nn.utils.clip_grad_norm_(weights, first.train.grad_clip)
            optimizer.step(rate(first.train, step, first.n_steps))
            for place, (loss, n_correct) in enumerate(values):
                if not math.isfinite(loss) and place not in lost:
                    lost[place] = attempts[place].diverged(f"loss became {loss}", step)
                seen[place].append((loss * rows[0].size, n_correct, rows[0].size))
            step += 1
            if len(lost) == len(attempts):
                return [lost[place] for place in range(len(attempts))]
    return [
        lost.get(place) or _finished(*parts)
        for place, parts in enumerate(zip(attempts, built, seen, strict=True))
    ]


@torch.no_grad()
def _embeddings(job: Attempt, model: Backbone) -> Tensor:
    indices = np.array(job.indices)  # torch wants a copy of what may be read-only
    return model.embed(to_device(job.source.eval_batch(indices), job.device))


def _finished(job: Attempt, built: Built, seen: Seen) -> Trained | TrainingDiverged:
    try:
        return job.finish(built, seen)
    except TrainingDiverged as error:
        return error
