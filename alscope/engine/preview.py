"""What a plan adds to a study that is sound: what to know about it, and how long it may take."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable

from alscope.backbones.frozen import FROZEN_NOTE
from alscope.config import RunConfig, ScenarioConfig, StudyConfig
from alscope.data.lookup import find_dataset
from alscope.data.pools import pool_summary
from alscope.data.protocols import DataRoot
from alscope.errors import StoreError
from alscope.registry import backbones, datasets, strategies
from alscope.store.runs import RunStore
from alscope.strategies._base import Strategy
from alscope.types import RunState

__all__ = ["estimate", "pending", "study_warnings"]

SAMPLED_RUNS = 100
"""Runs looked at for the time estimate."""


def study_warnings(study: StudyConfig, root: DataRoot) -> Iterable[str]:
    """What to know before starting a study, in words; it may still be started."""
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


def pending(scenario: ScenarioConfig, root: DataRoot) -> tuple[str, ...]:
    """The data sets of a scenario that are not here but may be downloaded."""
    if not root.allow_download:
        return ()
    names = [name for name in (scenario.dataset, scenario.ood_dataset) if name in datasets]
    return tuple(name for name in names if not find_dataset(name).available(root))


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


def estimate(todo: list[RunConfig], store: RunStore, workers: int) -> tuple[float, float] | None:
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
