"""One run: train, evaluate, select, annotate, record; again until the budget is spent.

The loop knows no strategy by name. Everything expensive is a stage, so that strategies of one trial
share what is equal (round 0) and every one is still charged what it would have cost alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from alscope import rng
from alscope.accelerator import offering
from alscope.backbones.protocols import BackboneSpec
from alscope.config import RunConfig, StrategySpec
from alscope.data.oracle import TruthOracle
from alscope.data.scenario import Scenario
from alscope.engine.capacity import load_of, require_capacity
from alscope.engine.control import RunControl, SelectionListener
from alscope.engine.environment import check_same_environment, environment
from alscope.engine.failures import is_out_of_memory
from alscope.engine.gather import Gathered, gather
from alscope.engine.predictions import Recorded, record_predictions, watched_samples
from alscope.engine.resources import Resources
from alscope.engine.stages import DataRef, EvaluateStage, TrainStage
from alscope.engine.validate import check_selection
from alscope.learn.products import holder_for
from alscope.progress import listening
from alscope.registry import backbones, strategies
from alscope.store import _faults
from alscope.store.artifacts import Artifact
from alscope.store.writer import RunWriter
from alscope.strategies._base import Strategy
from alscope.types import Arrays, IntArray, Outcome, PoolView, Selection, Split, State

__all__ = ["make_backbone", "make_strategy", "trial_steps"]

log = logging.getLogger(__name__)


def make_strategy(spec: StrategySpec) -> Strategy:
    """The strategy that a specification names."""
    strategy: Strategy = strategies.get(spec.name)(**spec.params)
    return strategy


def make_backbone(name: str, params: Any) -> BackboneSpec:
    """The backbone specification that a configuration names."""
    spec: BackboneSpec = backbones.get(name)(**params)
    return spec


def trial_steps(
    config: RunConfig,
    writer: RunWriter,
    resources: Resources,
    control: RunControl,
    *,
    accept_change: bool = False,
) -> Iterator[TrainStage]:
    """Execute a run to its end, from wherever its journal stands, piece by piece.

    Args:
        config: The run.
        writer: Its open journal.
        resources: Device, data and caches.
        control: Checked at least once per batch.
        accept_change: Continue although the environment changed.

    Yields:
        What every round is about to train. Meanwhile other runs may have their turn, and the
        training may be done together with theirs; the run does not notice.

    Raises:
        Interrupted: If the run was asked to stop; what was recorded stays.
        ALScopeError: If the run cannot be done.
    """
    trial = _Trial(config, resources, control)
    trial.start(writer, accept_change=accept_change)
    split, state, first = trial.replay(writer)
    for round_number in range(first, config.scenario.n_rounds + 1):
        control.round = round_number
        stage = trial.train_stage(round_number, split)
        yield stage
        resources.control = control  # another run may have had its turn
        split, state = trial.round(round_number, stage, split, state, writer)
    writer.append("done", {})


@dataclass(frozen=True, eq=False)
class _Query:
    """What one query chose, what came back, and what it cost."""

    queried: IntArray
    outcome: Outcome
    selection: Selection
    state: State | None
    costs: dict[str, float]
    companions: list[dict[str, Any]]
    inputs_cached: bool
    contended: bool
    recorded: Recorded


class _Trial:
    """What stays the same over the rounds of a run."""

    def __init__(self, config: RunConfig, resources: Resources, control: RunControl) -> None:
        self.config = config
        self.resources = resources
        self.control = control
        self.strategy = make_strategy(config.strategy)
        self.backbone = make_backbone(config.backbone.name, config.backbone.params)
        resources.control = control
        control.progress("load", 0.0)
        summary = resources.summary(config.scenario)
        self.scenario: Scenario = resources.scenario(config.scenario, summary, seed=config.seed)
        prepared = resources.prepare(config.scenario, self.backbone, config.train)
        self.data = DataRef(config.scenario.dataset, prepared.fingerprint, self.scenario.known)
        self.oracle = TruthOracle(self.scenario.answers)
        self._last_stage: TrainStage | None = None
        self._watched = watched_samples(self.scenario.split.pool, config.seed)
        self.environment = environment(
            device=resources.device_name,
            n_threads=resources.n_threads,
            data_fingerprint=summary.fingerprint,
            inputs_fingerprint=prepared.fingerprint,
        )

    def start(self, writer: RunWriter, *, accept_change: bool) -> None:
        """Record the environment; refuse to mix environments silently."""
        changes: tuple[str, ...] = ()
        if writer.history.rounds:
            before = writer.history.rounds[-1].data["env"]
            changes = check_same_environment(before, self.environment, accept_change=accept_change)
        started = {"env": self.environment, "changes": list(changes)}
        writer.append("started", started, wait=False)

    def replay(self, writer: RunWriter) -> tuple[Split, State | None, int]:
        """Where the journal stands: the split, the strategy's state, and the next round."""
        split: Split = self.scenario.split
        state: State | None = None
        for event in writer.history.rounds:
            self._train_stage(split)  # a warm start continues the chain of models
            if "query" in event.blobs:
                arrays = writer.blob(event.blobs["query"])
                split = split.annotate(arrays["queried"], Outcome(arrays["labels"]))
            if "state" in event.blobs:
                state = writer.blob(event.blobs["state"])
        return split, state, len(writer.history.rounds)

    def train_stage(self, number: int, split: Split) -> TrainStage:
        """What a round trains, if its query can be made."""
        if number < self.config.scenario.n_rounds:
            spec, size = self.config.strategy, self.config.scenario.query_size
            require_capacity(self.strategy, load_of(split, spec, size))
        return self._train_stage(split)

    def round(
        self,
        number: int,
        stage: TrainStage,
        split: Split,
        state: State | None,
        writer: RunWriter,
    ) -> tuple[Split, State | None]:
        """Train, evaluate, select, annotate, record."""
        began = time.perf_counter() - self.resources.spent_before(stage)
        trained = self.resources.resolve(stage, persist=True)
        evaluation = EvaluateStage(
            numerics=self.resources.numerics,
            seed=self.config.seed,
            model=stage,
            indices=split.test,
        )
        evaluated = self.resources.resolve(evaluation, persist=True)
        query = None
        if number < self.config.scenario.n_rounds:
            query = self._query(number, stage, split, state)
        result = self._result(number, split, trained, evaluated, query)
        timing = self._timing(trained, evaluated, query, executed=time.perf_counter() - began)
        writer.append(
            "round",
            {"result": result, "timing": timing, "env": self.environment},
            blobs=_blobs(query),
            wait=False,  # the next round trains meanwhile, and is recorded after this one
        )
        if query is None:
            return split, state
        return split.annotate(query.queried, query.outcome), query.state

    def _train_stage(self, split: Split) -> TrainStage:
        previous = self._last_stage if self.config.train.init == "previous" else None
        stage = TrainStage(
            numerics=self.resources.numerics,
            seed=self.config.seed,
            data=self.data,
            indices=split.labeled,
            labels=self.scenario.answers[split.labeled],
            backbone=self.backbone,
            train=self.config.train,
            attachments=self.strategy.attachments(),
            previous=previous,
        )
        self._last_stage = stage
        return stage

    def _query(self, number: int, stage: TrainStage, split: Split, state: State | None) -> _Query:
        self.control.progress("infer", 0.0)
        pool = self._candidates(number, split.pool)
        gathered = gather(
            self.strategy,
            stage,
            split,
            pool,
            round=number,
            labels=self.scenario.answers,
            resources=self.resources,
        )
        view = self._view(number, gathered, split, pool)
        size = self.config.scenario.query_size
        name = self.config.strategy.name
        self.control.progress("select", 0.0)
        began = time.perf_counter()
        _faults.point("select.before")
        selection = self._select(number, view, state)
        _faults.point("select.after")
        acquisition_s = time.perf_counter() - began
        check_selection(selection, n_pool=view.n_pool, query_size=size)
        self.control.check()
        queried = pool[selection.positions]
        outcome = self.oracle.annotate(queried)
        observer = rng.generator(self.config.seed, "observe", name, number)
        began = time.perf_counter()
        state = self.strategy.observe(view, selection, outcome, observer, state)
        observe_s = time.perf_counter() - began
        recorded = record_predictions(
            stage,
            gathered,
            pool,
            selection,
            watched=self._watched,
            tie_keys=view.tie_keys,
            round=number,
            resources=self.resources,
        )
        costs, fits = gathered.costs, gathered.fits
        return _Query(
            queried=queried,
            outcome=outcome,
            selection=selection,
            state=state,
            costs={
                "load_s": sum(cost.load_s for cost in costs),
                "inference_s": sum(cost.compute_s for cost in costs),
                "acquisition_s": acquisition_s,
                "aux_s": observe_s + sum(cost.total_s for cost in fits),
            },
            companions=gathered.companions,
            inputs_cached=bool(gathered.arrays) and gathered.all_cached,
            contended=self.resources.contended or any(c.contended for c in (*costs, *fits)),
            recorded=recorded,
        )

    def _select(self, number: int, view: PoolView, state: State | None) -> Selection:
        size, name = self.config.scenario.query_size, self.config.strategy.name

        def select() -> Selection:
            # From its seed every time, so that a second attempt is the first one.
            generator = rng.generator(self.config.seed, "strategy", name, number)
            device = holder_for(self.resources.device)
            with listening(SelectionListener(self.control)), offering(device):
                return self.strategy.select(view, size, generator, state)

        try:
            return select()
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            log.warning("%s ran out of memory; what is only kept is dropped: %s", name, error)
        self.resources.make_room()
        return select()

    def _candidates(self, number: int, pool: IntArray) -> IntArray:
        size = self.config.strategy.n_seen(pool.size, self.config.scenario.query_size)
        if size == pool.size:
            return pool
        # The same subset for every strategy of a trial and round that asks for one.
        chosen = rng.generator(self.config.seed, "candidates", number).choice(
            pool, size=size, replace=False
        )
        return np.sort(chosen)

    def _view(self, number: int, gathered: Gathered, split: Split, pool: IntArray) -> PoolView:
        seed = rng.seed_for(self.config.seed, "tie_break", self.config.strategy.name)
        return PoolView(
            gathered.arrays,
            n_pool=pool.size,
            n_classes=self.scenario.known.size,
            round=number,
            labels=self.scenario.answers[split.labeled],
            n_unknowns=split.unknowns.size,
            tie_keys=rng.tie_keys(pool, seed=seed, round=number),
        )

    def _result(
        self,
        number: int,
        split: Split,
        trained: Artifact,
        evaluated: Artifact,
        query: _Query | None,
    ) -> dict[str, Any]:
        return {
            "round": number,
            "n_annotated": split.n_annotated,
            "n_labeled": int(split.labeled.size),
            "n_unknowns": int(split.unknowns.size),
            "n_pool": int(split.pool.size),
            "metrics": evaluated.meta["metrics"],
            "class_counts": self._counts(self.scenario.answers[split.labeled]),
            **self._mislabeled(split),
            "train": {
                name: trained.meta[name]
                for name in ("steps", "epochs", "loss", "accuracy", "retries")
            },
            "query": self._query_result(query),
        }

    def _mislabeled(self, split: Split) -> dict[str, int]:
        # Said only where annotators err, so that the records of all others stay as they were.
        if self.config.scenario.label_noise == 0:
            return {}
        wrong = self.scenario.answers != self.scenario.labels
        return {"n_mislabeled": int(wrong[split.labeled].sum())}

    def _query_result(self, query: _Query | None) -> dict[str, Any] | None:
        if query is None:
            return None
        known = int(query.outcome.known.sum())
        size = int(query.queried.size)
        # Said only where there are any, so that the records of all others stay as they were.
        companions = {"companions": query.companions} if query.companions else {}
        return {
            "size": size,
            "n_known": known,
            "n_unknown": size - known,
            "purity": known / size,
            "class_counts": self._counts(query.outcome.labels[query.outcome.known]),
            "diagnostics": dict(query.selection.diagnostics),
            **companions,
        }

    def _counts(self, labels: IntArray) -> list[int]:
        counts: list[int] = np.bincount(labels, minlength=self.scenario.known.size).tolist()
        return counts

    def _timing(
        self, trained: Artifact, evaluated: Artifact, query: _Query | None, *, executed: float
    ) -> dict[str, Any]:
        train, evaluate = self.resources.cost(trained), self.resources.cost(evaluated)
        costs = query.costs if query else _NO_QUERY
        recording_s = query.recorded.extra_s if query else 0.0
        return {
            "train_s": train.total_s,
            "evaluate_s": evaluate.total_s,
            **costs,
            "selection_s": costs["load_s"] + costs["inference_s"] + costs["acquisition_s"],
            # A pass made for the record alone is nobody's cost; it is named apart.
            "executed_s": executed - recording_s,
            "recording_s": recording_s,
            "train_cached": trained.hit,
            "trained_with": trained.meta.get("trained_with", 1),
            "inputs_cached": query.inputs_cached if query else False,
            "contended": train.contended
            or evaluate.contended
            or (query.contended if query else False),
        }


_NO_QUERY = {"load_s": 0.0, "inference_s": 0.0, "acquisition_s": 0.0, "aux_s": 0.0}


def _blobs(query: _Query | None) -> dict[str, Arrays]:
    if query is None:
        return {}
    arrays: Arrays = {"queried": query.queried, "labels": query.outcome.labels}
    if query.selection.scores is not None:
        arrays["scores"] = query.selection.scores[query.selection.positions]
    blobs = {"query": arrays, "predictions": query.recorded.arrays}
    if query.state is not None:
        blobs["state"] = dict(query.state)
    return blobs
