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
from alscope.engine.capacity import capacity_remarks
from alscope.engine.pitfalls import Pitfall
from alscope.engine.timings import Sizes
from alscope.errors import ALScopeError, StoreError
from alscope.registry import backbones, datasets, strategies
from alscope.store.runs import RunStore
from alscope.strategies._base import Strategy

__all__ = ["disk_bytes", "known_classes", "pending", "remarks", "sizes", "study_warnings"]

_SIZED_RUNS = 20
_ROUND_BYTES = 12_000
_UNSEEN_POOL = 50_000
"""Pool of a data set that is not here; most of the benchmark sets are about that large."""


def study_warnings(study: StudyConfig, root: DataRoot, *, found: Iterable[Pitfall]) -> list[str]:
    """What to know before starting a study, in words; it may still be started.

    Args:
        study: A study without problems.
        root: Where data sets are.
        found: Its pitfalls; those that it walks into come first.
    """
    spoiled = [pitfall.why for pitfall in found if not pitfall.passed]
    return [*spoiled, *remarks(study, root)]


def remarks(study: StudyConfig, root: DataRoot) -> list[str]:
    """What to know about network, data and strategies, besides the pitfalls."""
    return list(_remarks(study, root))


def _remarks(study: StudyConfig, root: DataRoot) -> Iterable[str]:
    if backbones.get(study.backbone.name)(**study.backbone.params).encoder_spec is not None:
        yield FROZEN_NOTE[:1].lower() + FROZEN_NOTE[1:].removesuffix(".")
    yield from _strategy_remarks(study)
    yield from capacity_remarks(study, root)
    absent = dict.fromkeys(name for s in study.scenarios for name in pending(s, root))
    for name in absent:
        yield f"{name} is not here: the first run downloads it, and every run checks its numbers"


def known_classes(scenario: ScenarioConfig, root: DataRoot) -> int | None:
    """How many classes the model learns; None while the data are not here."""
    named = scenario.n_known or len(scenario.known_classes)
    if named:
        return named
    if pending(scenario, root):
        return None
    summary = pool_summary(scenario, root)
    return len(summary.class_names) - len(summary.never_known)


def sizes(scenario: ScenarioConfig, root: DataRoot) -> Sizes:
    """How many samples a scenario has at most; before thinning and the choice of classes."""
    limit = scenario.pool_limit
    try:
        summary = None if pending(scenario, root) else pool_summary(scenario, root)
    except ALScopeError:  # the data have gone; a started study may still be asked how long it takes
        summary = None
    if summary is None:
        return Sizes(n_pool=limit or _UNSEEN_POOL, n_test=scenario.test_limit)
    sample = summary.sample
    n_train, n_test = summary.train_targets.size, summary.test_targets.size
    return Sizes(
        n_pool=min(limit or n_train, n_train),
        n_test=min(scenario.test_limit or n_test, n_test),
        n_pixels=math.prod(sample.shape[1:]) if sample.modality == "image" else None,
    )


def pending(scenario: ScenarioConfig, root: DataRoot) -> tuple[str, ...]:
    """The data sets of a scenario that are not here but may be downloaded."""
    if not root.allow_download:
        return ()
    names = [name for name in (scenario.dataset, scenario.ood_dataset) if name in datasets]
    return tuple(name for name in names if not find_dataset(name).available(root))


def _strategy_remarks(study: StudyConfig) -> Iterable[str]:
    for spec in study.strategies:
        strategy: Strategy = strategies.get(spec.name)(**spec.params)
        if any(attachment.changes_model for attachment in strategy.attachments()):
            yield (
                f"{spec.title} trains a head together with the target model and so changes it; "
                "its curve compares training and selection, not selection alone"
            )
        for scenario in study.scenarios:
            yield from (f"{spec.title}, {scenario.title}: {r}" for r in strategy.remarks(scenario))


def disk_bytes(todo: list[RunConfig], store: RunStore) -> int:
    """What the records of runs will take, judged by finished ones, else by experience.

    Models and arrays are not in it: they are in the artifact cache, which has a limit.
    """
    measured = []
    for run_id, _ in store.newest(_SIZED_RUNS):
        try:
            rounds = len(store.history(run_id).rounds)
            measured += [store.size(run_id) / rounds] if rounds else []
        except (StoreError, OSError):  # deleted or damaged meanwhile
            continue
    per_round = statistics.median(measured) if measured else _ROUND_BYTES
    return round(per_round * sum(run.scenario.n_rounds + 1 for run in todo))
