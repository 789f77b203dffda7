"""Sentences about a study follow from its configuration: change one, and the other changes."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from alscope.config import (
    BackboneConfig,
    ScenarioConfig,
    StrategySpec,
    StudyConfig,
    TrainConfig,
)
from alscope.results.methods import methods, scenario_sentences, training_sentence
from tests.results.records import make_rounds


def study(**changes: Any) -> StudyConfig:
    return dataclasses.replace(
        StudyConfig(
            strategies=(
                StrategySpec(name="random"),
                StrategySpec(name="bald", params={"n_samples": 20}),
            ),
        ),
        **changes,
    )


def text(config: StudyConfig, metric: str = "accuracy") -> str:
    rounds = make_rounds({"random": [0.1, 0.5], "bald": [0.3, 0.8]}, seeds=config.seeds)
    return " ".join(methods(config, rounds, metric))


def scenario(**settings: Any) -> str:
    return " ".join(scenario_sentences(ScenarioConfig(**settings)))


def test_the_methods_of_an_example_are_exactly_these() -> None:
    config = study(
        scenarios=(
            ScenarioConfig(
                dataset="cifar10",
                setting="open",
                n_known=6,
                ood_ratio=0.4,
                imbalance_ratio=5.0,
                initial="random",
                n_initial=100,
                query_size=50,
                n_rounds=10,
                pool_limit=5000,
            ),
        ),
        backbone=BackboneConfig(name="resnet18", params={"dropout": 0.2}),
        train=TrainConfig(optimizer="sgd", lr=0.1, warmup=0.1, max_steps=500, augment=False),
    )

    assert methods(config, make_rounds({}), "macro_f1") == [
        "On cifar10, an open set, 6 classes are known and samples of other classes make up 40 % of "
        "the training pool including the initial set; a query that hits one is paid for and trains "
        "nothing. The pool is imbalanced with a largest class 5 times as large as the smallest "
        "(exponential profile); the test set is not thinned. At most 5,000 training samples are "
        "used. The initial set of 100 samples is drawn uniformly, with samples of unknown classes; "
        "each of 10 queries buys 50 labels, so a run spends 600 labels and is evaluated 11 times.",
        "2 strategies: random and bald(n_samples=20). Every strategy scores the whole pool.",
        "The target model is resnet18 (dropout 0.2), trained from scratch in every round with SGD "
        "(Nesterov momentum 0.9) (peak learning rate 0.1, weight decay 0.01, a cosine schedule, "
        "warm-up over 10 % of the steps) for 30 epochs, at least 100 steps and at most 500, in "
        "batches of 64, without augmentation.",
        "Every strategy runs with 5 seeds (seeds 0 to 4). With equal seed all strategies begin "
        "with the same split, initial set and weights. Classes and subsample are the same for all "
        "seeds. 0 of 10 runs spent their whole budget; only these count in areas and tests.",
        "Strategies are compared by AUBC, the area under the curve of macro F1 over the "
        "annotations paid for, divided by their range. Means over seeds have 95 % t-intervals. "
        "Differences to Random are paired by seed and tested two-sided with the sign-flip "
        "permutation test, with Holm's correction over the strategies of a scenario. With 5 seeds "
        "this test cannot give a p below 0.0625, so it can call no difference significant at "
        "0.05. A strategy is tied with the best one if the 95 % t-interval of their paired "
        "difference contains 0.",
    ]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"dataset": "trec6"}, "On trec6, every class is known."),
        (
            {"setting": "open", "known_classes": ("3", "7"), "ood_ratio": 0.25},
            "are 3 and 7",
        ),
        ({"setting": "open", "n_known": 4, "ood_ratio": 0.25}, "make up 25 % of the training pool"),
        (
            {"setting": "open", "n_known": 4, "ood_ratio": 0.1, "ood_dataset": "svhn"},
            "samples of svhn make up 10 %",
        ),
        ({"imbalance_ratio": 2.5, "imbalance_profile": "step"}, "2.5 times as large"),
        ({"imbalance_ratio": 2.5, "imbalance_test": True}, "the test set is also thinned"),
        ({"label_noise": 0.2, "noise_kind": "pair"}, "the next class instead of the true one with"),
        ({"label_noise": 0.2}, "any other class instead of the true one with probability 0.2"),
        (
            {"test_limit": 1000, "pool_per_class": 10},
            "10 training samples of every class and 1",
        ),
        ({"initial": "balanced"}, "20 samples is drawn evenly from the classes; "),
        ({"n_initial": 1, "n_rounds": 1, "query_size": 1}, "1 sample is drawn evenly"),
        (
            {"n_initial": 1, "n_rounds": 1, "query_size": 1},
            "each of 1 query buys 1 label, so",
        ),
        ({"n_initial": 7, "n_rounds": 3, "query_size": 11}, "spends 40 labels and is evaluated 4"),
        (
            {"setting": "open", "n_known": 4, "initial": "random", "initial_ood": False},
            "drawn uniformly, without samples of unknown classes",
        ),
    ],
)
def test_every_setting_of_a_scenario_is_said(settings: dict[str, Any], said: str) -> None:
    assert said in scenario(**settings)


def test_no_setting_is_said_that_is_not_there() -> None:
    said = scenario()

    for word in ("imbalanced", "unknown", "At most", "annotator"):
        assert word not in said


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"epochs": 1, "min_steps": 1}, "for 1 epoch, at least 1 step,"),
        ({"init": "previous"}, "from the weights of the round before"),
        ({"label_smoothing": 0.1, "grad_clip": 5.0}, "label smoothing 0.1, gradients clipped at"),
        ({"precision": "bf16"}, "training steps in bf16"),
        ({"layout": "channels_last"}, "images with channels last"),
        ({"schedule": "constant", "lr": 2e-3}, "peak learning rate 0.002, weight decay 0.01, a"),
        ({"augment": True}, "with the data set's augmentation"),
        ({"batch_size": 16}, "in batches of 16"),
    ],
)
def test_every_setting_of_the_training_is_said(settings: dict[str, Any], said: str) -> None:
    assert said in training_sentence(TrainConfig(**settings), "mlp", {})


@pytest.mark.parametrize("backbone", ["frozen", "text_bag", "transformer"])
def test_networks_that_see_no_augmentation_are_not_said_to(backbone: str) -> None:
    said = training_sentence(TrainConfig(augment=True), backbone, {})

    assert "without augmentation" in said
    assert ("a head on features that are computed once" in said) == (backbone == "frozen")


def test_seeds_runs_and_statistics_follow_from_study_and_records() -> None:
    assert "(seeds 3, 7 and 11)" in text(study(seeds=(3, 7, 11)))
    assert "1 seed (seed 0)" in text(study(seeds=(0,)))
    assert "6 of 6 runs" not in text(study())
    assert "10 of 10 runs spent" in text(study())
    assert "cannot give a p below" not in text(study(seeds=tuple(range(10))))
    assert "area under the curve of balanced accuracy" in text(study(), "balanced_accuracy")
    assert "sign-flip" not in text(study(strategies=(StrategySpec(name="bald"),)))


def test_where_splits_vary_and_candidates_are_limited_it_is_said() -> None:
    varied = ScenarioConfig(vary_split=True)
    limited = StrategySpec(name="margin", candidates=100)

    assert "drawn anew for every seed." in text(study(scenarios=(varied,)))
    assert "where the configuration says so" in text(study(scenarios=(varied, ScenarioConfig())))
    assert "margin(candidates=100)" in text(study(strategies=(limited,)))
    assert "only that many pool samples" in text(study(strategies=(limited,)))


def test_every_number_in_the_text_of_a_scenario_is_one_of_its_numbers() -> None:
    settings = {"n_initial": 31, "query_size": 17, "n_rounds": 13, "imbalance_ratio": 7.0}
    numbers = set(re.findall(r"\d+", scenario(**settings)))

    assert numbers == {"31", "17", "13", "7", str(31 + 17 * 13), "14"}
