"""From a study to runs: every problem at once, before anything runs, and what it will cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from alscope.backbones.protocols import BackboneSpec
from alscope.config import BackboneConfig, RunConfig, ScenarioConfig, StudyConfig
from alscope.data.lookup import find_dataset
from alscope.data.pools import pool_summary
from alscope.data.protocols import DataRoot, DataSummary
from alscope.data.scenario import build_scenario, scenario_problems
from alscope.engine.capacity import capacity_problems
from alscope.engine.pitfalls import Pitfall, pitfalls
from alscope.engine.preview import (
    disk_bytes,
    known_classes,
    pending,
    remarks,
    sizes,
    study_warnings,
)
from alscope.engine.timings import Estimate, Rates, Sizes, TimingBook
from alscope.errors import (
    ConfigError,
    DatasetError,
    Problem,
    UnknownNameError,
    nearest,
)
from alscope.params import check_fields
from alscope.registry import Registry, backbones, strategies
from alscope.store.runs import RunStore
from alscope.store.summaries import RunSummary, summarize
from alscope.strategies._base import Strategy
from alscope.types import RunState, SampleSpec

__all__ = ["Plan", "composition", "make_plan", "strategy_problems", "study_problems", "time_of"]


Look = Callable[[str], "RunSummary | None"]


@dataclass(frozen=True)
class Plan:
    """What a study will do.

    Attributes:
        n_runs: Runs in the study.
        n_done: Runs finished already, here or in another study.
        n_trainings: Trainings of the target model still to do; equal ones of round 0 count once.
        n_evaluations: Points of all learning curves.
        warnings: Legal choices that probably spoil the result, in words: the pitfalls that it walks
            into, then the remarks.
        time: How long what is left will take; None if nothing like it was measured here.
        workers: Runs at the same time that `time` is for.
        disk_bytes: What the records of the runs to do will take.
        pitfalls: Every question about the study, answered.
        remarks: What to know about network, data and strategies.
        absent: Data sets that are not here and will be downloaded at the start.
    """

    n_runs: int
    n_done: int
    n_trainings: int
    n_evaluations: int
    warnings: tuple[str, ...]
    time: Estimate | None
    workers: int
    disk_bytes: int
    pitfalls: tuple[Pitfall, ...]
    remarks: tuple[str, ...]
    absent: tuple[str, ...]

    @property
    def seconds(self) -> tuple[float, float] | None:
        """Lower and upper estimate of the remaining time; None if there is none."""
        return None if self.time is None else (self.time.low, self.time.high)


def make_plan(
    study: StudyConfig,
    root: DataRoot,
    store: RunStore,
    *,
    workers: int = 1,
    rates: Rates | None = None,
    look: Look | None = None,
) -> Plan:
    """Check a study and preview its cost; nothing is downloaded for it.

    Args:
        study: What to run.
        root: Where data sets are.
        store: Where its runs are or will be.
        workers: Runs at the same time.
        rates: What was measured here; None: read it from the store.
        look: Finds the summary of a run; None: read it from the store.

    Raises:
        ConfigError: With every problem found. Counts of data that are not here yet are checked by
            the runs.
    """
    problems = study_problems(study, root)
    if problems:
        raise ConfigError(problems)
    runs = study.runs()
    look = look or partial(summarize, store)
    n_recorded = {run.run_id: _n_recorded(look, run.run_id) for run in runs}
    todo = [run for run in runs if n_recorded[run.run_id] is not None]
    found = pitfalls(study, lambda scenario: known_classes(scenario, root))
    sized = {scenario: sizes(scenario, root) for scenario in study.scenarios}
    return Plan(
        n_runs=len(runs),
        n_done=len(runs) - len(todo),
        n_trainings=len({_first_model(run) for run in todo})
        + sum(run.scenario.n_rounds for run in todo),
        n_evaluations=sum(run.scenario.n_rounds + 1 for run in runs),
        warnings=tuple(study_warnings(study, root, found=found)),
        time=time_of(todo, n_recorded, rates or TimingBook(store).rates(), sized, workers=workers),
        workers=workers,
        disk_bytes=disk_bytes(todo, store),
        pitfalls=found,
        remarks=tuple(remarks(study, root)),
        absent=tuple(dict.fromkeys(n for s in study.scenarios for n in pending(s, root))),
    )


def time_of(
    todo: Sequence[RunConfig],
    n_recorded: Mapping[str, int | None],
    rates: Rates,
    sized: Mapping[ScenarioConfig, Sizes],
    *,
    workers: int,
) -> Estimate | None:
    """How long the rest of some runs will take; the first model of a trial is trained once.

    Args:
        todo: The runs.
        n_recorded: Rounds that each has already.
        rates: What was measured here.
        sized: How large their scenarios are.
        workers: Runs at the same time.
    """
    left = []
    trained: set[str] = set()
    for run in todo:
        first = n_recorded.get(run.run_id) or 0
        model = _first_model(run)
        left.append((run, first, first == 0 and model in trained))
        trained.add(model)
    return rates.estimate(left, sized.__getitem__, workers=workers)


def _n_recorded(look: Look, run_id: str) -> int | None:
    """Rounds that a run has; None if it is done."""
    summary = look(run_id)
    if summary is None:
        return 0
    return None if summary.state is RunState.DONE else summary.n_rounds


def study_problems(study: StudyConfig, root: DataRoot) -> list[Problem]:
    """Everything wrong with a study: ranges, names, parameters, data, impossible numbers.

    Nothing is downloaded for it. What follows from data that are not here yet, but may be fetched,
    is left out; the first run that needs them fetches them, and every run checks its numbers.

    Args:
        study: What to check.
        root: Where data sets are.
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
        if not pending(scenario, root):
            problems += _scenario_problems(scenario, path, backbone, root, study.seeds or (0,))
        else:
            problems += scenario.problems(path)
    if backbone is not None:
        known = [s for s in study.scenarios if not pending(s, root)]
        problems += _strategy_problems(known, chosen, backbone, root)
    problems += _candidate_problems(study)
    if not problems:  # sizes mean something where everything else is right
        problems += capacity_problems(study, root)
    return problems


