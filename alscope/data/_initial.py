"""Initial labeled sets. All nest: a larger `n_initial` adds samples and removes none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from alscope.config import ScenarioConfig
from alscope.types import IntArray

__all__ = ["initial_rows"]


def initial_rows(
    config: ScenarioConfig, rows: IntArray, labels: IntArray, rng: np.random.Generator
) -> IntArray:
    """The rows that are annotated before the first query.

    Args:
        config: The scenario; `initial` says how.
        rows: Training rows in use, known and unknown, (n,).
        labels: Label of every training row of the data set, (n_train,); -1: unknown class.
        rng: For the draw.

    Returns:
        `config.n_initial` rows.
    """
    return _DRAWS[config.initial](config, rows, labels, rng)


def _random(
    config: ScenarioConfig, rows: IntArray, labels: IntArray, rng: np.random.Generator
) -> IntArray:
    candidates = rows if config.initial_ood else rows[labels[rows] >= 0]
    return rng.permutation(candidates)[: config.n_initial]


def _balanced(
    config: ScenarioConfig, rows: IntArray, labels: IntArray, rng: np.random.Generator
) -> IntArray:
    # One sample of every known class in turn, in a random order of the classes, until enough are
    # taken; a class that runs out is passed over.
    candidates = rng.permutation(rows[labels[rows] >= 0])
    classes = labels[candidates]
    turn = np.empty(candidates.size, dtype=np.int64)
    for label in np.unique(classes):
        members = classes == label
        turn[members] = np.arange(np.count_nonzero(members))
    place = rng.permutation(int(labels.max()) + 1)[classes]
    return candidates[np.lexsort((place, turn))][: config.n_initial]


def _given(
    config: ScenarioConfig, rows: IntArray, labels: IntArray, rng: np.random.Generator
) -> IntArray:
    return np.array(config.initial_ids, dtype=np.int64)


_DRAWS: dict[str, Callable[[ScenarioConfig, IntArray, IntArray, np.random.Generator], IntArray]] = {
    "random": _random,
    "balanced": _balanced,
    "given": _given,
}
