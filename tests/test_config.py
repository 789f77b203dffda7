"""Configurations: identity, plain form, and every problem at once."""

from __future__ import annotations

import dataclasses
import json

import pytest

from alscope.config import (
    BackboneConfig,
    RunConfig,
    ScenarioConfig,
    StrategySpec,
    StudyConfig,
    TrainConfig,
)
from alscope.errors import ConfigError
from alscope.hashing import canonical_json, digest

RUN = RunConfig(
    scenario=ScenarioConfig(known_classes=("0", "1"), setting="open", ood_ratio=0.25),
    backbone=BackboneConfig(name="mlp", params={"dropout": 0.5}),
    train=TrainConfig(lr=0.01),
    strategy=StrategySpec(name="bald", params={"n_samples": 20}),
    seed=7,
)


def paths(config: ScenarioConfig | TrainConfig | StudyConfig) -> set[str]:
    return {problem.path for problem in config.problems()}


def test_equal_configurations_are_the_same_run() -> None:
    assert dataclasses.replace(RUN).run_id == RUN.run_id
    assert len(RUN.run_id) == 20


@pytest.mark.parametrize(
    "changed",
    [
        dataclasses.replace(RUN, seed=8),
        dataclasses.replace(RUN, strategy=StrategySpec(name="bald", params={"n_samples": 21})),
        dataclasses.replace(RUN, train=TrainConfig(lr=0.02)),
        dataclasses.replace(RUN, backbone=BackboneConfig(name="mlp")),
        dataclasses.replace(RUN, scenario=ScenarioConfig()),
        dataclasses.replace(RUN, schema=2),
    ],
)
def test_every_part_of_a_configuration_is_part_of_the_run_id(changed: RunConfig) -> None:
    assert changed.run_id != RUN.run_id


def test_a_run_configuration_survives_json() -> None:
    restored = RunConfig.from_dict(json.loads(json.dumps(RUN.to_dict())))

    assert restored == RUN
    assert restored.run_id == RUN.run_id


def test_a_study_survives_json() -> None:
    study = StudyConfig(name="s", scenarios=(RUN.scenario,), strategies=(RUN.strategy,))

    assert StudyConfig.from_dict(json.loads(json.dumps(study.to_dict()))) == study


def test_a_damaged_run_configuration_is_refused_in_words() -> None:
    data = RUN.to_dict()
    del data["seed"]

    with pytest.raises(ConfigError, match="not a run configuration: 'seed'"):
        RunConfig.from_dict(data)


def test_runs_come_by_scenario_then_seed_then_strategy() -> None:
    study = StudyConfig(
        strategies=(StrategySpec(name="random"), StrategySpec(name="margin")), seeds=(0, 1)
    )

    assert [(run.seed, run.strategy.name) for run in study.runs()] == [
        (0, "random"),
        (0, "margin"),
        (1, "random"),
        (1, "margin"),
    ]


def test_the_default_study_has_no_problems() -> None:
    assert paths(StudyConfig()) == set()


def test_all_problems_of_a_study_are_found_at_once() -> None:
    study = StudyConfig(
        name=" ",
        seeds=(1, 1, -1),
        strategies=(StrategySpec(name="random"), StrategySpec(name="random")),
        scenarios=(ScenarioConfig(n_rounds=-1),),
        train=TrainConfig(lr=0.0),
    )

    assert paths(study) == {
        "name",
        "seeds",
        "strategies[1]",
        "scenarios[0].n_rounds",
        "train.lr",
    }


@pytest.mark.parametrize("name", ["scenarios", "strategies", "seeds"])
def test_a_study_needs_at_least_one_of_everything(name: str) -> None:
    assert paths(dataclasses.replace(StudyConfig(), **{name: ()})) == {name}


def test_another_schema_is_refused() -> None:
    assert paths(StudyConfig(schema=2)) == {"schema"}


def test_a_closed_set_has_no_unknown_samples() -> None:
    assert paths(ScenarioConfig(ood_ratio=0.2, n_known=3)) == {"ood_ratio", "n_known"}


def test_unknown_samples_come_from_another_data_set_not_from_the_same() -> None:
    assert paths(ScenarioConfig(setting="open", n_known=2, ood_dataset="digits")) == {"ood_dataset"}
    assert paths(ScenarioConfig(ood_dataset="mnist")) == {"ood_dataset"}


def test_the_kind_of_errors_means_nothing_without_errors() -> None:
    assert ScenarioConfig(noise_kind="pair") == ScenarioConfig()
    assert ScenarioConfig(noise_kind="pair", label_noise=0.1).noise_kind == "pair"


def test_options_that_came_later_leave_old_digests_as_they_were() -> None:
    plain = ScenarioConfig()

    assert "label_noise" not in canonical_json(plain)
    assert digest(plain) != digest(ScenarioConfig(label_noise=0.2))


def test_contradicting_numbers_of_known_classes_are_refused() -> None:
    config = ScenarioConfig(setting="open", known_classes=("a", "b"), n_known=3)

    assert paths(config) == {"n_known"}


def test_given_initial_samples_must_be_as_many_as_announced_and_distinct() -> None:
    config = ScenarioConfig(initial="given", initial_ids=(1, 1), n_initial=3)

    assert [problem.path for problem in config.problems()] == ["initial_ids", "initial_ids"]


def test_initial_samples_without_given_are_refused() -> None:
    assert paths(ScenarioConfig(initial_ids=(1,))) == {"initial_ids"}


def test_fewer_steps_at_most_than_at_least_are_refused() -> None:
    assert paths(TrainConfig(min_steps=100, max_steps=50)) == {"max_steps"}


def test_a_misspelt_choice_gets_the_nearest_one() -> None:
    (problem,) = TrainConfig(schedule="cosin").problems()

    assert "did you mean 'cosine'?" in problem.message


def test_the_budget_counts_initial_and_queried_labels() -> None:
    assert ScenarioConfig(n_initial=10, query_size=5, n_rounds=3).budget == 25


def test_titles_show_what_was_set() -> None:
    assert StrategySpec(name="bald", params={"n_samples": 20}, candidates=9).title == (
        "bald(n_samples=20, candidates=9)"
    )
    assert RUN.scenario.title == "digits · open set, OOD 0.25"


def test_whole_numbers_and_floats_make_the_same_run() -> None:
    def run(number: float) -> RunConfig:
        return RunConfig(
            scenario=ScenarioConfig(imbalance_ratio=number),
            backbone=BackboneConfig(),
            train=TrainConfig(lr=number),
            strategy=StrategySpec(name="random"),
            seed=0,
        )

    assert run(1).run_id == run(1.0).run_id
