"""From a data set and a scenario to index sets: who is known, who is in the pool, who starts.

Pure index arithmetic on labels. Every class has one random order; a scenario takes the first
samples of each order and differs from another only in how many. Hence subsamples nest: the pool of
a stronger imbalance or a lower cap is part of the pool of a weaker one. Steps, in this order:

1. `pool_per_class`, `pool_limit`: cap every class, then all classes in proportion.
2. `imbalance_ratio`: thin the known classes to an exact long tail or step.
3. `ood_ratio` (open set): thin known or unknown classes, in proportion, to the exact share.
4. Initial set; the rest is the pool.

Nothing here knows a strategy, so all strategies of a trial start from the same sets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from alscope.config import ScenarioConfig
from alscope.data._counts import take
from alscope.data._draft import Draft, draft_of, eligible_classes
from alscope.data._initial import initial_rows
from alscope.data._noise import noisy
from alscope.data.protocols import DataSummary, class_counts
from alscope.errors import ConfigError, Problem, nearest
from alscope.rng import generator
from alscope.types import IntArray, Split

__all__ = ["Scenario", "build_scenario", "scenario_problems"]

# Counts cannot be computed while one of these is wrong.
_SHAPING = frozenset(
    {"setting", "known_classes", "n_known", "ood_ratio", "imbalance_ratio", "imbalance_profile"}
    | {"pool_per_class", "pool_limit", "test_limit", "dataset"}
)


@dataclass(frozen=True, eq=False)
class Scenario:
    """A trial's starting point.

    Attributes:
        split: `labeled` and `unknowns` are the initial set, `pool` the rest, `test` the test rows
            of known classes.
        known: Original class id of each label, (n_classes,), ascending.
        class_names: Names of the known classes, in label order.
        labels: Label of every training row of the data set, (n_train,); -1: unknown class.
        answers: What the annotator says about each, (n_train,); equal to `labels` without noise.
        test_labels: The same for the test part, (n_test,).
    """

    split: Split
    known: IntArray
    class_names: tuple[str, ...]
    labels: IntArray
    answers: IntArray
    test_labels: IntArray


def scenario_problems(
    config: ScenarioConfig, summary: DataSummary, path: str = "", *, seed: int = 0
) -> list[Problem]:
    """Everything that keeps a scenario from being built, not only the first thing.

    Args:
        config: The scenario.
        summary: The data set it names.
        path: Prefix for the reported keys.
        seed: Trial seed; matters only with `vary_split`, where the known classes depend on it.
    """
    return _drafted(config, summary, path, seed=seed)[0]


def build_scenario(config: ScenarioConfig, summary: DataSummary, *, seed: int) -> Scenario:
    """The index sets of one trial.

    Args:
        config: The scenario.
        summary: The data set it names.
        seed: Trial seed: draws the initial set, and with `vary_split` also classes and subsample.

    Raises:
        ConfigError: With every problem found.
    """
    problems, draft = _drafted(config, summary, "", seed=seed)
    if problems or draft is None:
        raise ConfigError(problems)
    labels = draft.relabel(summary.train_targets)
    rows = take(draft.train_orders, draft.train_counts)
    initial = initial_rows(config, rows, labels, generator(seed, "init_set"))
    is_known = labels[initial] >= 0
    return Scenario(
        split=Split(
            labeled=initial[is_known],
            unknowns=initial[~is_known],
            pool=np.setdiff1d(rows, initial, assume_unique=True),
            test=take(draft.test_orders, draft.test_counts),
        ),
        known=draft.known,
        class_names=tuple(summary.class_names[c] for c in draft.known),
        labels=labels,
        answers=noisy(
            labels,
            n_classes=draft.known.size,
            rate=config.label_noise,
            kind=config.noise_kind,
            rng=generator(seed, "label_noise"),
        ),
        test_labels=draft.relabel(summary.test_targets),
    )


def _drafted(
    config: ScenarioConfig, summary: DataSummary, path: str, *, seed: int
) -> tuple[list[Problem], Draft | None]:
    """What is wrong, and who is known and used; None if too much is wrong to tell."""
    at = f"{path}." if path else ""
    problems = [*config.problems(path), *_class_problems(config, summary, at)]
    if {problem.path.removeprefix(at) for problem in problems} & _SHAPING:
        # The pool is unknown then, but it cannot be larger than the training part.
        return [*problems, *_budget_problems(config, summary.train_targets.size, at)], None
    draft = draft_of(config, summary, seed)
    empty = list(_empty_problems(config, summary, draft, at))
    if empty:
        return problems + empty, draft
    problems.extend(_size_problems(config, draft, at))
    problems.extend(_given_problems(config, summary, draft, at))
    return problems, draft


def _class_problems(config: ScenarioConfig, summary: DataSummary, at: str) -> Iterator[Problem]:
    eligible = eligible_classes(summary)
    n_classes = eligible.size
    if n_classes < 2:
        yield Problem(
            f"{at}dataset",
            f"{config.dataset} has {n_classes} class; a classifier needs at least 2",
        )
    own = dict.fromkeys(summary.class_names[c] for c in eligible)
    for name in config.known_classes:
        if name not in own:
            guess = nearest(name, own)
            hint = f"did you mean {guess!r}?" if guess else f"it has {_list(list(own))}"
            yield Problem(f"{at}known_classes", f"{name!r} is no class of {config.dataset}; {hint}")
    if config.setting == "open":
        field = "known_classes" if config.known_classes else "n_known"
        n_known = len(config.known_classes) or config.n_known or 0
        if not n_known and not summary.never_known:
            yield Problem(
                f"{at}n_known",
                "is missing; an open set needs the number of known classes (n_known), their names "
                "(known_classes), or another data set for the unknown ones (ood_dataset)",
            )
        if n_known > n_classes or (n_known == n_classes and not summary.never_known):
            yield Problem(
                f"{at}{field}",
                f"makes {n_known} classes known, but {config.dataset} has {n_classes} and an open "
                f"set needs at least one unknown class; make at most {n_classes - 1} known",
            )


def _empty_problems(
    config: ScenarioConfig, summary: DataSummary, draft: Draft, at: str
) -> Iterator[Problem]:
    # Known classes that nobody could learn or measure, and the setting that emptied them.
    n_classes = draft.train_counts.size
    train = class_counts(summary.train_targets, n_classes)
    test = class_counts(summary.test_targets, n_classes)
    steps = (
        ("training", "pool_limit", "raise it", train, draft.capped_counts),
        ("training", "ood_ratio", "lower it", draft.capped_counts, draft.train_counts),
        ("test", "test_limit", "raise it", test, draft.test_counts),
    )
    for part, counts in (("training", train), ("test", test)):
        absent = [summary.class_names[c] for c in draft.known if counts[c] == 0]
        if absent:
            yield Problem(
                f"{at}{'known_classes' if config.known_classes else 'dataset'}",
                f"this copy of {config.dataset} has no {part} sample of {_list(absent)}; choose "
                "other known classes or complete the data",
            )
    for part, field, advice, before, after in steps:
        lost = [summary.class_names[c] for c in draft.known if before[c] > after[c] == 0]
        if lost:
            yield Problem(
                f"{at}{field}",
                f"is {getattr(config, field)}, which leaves no {part} sample of {_list(lost)}; "
                f"{advice}",
            )


def _budget_problems(config: ScenarioConfig, n_train: int, at: str) -> Iterator[Problem]:
    if config.budget > n_train:
        yield Problem(
            f"{at}n_rounds",
            f"the budget is {config.budget} annotations ({config.n_initial} + {config.n_rounds} x "
            f"{config.query_size}) but the pool has {n_train} samples; lower n_rounds, "
            "query_size or n_initial",
        )


def _size_problems(config: ScenarioConfig, draft: Draft, at: str) -> Iterator[Problem]:
    yield from _budget_problems(config, draft.n_train, at)
    known_only = config.initial == "balanced" or not config.initial_ood
    if known_only and config.initial != "given" and config.n_initial > draft.n_known:
        yield Problem(
            f"{at}n_initial",
            f"is {config.n_initial} but the pool has {draft.n_known} samples of known classes; "
            "lower it",
        )


def _given_problems(
    config: ScenarioConfig, summary: DataSummary, draft: Draft, at: str
) -> Iterator[Problem]:
    ids = np.array(config.initial_ids, dtype=np.int64)
    outside = ids[(ids < 0) | (ids >= summary.train_targets.size)]
    if outside.size:
        yield Problem(
            f"{at}initial_ids",
            f"holds {_list(outside)}, but the training part has {summary.train_targets.size} "
            "samples, numbered from 0",
        )
    inside = np.setdiff1d(ids, outside)
    left_out = np.setdiff1d(inside, take(draft.train_orders, draft.train_counts))
    if left_out.size:
        yield Problem(
            f"{at}initial_ids",
            f"holds {_list(left_out)}, which pool_limit, imbalance_ratio or ood_ratio leave out of "
            "the pool; choose samples of the pool",
        )


def _list(items: tuple[str, ...] | list[str] | IntArray) -> str:
    shown = ", ".join(str(item) for item in items[:5])
    return f"{shown} and {len(items) - 5} more" if len(items) > 5 else shown
