"""Everything a strategy declared, and what it is charged for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from alscope.engine.companions import output_stage, rows_of
from alscope.engine.resources import Resources
from alscope.engine.stages import InputStage, Stage, TrainStage
from alscope.inputs import CompanionOutput, Input
from alscope.store.artifacts import Artifact
from alscope.strategies._base import Strategy
from alscope.types import Arrays, Cost, InputKey, IntArray, Split

__all__ = ["Gathered", "gather"]


@dataclass(eq=False)
class Gathered:
    """Inputs of one selection.

    Attributes:
        arrays: By source input.
        costs: Of the passes this round is charged for.
        fits: Of the companions this round is charged for.
        companions: What the companions are, in words and numbers, one entry for each.
        all_cached: Whether nothing had to be computed.
    """

    arrays: dict[InputKey, Arrays] = field(default_factory=dict)
    costs: list[Cost] = field(default_factory=list)
    fits: list[Cost] = field(default_factory=list)
    companions: list[dict[str, Any]] = field(default_factory=list)
    all_cached: bool = True


def gather(
    strategy: Strategy,
    model: TrainStage,
    split: Split,
    pool: IntArray,
    *,
    round: int,
    labels: IntArray,
    resources: Resources,
) -> Gathered:
    """The closure of what a strategy declared, every input once.

    A run on its own would fit a label-free companion and look through it once, before its first
    query; so that is the round that is charged for it, whoever computed it.

    Args:
        strategy: Declares the inputs.
        model: The target model of this round.
        split: Who is where.
        pool: The samples of the pool that may be chosen, sorted.
        round: Round number; what round 0 asks for is shared with other strategies and kept on disk.
        labels: Of every training row; only annotated ones are read.
        resources: Device, data and caches.
    """
    sets = {"pool": pool, "labeled": split.labeled, "unknowns": split.unknowns}
    gatherer = _Gatherer(model, split, sets, round=round, labels=labels, resources=resources)
    for key in strategy.needs():
        gatherer.add(key.source())
    return gatherer.found


class _Gatherer:
    def __init__(
        self,
        model: TrainStage,
        split: Split,
        sets: dict[str, IntArray],
        *,
        round: int,
        labels: IntArray,
        resources: Resources,
    ) -> None:
        self.found = Gathered()
        self._model = model
        self._split = split
        self._sets = sets
        self._round = round
        self._labels = labels
        self._resources = resources
        self._charged: set[str] = set()

    def add(self, key: Input) -> None:
        """Resolve an input and what it is computed from."""
        if key in self.found.arrays:
            return
        for parent in key.parents():  # first, so that they are persisted too
            self.add(parent.source())
        arrays = self._companion(key) if isinstance(key, CompanionOutput) else self._pass(key)
        self.found.arrays[key] = arrays

    def _pass(self, key: Input) -> Arrays:
        stage = InputStage(
            numerics=self._resources.numerics,
            seed=self._model.seed,
            model=self._model,
            input=key,
            indices=self._sets[key.on],
        )
        artifact = self._resources.resolve(stage, persist=self._round == 0)
        self.found.all_cached &= artifact.hit
        self._charge(stage, artifact, self.found.costs)
        return artifact.arrays

    def _companion(self, key: CompanionOutput) -> Arrays:
        indices = self._sets[key.on]
        stage = output_stage(key, self._split, indices, model=self._model, labels=self._labels)
        label_free = key.companion.label_free
        artifact = self._resources.resolve(stage, persist=label_free or self._round == 0)
        self.found.all_cached &= artifact.hit
        title = {"name": key.companion.title, **artifact.meta["facts"]}
        if title not in self.found.companions:
            self.found.companions.append(title)
        if self._round == 0 or not label_free:
            # Only for its cost: what it says is known, so an evicted state is not fitted again.
            fitted = self._resources.resolve(stage.fitted, persist=True)
            self._charge(stage.fitted, fitted, self.found.fits)
            self._charge(stage, artifact, self.found.costs)
        return rows_of(artifact, stage, indices)

    def _charge(self, stage: Stage, artifact: Artifact, costs: list[Cost]) -> None:
        # Two inputs can be rows of one stage.
        if stage.key not in self._charged:
            self._charged.add(stage.key)
            costs.append(self._resources.cost(artifact))