def scenario_reasons(
    scenario: ScenarioConfig, root: DataRoot, *, seeds: tuple[int, ...] = (0,)
) -> list[Problem]:
    """Why a scenario cannot be run, whatever the network; what follows from absent data is not."""
    if pending(scenario, root):
        return list(scenario.problems())
    return _scenario_problems(scenario, "", None, root, seeds)


def unusable(
    scenarios: Sequence[ScenarioConfig], backbone: BackboneConfig, root: DataRoot
) -> dict[str, str]:
    """Strategies that cannot run with their defaults, and the first reason of each.

    Args:
        scenarios: On any of these.
        backbone: With this network; if it is none, nothing is said.
        root: Where data sets are.
    """
    spec, found = _instance(backbones, backbone.name, backbone.params, "backbone")
    if found:
        return {}
    known = [scenario for scenario in scenarios if not pending(scenario, root)]
    default = [(name, strategies.get(name)()) for name in strategies]
    reasons: dict[str, str] = {}
    for problem in _strategy_problems(known, default, spec, root):
        reasons.setdefault(problem.path, problem.message.partition(": ")[2])
    return reasons


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
    prefix = f"{path}." if path else ""
    try:
        summary = pool_summary(scenario, root)
    except ConfigError as error:
        found = [replace(problem, path=f"{prefix}{problem.path}") for problem in error.problems]
        return [*scenario.problems(path), *found]
    except (UnknownNameError, DatasetError) as error:
        field = "ood_dataset" if _is_readable(scenario.dataset, root) else "dataset"
        return [*scenario.problems(path), Problem(f"{prefix}{field}", str(error))]
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


def _first_model(run: RunConfig) -> str:
    # Heads that are trained with a model make it another one.
    strategy: Strategy = strategies.get(run.strategy.name)(**run.strategy.params)
    return repr((run.scenario, run.backbone, run.train, run.seed, strategy.attachments()))
