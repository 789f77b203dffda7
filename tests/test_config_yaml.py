"""Studies as YAML: the same settings, refused with lines, and safe against hostile files."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings

from alscope.config import ScenarioConfig, StrategySpec, StudyConfig, TrainConfig
from alscope.config_io import Change, form_of, parse_study, read_study, study_changes, write_study
from alscope.errors import ConfigError, Problem
from tests.test_config_io import STUDIES

EXAMPLE = """\
schema: 1
name: example          # a remark
strategies:
  - random
  - {name: bald, params: {n_samples: 20}}
seeds: 3
train:
  lr: 1e-3
  max_steps:
scenarios:
  - dataset: digits
    setting: open
    known_classes: [no, "1", yes]
    ood_ratio: 0.4
  - n_initial: 010
"""


def refusal(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        parse_study(text, form="yaml")
    return caught.value.problems


def test_a_yaml_study_is_read_in_all_its_parts() -> None:
    assert parse_study(EXAMPLE, form="yaml") == StudyConfig(
        name="example",
        strategies=(
            StrategySpec(name="random"),
            StrategySpec(name="bald", params={"n_samples": 20}),
        ),
        seeds=(0, 1, 2),
        train=TrainConfig(lr=1e-3),
        scenarios=(
            ScenarioConfig(setting="open", known_classes=("no", "1", "yes"), ood_ratio=0.4),
            ScenarioConfig(n_initial=10),
        ),
    )


def test_all_problems_are_reported_at_once_with_their_lines() -> None:
    found = refusal("name: x\nscenarios:\n  - quey_size: 3\n    n_rounds: many\ntrain:\n  lr:\n")

    assert [(problem.line, problem.path) for problem in found] == [
        (3, "scenarios[0].quey_size"),
        (4, "scenarios[0].n_rounds"),
        (6, "train.lr"),
    ]
    assert "did you mean 'query_size'" in str(found[0])
    assert "no value" in str(found[2])


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("name: x\nseeds: [1, 2\n", 3, "not valid YAML"),
        ("a: &x [1]\nb: *x\n", 1, "alias or anchor"),
        ("name: !!python/object/apply:os.system ['true']\n", 1, "tag"),
        ("name: !!binary aGk=\n", 1, "tag"),
        ("name: x\nname: y\n", 2, "twice"),
        ("name: x\n---\nname: y\n", 2, "second document"),
        ("[1, 2]: x\n", 1, "list or table as a key"),
        ("- 1\n", None, "no table of settings"),
        ("name: \x01\n", None, "not valid YAML"),
        ("x: " + "[" * 9 + "]" * 9, 1, "8 levels"),
        ("seeds: 1" + "0" * 5000, 1, "cannot be read"),
        ("<<: {name: x}\n", 1, "is not a setting"),
        ("schema: 2\n", 1, "reads schema 1"),
    ],
)
def test_what_is_hostile_or_broken_is_refused(text: str, line: int | None, said: str) -> None:
    (first, *_) = refusal(text)

    assert said in str(first)
    assert first.line == line


def test_a_bomb_of_aliases_is_refused_at_once() -> None:
    levels = [f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]" for n in range(9)]

    assert "alias or anchor" in str(refusal("a0: &a0 [x]\n" + "\n".join(levels))[0])


def test_a_text_over_64_kb_is_refused() -> None:
    assert "64 kB" in str(refusal("# " + "x" * 70_000)[0])


@settings(phases=[Phase.explicit, Phase.generate], max_examples=40)
@given(STUDIES)
def test_what_is_written_as_yaml_is_read_back_equal(study: StudyConfig) -> None:
    assert parse_study(write_study(study, form="yaml"), form="yaml") == study


@pytest.mark.parametrize(
    "name",
    ["no", "1e-3", "010", "~", "", "true", "12:30", "a: b", "- x", "x\x85y", "a\n b", "\ufeff"],
)
def test_texts_that_look_like_something_else_stay_texts(name: str) -> None:
    study = StudyConfig(scenarios=(ScenarioConfig(setting="open", known_classes=(name, "other")),))

    assert parse_study(write_study(study, form="yaml"), form="yaml") == study


def test_the_form_of_a_file_is_in_its_name(tmp_path: object) -> None:
    assert [form_of(name) for name in ("a.yaml", "a.YML", "a.toml", "a")] == [
        "yaml",
        "yaml",
        "toml",
        "toml",
    ]
    path = tmp_path / "study.yaml"  # type: ignore[operator]
    path.write_text(EXAMPLE, encoding="utf-8")

    assert read_study(path).name == "example"


def test_every_setting_that_differs_is_named_once() -> None:
    before = StudyConfig(
        strategies=(StrategySpec(name="random"), StrategySpec(name="margin")), seeds=(0, 1)
    )
    after = StudyConfig(
        strategies=(StrategySpec(name="random"), StrategySpec(name="badge", candidates=9)),
        seeds=(0, 1, 2),
        train=TrainConfig(lr=0.01),
        scenarios=(ScenarioConfig(n_rounds=3), ScenarioConfig(dataset="mnist")),
    )

    assert study_changes(before, before) == ()
    assert set(study_changes(before, after)) == {
        Change("strategies", "margin", "badge(candidates=9)"),
        Change("seeds", "", "2"),
        Change("train.lr", "", "0.01"),
        Change("number of scenarios", "1", "2"),
        Change("scenarios[0].n_rounds", "", "3"),
        Change("scenarios[1].dataset", "", "mnist"),
    }
