"""From a study to runs: every problem at once, before anything runs, and what it will cost."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from alscope.backbones.frozen import FROZEN_NOTE
from alscope.backbones.protocols import BackboneSpec
from alscope.config import RunConfig, ScenarioConfig, StudyConfig
from alscope.data.lookup import find_dataset
from alscope.data.pools import pool_summary
from alscope.data.protocols import DataRoot, DataSummary
from alscope.data.scenario import build_scenario, scenario_problems
from alscope.errors import (
    ConfigError,
    DatasetError,
    Problem,
    StoreError,
    UnknownNameError,
    nearest,
)
from alscope.params import check_fields
from alscope.registry import Registry, backbones, datasets, strategies
from alscope.store.runs import RunStore
from alscope.strategies._base import Strategy
from alscope.types import RunState, SampleSpec

__all__ = ["Plan", "composition", "make_plan", "pending", "strategy_problems", "study_problems"]

SAMPLED_RUNS = 100
"""Runs looked at for the time estimate."""


@dataclass(frozen=True)
class Plan:
    """What a study will do.

    Attributes:
        n_runs: Runs in the study.
        n_done: Runs finished already, here or in another study.
        n_trainings: Trainings of the target model still to do; equal ones of round 0 count once.
        n_evaluations: Points of all learning curves.
        seconds: Lower and upper estimate of the remaining time, from runs of the same data set and
            backbone on this machine; None if there are none.
        warnings: Legal choices that probably spoil the result, in words.
    """

    n_runs: int
    n_done: int
    n_trainings: int
    n_evaluations: int
    seconds: tuple[float, float] | None
    warnings: tuple[str, ...]


def make_plan(study: StudyConfig, root: DataRoot, store: RunStore, *, workers: int = 1) -> Plan:
    """Check a study and preview its cost; nothing is downloaded for it.

    Raises:
        ConfigError: With every problem found. Counts of data that are not here yet are checked when
            the study starts.
    """
    problems = study_problems(study, root, fetch=False)
    if problems:
        raise ConfigError(problems)
    runs = study.runs()
    todo = [run for run in runs if store_state(store, run.run_id) is not RunState.DONE]
    firsts = {_first_model(run) for run in todo}
    return Plan(
        n_runs=len(runs),
        n_done=len(runs) - len(todo),
        n_trainings=len(firsts) + sum(run.scenario.n_rounds for run in todo),
        n_evaluations=sum(run.scenario.n_rounds + 1 for run in runs),
        seconds=_estimate(todo, store, workers),
        warnings=tuple(_warnings(study, root)),
    )


def store_state(store: RunStore, run_id: str) -> RunState:
    """The recorded state of a run; queued if it was never created."""
    return store.history(run_id).state if store.exists(run_id) else RunState.QUEUED


def study_problems(study: StudyConfig, root: DataRoot, *, fetch: bool = True) -> list[Problem]:
    """Everything wrong with a study: ranges, names, parameters, data, impossible numbers.

    Args:
        study: What to check.
        root: Where data sets are.
        fetch: Download data that are not here, if `root` allows it, to check counts. Otherwise
            what follows from such data is left out.
    """
    problems = [p for p in study.problems() if not p.path.startswith("scenarios[")]
    backbone, found = _instance(backbones, study.backbone.name, study.backbone.params, "backbone")
    problems += found
    chosen: list[tuple[str, Strategy | None]] = []
    for index, spec in enumerate(study.strategies):
        path = f"strategies[{index}]"
        strategy, found = _instance(strategies, spec.name, spec.params, path)
        problems += found
        chosen.append((path, strategy))
    for index, scenario in enumerate(study.scenarios):
        path = f"scenarios[{index}]"
        if fetch or not pending(scenario, root):
            problems += _scenario_problems(scenario, path, backbone, root, study.seeds or (0,))
        else:
            problems += scenario.problems(path)
    if backbone is not None:
        known = [s for s in study.scenarios if fetch or not pending(s, root)]
        problems += _strategy_problems(known, chosen, backbone, root)
    problems += _candidate_problems(study)
    return problems


def pending(scenario: ScenarioConfig, root: DataRoot) -> tuple[str, ...]:
    """The data sets of a scenario that are not here but may be downloaded."""
    if not root.allow_download:
        return ()
    names = [name for name in (scenario.dataset, scenario.ood_dataset) if name in datasets]
    return tuple(name for name in names if not find_dataset(name).available(root))


def composition(
    scenario: ScenarioConfig, summary: DataSummary, *, seed: int
) -> list[dict[str, Any]]:
    """Who is in the pool, per class: class_name, known, available, initial, pool and test.

    Raises:
        ConfigError: If the scenario is impossible.
    """
    built = build_scenario(scenario, summary, seed=seed)
    initial = np.concatenate([built.split.labeled, built.split.unknowns])
    known = {int(label) for label in built.known}
    size = len(summary.class_names)
    available = np.bincount(summary.train_targets, minlength=size)
    in_initial = np.bincount(summary.train_targets[initial], minlength=size)
    in_pool = np.bincount(summary.train_targets[built.split.pool], minlength=size)
    in_test = np.bincount(summary.test_targets[built.split.test], minlength=size)
    return [
        {
            "class_name": name,
            "known": label in known,
            "available": int(available[label]),
            "initial": int(in_initial[label]),
            "pool": int(in_pool[label]),
            "test": int(in_test[label]),
        }
        for label, name in enumerate(summary.class_names)
    ]


def _instance(
    registry: Registry[Any], name: str, params: Mapping[str, Any], path: str
) -> tuple[Any, list[Problem]]:
    """An implementation with its parameters, or the reasons why not."""
    try:
        cls = registry.get(name)
    except UnknownNameError as error:
        return None, [Problem(f"{path}.name", str(error))]
    fields = [field.name for field in dataclasses.fields(cls)]
    unknown = [key for key in params if key not in fields]
    if unknown:
        return None, [
            Problem(f"{path}.params.{key}", _unknown_param(key, name, fields)) for key in unknown
        ]
    instance = cls(**params)
    problems = list(check_fields(instance, f"{path}.params"))
    return (None if problems else instance), problems


def _unknown_param(key: str, name: str, fields: list[str]) -> str:
    if not fields:
        return f"{name} has no parameters; remove {key}"
    guess = nearest(key, fields)
    hint = f"did you mean {guess!r}?" if guess else f"it has {', '.join(fields)}"
    return f"{name} has no parameter {key!r}; {hint}"


def _scenario_problems(
    scenario: ScenarioConfig,
    path: str,
    backbone: BackboneSpec | None,
    root: DataRoot,
    seeds: tuple[int, ...],
) -> list[Problem]:
    try:
        summary = pool_summary(scenario, root)
    except ConfigError as error:
        found = [replace(problem, path=f"{path}.{problem.path}") for problem in error.problems]
        return [*scenario.problems(path), *found]
    except (UnknownNameError, DatasetError) as error:
        field = "ood_dataset" if _is_readable(scenario.dataset, root) else "dataset"
        return [*scenario.problems(path), Problem(f"{path}.{field}", str(error))]
    trials = seeds if scenario.vary_split else seeds[:1]
    problems = list(
        dict.fromkeys(
            problem
            for seed in trials
            for problem in scenario_problems(scenario, summary, path, seed=seed)
        )
    )
    if backbone is not None:
        problems += [
            Problem("backbone", f"{reason} ({path}: {scenario.dataset})")
            for reason in backbone.problems(summary.sample)
        ]
    return problems


def strategy_problems(
    strategy: Strategy, scenario: ScenarioConfig, backbone: BackboneSpec, sample: SampleSpec
) -> tuple[str, ...]:
    """Why a strategy cannot run on such data, in such a scenario, with such a network."""
    own = strategy.problems(scenario)
    if own:  # what it needs may be undefined then
        return own
    if backbone.encoder_spec is not None:  # strategies see what the network reads
        sample = SampleSpec(modality="features")
    needed = (reason for key in strategy.needs() for reason in key.problems(backbone, sample))
    return tuple(dict.fromkeys(needed))


def _strategy_problems(
    scenarios: Sequence[ScenarioConfig],
    chosen: Iterable[tuple[str, Strategy | None]],
    backbone: BackboneSpec,
    root: DataRoot,
) -> list[Problem]:
    samples = [_sample(scenario.dataset, root) for scenario in scenarios]
    found = [
        Problem(path, f"{strategy.key} cannot run here: {reason}")
        for path, strategy in chosen
        if strategy is not None
        for scenario, sample in zip(scenarios, samples, strict=True)
        if sample is not None
        for reason in strategy_problems(strategy, scenario, backbone, sample)
    ]
    return list(dict.fromkeys(found))


def _is_readable(dataset: str, root: DataRoot) -> bool:
    return _sample(dataset, root) is not None


def _sample(dataset: str, root: DataRoot) -> SampleSpec | None:
    """What its samples look like; None where the data set itself is a problem already."""
    try:
        return find_dataset(dataset).summary(root).sample
    except (UnknownNameError, DatasetError):
        return None


def _candidate_problems(study: StudyConfig) -> list[Problem]:
    largest = max((scenario.query_size for scenario in study.scenarios), default=0)
    return [
        Problem(
            f"strategies[{index}].candidates",
            f"is {spec.candidates}, below query_size ({largest}); raise it",
        )
        for index, spec in enumerate(study.strategies)
        if spec.candidates is not None and spec.candidates < largest
    ]


def _warnings(study: StudyConfig, root: DataRoot) -> Iterable[str]:
    n_seeds = len(study.seeds)
    if n_seeds < 6:
        smallest = 2.0 ** (1 - n_seeds)
        yield (
            f"with {n_seeds} {'seed' if n_seeds == 1 else 'seeds'} a paired test cannot reach "
            f"p = 0.05 (smallest possible p: {smallest:.3g}); use at least 6, better 10"
        )
    groups = {strategies.info(spec.name).get("group") for spec in study.strategies}
    if "baseline" not in groups:
        yield "Random is not among the strategies; without it no gain can be stated"
    if backbones.get(study.backbone.name)(**study.backbone.params).encoder_spec is not None:
        yield FROZEN_NOTE[:1].lower() + FROZEN_NOTE[1:].removesuffix(".")
    yield from _remarks(study)
    absent = dict.fromkeys(name for s in study.scenarios for name in pending(s, root))
    for name in absent:
        yield f"{name} is not here: it is downloaded and checked when the study starts"
    for scenario in (s for s in study.scenarios if not pending(s, root)):
        n_classes = scenario.n_known or len(scenario.known_classes)
        if not n_classes:
            summary = pool_summary(scenario, root)
            n_classes = len(summary.class_names) - len(summary.never_known)
        if scenario.n_initial < n_classes:
            yield (
                f"{scenario.title}: {scenario.n_initial} initial labels for {n_classes} classes; "
                "some classes start without an example"
            )


def _remarks(study: StudyConfig) -> Iterable[str]:
    for spec in study.strategies:
        strategy: Strategy = strategies.get(spec.name)(**spec.params)
        if any(attachment.changes_model for attachment in strategy.attachments()):
            yield (
                f"{spec.title} trains a head together with the target model and so changes it; "
                "its curve compares training and selection, not selection alone"
            )
        for scenario in study.scenarios:
            yield from (f"{spec.title}, {scenario.title}: {r}" for r in strategy.remarks(scenario))


def _first_model(run: RunConfig) -> str:
    # Heads that are trained with a model make it another one.
    strategy: Strategy = strategies.get(run.strategy.name)(**run.strategy.params)
    return repr((run.scenario, run.backbone, run.train, run.seed, strategy.attachments()))


def _estimate(todo: list[RunConfig], store: RunStore, workers: int) -> tuple[float, float] | None:
    """Remaining seconds from measured rounds: a third below and half above the median."""
    if not todo:
        return (0.0, 0.0)
    measured: dict[tuple[str, str], list[float]] = {}
    for run_id in store.run_ids()[-SAMPLED_RUNS:]:
        try:
            history, config = store.history(run_id), store.config(run_id)
        except StoreError:  # a damaged run says nothing about the time of others
            continue
        if history.state is RunState.DONE and history.rounds:
            spent = [event.data["timing"]["executed_s"] for event in history.rounds]
            key = (config.scenario.dataset, config.backbone.name)
            measured.setdefault(key, []).append(statistics.fmean(spent))
    total = 0.0
    for run in todo:
        known = measured.get((run.scenario.dataset, run.backbone.name))
        if not known:
            return None
        total += statistics.median(known) * (run.scenario.n_rounds + 1)
    total /= workers
    return (math.floor(total / 1.5), math.ceil(total * 1.5))
