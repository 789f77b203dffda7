"""How a study was made, in sentences that follow from its configuration.

A methods paragraph that people write by hand and numbers that a program makes drift apart. Here
every number in the text is read from the configuration or from the records.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from alscope.config import ScenarioConfig, StudyConfig, TrainConfig
from alscope.registry import backbones
from alscope.results.checks import complete_runs
from alscope.results.columns import METRICS
from alscope.results.compare import smallest_p
from alscope.results.tables import RANDOM

__all__ = ["methods", "scenario_sentences", "training_sentence"]

_FROZEN = "frozen"
_INITIAL = {
    "random": "drawn uniformly",
    "balanced": "drawn evenly from the classes",
    "given": "given by the user",
}
_SCHEDULES = {
    "cosine": "a cosine schedule",
    "linear": "a linear decay",
    "multistep": "a step schedule",
    "constant": "a constant rate",
}


def methods(study: StudyConfig, rounds: pd.DataFrame, metric: str = "accuracy") -> list[str]:
    """The methods section: data, strategies, training, seeds, statistics; a paragraph each.

    Args:
        study: What was asked.
        rounds: What was measured, from `rounds_frame`.
        metric: One of `METRICS`; that of the areas.
    """
    data = " ".join(" ".join(scenario_sentences(scenario)) for scenario in study.scenarios)
    return [
        data,
        " ".join(_strategies(study)),
        training_sentence(study.train, study.backbone.name, study.backbone.params),
        " ".join(_repetition(study, rounds)),
        " ".join(_statistics(study, rounds, metric)),
    ]


def scenario_sentences(scenario: ScenarioConfig) -> Iterator[str]:
    """Data, difficulty, initial set and budget of a scenario."""
    yield f"{_upper(_classes(scenario))}."
    if scenario.imbalance_ratio > 1:
        test = "also" if scenario.imbalance_test else "not"
        yield (
            f"The pool is imbalanced with a largest class {scenario.imbalance_ratio:g} times as "
            f"large as the smallest ({scenario.imbalance_profile} profile); the test set is {test} "
            "thinned."
        )
    limits = list(_limits(scenario))
    if limits:
        yield f"At most {_listed(limits)} are used."
    if scenario.label_noise > 0:
        wrong = "any other class" if scenario.noise_kind == "symmetric" else "the next class"
        yield (
            f"The annotator names {wrong} instead of the true one with probability "
            f"{scenario.label_noise:g}; every sample has one answer."
        )
    yield (
        f"The initial set of {_count(scenario.n_initial, 'sample')} is {_INITIAL[scenario.initial]}"
        f"{_initial_ood(scenario)}; each of {_count(scenario.n_rounds, 'query', 'queries')} buys "
        f"{_count(scenario.query_size, 'label')}, so a run spends "
        f"{_count(scenario.budget, 'label')} and is evaluated {scenario.n_rounds + 1} times."
    )


def training_sentence(train: TrainConfig, backbone: str, params: Mapping[str, Any]) -> str:
    """How the target model is trained in every round."""
    settings = ", ".join(f"{name} {_value(value)}" for name, value in sorted(params.items()))
    network = f"The target model is {backbone}" + (f" ({settings})" if settings else "")
    if backbone == _FROZEN:
        network += ": a head on features that are computed once"
    start = (
        "trained from scratch in every round"
        if train.init == "scratch"
        else "trained in every round from the weights of the round before"
    )
    steps = f"for {_count(train.epochs, 'epoch')}, at least {_count(train.min_steps, 'step')}"
    if train.max_steps is not None:
        steps += f" and at most {train.max_steps}"
    return (
        f"{network}, {start} with {_optimizer(train)} {steps}, in batches of {train.batch_size}"
        f"{_extras(train, augmented=train.augment and _sees_augmentation(backbone))}."
    )


def _classes(scenario: ScenarioConfig) -> str:
    title = f"on {scenario.dataset}"
    if scenario.setting == "closed":
        return f"{title}, every class is known"
    if scenario.known_classes:
        known = f"the known classes are {_listed(scenario.known_classes)}"
    elif scenario.n_known is not None:
        known = f"{scenario.n_known} classes are known"
    else:
        known = "all classes are known"
    source = (
        f"samples of {scenario.ood_dataset}" if scenario.ood_dataset else "samples of other classes"
    )
    return (
        f"{title}, an open set, {known} and {source} make up {100 * scenario.ood_ratio:g} % of the "
        "training pool including the initial set; a query that hits one is paid for and trains "
        "nothing"
    )


def _initial_ood(scenario: ScenarioConfig) -> str:
    if scenario.setting == "closed" or scenario.initial != "random":
        return ""
    with_unknown = "with" if scenario.initial_ood else "without"
    return f", {with_unknown} samples of unknown classes"


def _limits(scenario: ScenarioConfig) -> Iterator[str]:
    if scenario.pool_limit is not None:
        yield f"{scenario.pool_limit:,} training samples"
    if scenario.pool_per_class is not None:
        yield f"{scenario.pool_per_class:,} training samples of every class"
    if scenario.test_limit is not None:
        yield f"{scenario.test_limit:,} test samples"


def _strategies(study: StudyConfig) -> Iterator[str]:
    names = [strategy.title for strategy in study.strategies]
    yield f"{_upper(_count(len(names), 'strategy', 'strategies'))}: {_listed(names)}."
    limited = {item.candidates for item in study.strategies if item.candidates is not None}
    if limited:
        yield (
            "Where `candidates` is set, only that many pool samples, the same for all strategies "
            "of a seed and round, are scored; otherwise every strategy scores the whole pool."
        )
    else:
        yield "Every strategy scores the whole pool."


def _optimizer(train: TrainConfig) -> str:
    name = "AdamW" if train.optimizer == "adamw" else f"SGD (Nesterov momentum {train.momentum:g})"
    warmup = f", warm-up over {100 * train.warmup:g} % of the steps" if train.warmup else ""
    return (
        f"{name} (peak learning rate {train.lr:g}, weight decay {train.weight_decay:g}, "
        f"{_SCHEDULES[train.schedule]}{warmup})"
    )


def _sees_augmentation(backbone: str) -> bool:
    """Whether the training view of a data set can differ from its test view for this network."""
    if backbone not in backbones:
        return True
    return backbone != _FROZEN and backbones.get(backbone).modalities != {"text"}


def _extras(train: TrainConfig, *, augmented: bool) -> str:
    parts = ["with the data set's augmentation" if augmented else "without augmentation"]
    if train.label_smoothing:
        parts.append(f"label smoothing {train.label_smoothing:g}")
    if train.grad_clip:
        parts.append(f"gradients clipped at norm {train.grad_clip:g}")
    if train.precision != "float32":
        parts.append(f"training steps in {train.precision}")
    if train.layout != "channels_first":
        parts.append("images with channels last")
    return ", " + ", ".join(parts)


def _repetition(study: StudyConfig, rounds: pd.DataFrame) -> Iterator[str]:
    seeds = study.seeds
    consecutive = list(seeds) == list(range(seeds[0], seeds[0] + len(seeds)))
    which = (
        f"{seeds[0]} to {seeds[-1]}"
        if consecutive and len(seeds) > 2
        else _listed([str(seed) for seed in seeds])
    )
    plural = "seeds" if len(seeds) > 1 else "seed"
    yield (
        f"Every strategy runs with {_count(len(seeds), 'seed')} ({plural} {which}). With equal "
        "seed all strategies begin with the same split, initial set and weights."
    )
    varied = {scenario.vary_split for scenario in study.scenarios}
    if varied == {False}:
        yield "Classes and subsample are the same for all seeds."
    elif varied == {True}:
        yield "Classes and subsample are drawn anew for every seed."
    else:
        yield "Classes and subsample are drawn anew for every seed where the configuration says so."
    planned = len({run.run_id for run in study.runs()})
    done = complete_runs(rounds)["run_id"].nunique() if len(rounds) else 0
    yield f"{done} of {planned} runs spent their whole budget; only these count in areas and tests."


def _statistics(study: StudyConfig, rounds: pd.DataFrame, metric: str) -> Iterator[str]:
    title = METRICS[metric].title
    yield (
        f"Strategies are compared by AUBC, the area under the curve of {title[:1].lower()}"
        f"{title[1:]} over the annotations paid for, divided by their range. Means over seeds have "
        "95 % t-intervals."
    )
    if RANDOM in {strategy.title for strategy in study.strategies} and len(study.strategies) > 1:
        yield (
            "Differences to Random are paired by seed and tested two-sided with the sign-flip "
            "permutation test, with Holm's correction over the strategies of a scenario."
        )
        least = smallest_p(len(study.seeds))
        if least > 0.05:
            yield (
                f"With {_count(len(study.seeds), 'seed')} this test cannot give a p below "
                f"{least:.3g}, so it can call no difference significant at 0.05."
            )
    yield (
        "A strategy is tied with the best one if the 95 % t-interval of their paired difference "
        "contains 0."
    )


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _listed(parts: Iterable[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else str(last)


def _count(n: int, noun: str, plural: str = "") -> str:
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
