"""What the target model thought of the candidates at the moment of a query, for the record.

Nothing of this reaches a strategy or a clock: it is looked up after the selection. If the strategy
had asked for a forward pass over the pool, the record is read from that pass. Otherwise one more
pass is made, after everything that is timed, and charged to nobody.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope import rng
from alscope.acquisition.ranking import top_k
from alscope.engine.gather import Gathered
from alscope.engine.resources import Resources
from alscope.engine.stages import InputStage, TrainStage
from alscope.inputs import Forward, Probs
from alscope.types import Arrays, IntArray, Selection

__all__ = ["N_WATCHED", "Recorded", "record_predictions", "watched_samples"]

N_WATCHED = 20_000
"""Samples of a pool whose predictions are recorded in every round: at most 0.2 MB a round."""


class Recorded(NamedTuple):
    """What is recorded, and what it cost."""

    arrays: Arrays
    """id, predicted, ood_score and, of a scoring strategy, rank: one entry for each sample."""
    extra_s: float
    """Seconds of a pass that the strategy had not asked for; 0 if it had."""


def watched_samples(pool: IntArray, seed: int) -> IntArray:
    """The samples whose predictions are recorded in every round, sorted.

    Everything, or a subset that depends on the trial only: the same for all its strategies and
    rounds, so that one sample can be followed through them.

    Args:
        pool: The pool before the first query.
        seed: Trial seed.
    """
    if pool.size <= N_WATCHED:
        return pool
    return np.sort(rng.generator(seed, "watched").choice(pool, size=N_WATCHED, replace=False))


def record_predictions(
    model: TrainStage,
    gathered: Gathered,
    pool: IntArray,
    selection: Selection,
    *,
    watched: IntArray,
    tie_keys: NDArray[np.uint64],
    round: int,
    resources: Resources,
) -> Recorded:
    """Predicted class, OOD score and rank of the candidates that are watched or were chosen.

    Args:
        model: The target model of the round.
        gathered: What the strategy asked for.
        pool: The candidates, sorted.
        selection: What it chose from them.
        watched: From `watched_samples`.
        tie_keys: Of the candidates, as the strategy had them.
        round: Round number.
        resources: Device, data and caches.
    """
    seen = np.isin(pool, watched, assume_unique=True)
    seen[selection.positions] = True
    kept = np.flatnonzero(seen)
    began = time.perf_counter()
    logits, extra = _logits(model, gathered, pool, kept, round=round, resources=resources)
    extra_s = time.perf_counter() - began if extra else 0.0
    probs = Probs().extract({"logits": logits})
    arrays: Arrays = {
        "id": _small(pool[kept], int(pool.max(initial=0))),
        "predicted": _small(probs.argmax(axis=1), probs.shape[1] - 1),
        # The complement, because float16 is fine near zero and coarse near one.
        "ood_score": (1.0 - probs.max(axis=1)).astype(np.float16),
    }
    ranks = _ranks(selection, tie_keys)
    if ranks is not None:
        arrays["rank"] = _small(ranks[kept], pool.size - 1)
    return Recorded(arrays, extra_s)


def _logits(
    model: TrainStage,
    gathered: Gathered,
    pool: IntArray,
    kept: IntArray,
    *,
    round: int,
    resources: Resources,
) -> tuple[NDArray[np.float32], bool]:
    """Logits of the kept candidates, and whether a pass was made for them."""
    forward = Forward(on="pool")
    if forward in gathered.arrays:
        return gathered.arrays[forward]["logits"][kept], False
    stage = InputStage(
        numerics=resources.numerics,
        seed=model.seed,
        model=model,
        input=forward,
        indices=pool[kept],
    )
    return resources.resolve(stage, persist=round == 0).arrays["logits"], True


def _ranks(selection: Selection, tie_keys: NDArray[np.uint64]) -> IntArray | None:
    """Place of every candidate by the strategy's own score, 0 is the best; None without scores."""
    scores = selection.scores
    if scores is None:
        return None
    # A strategy may rule a sample out with an infinite score; `top_k` wants finite ones.
    limit = np.finfo(np.float64).max
    order = top_k(np.clip(scores, -limit, limit), scores.size, keys=tie_keys)
    ranks = np.empty_like(order)
    ranks[order] = np.arange(order.size)
    return ranks


def _small(values: IntArray, largest: int) -> NDArray[np.unsignedinteger]:
    """Whole numbers in the smallest type that holds the largest one possible."""
    small: NDArray[np.unsignedinteger] = values.astype(np.min_scalar_type(largest))
    return small
