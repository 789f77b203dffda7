"""Study files: what is read, what is refused and where, and that writing is its inverse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alscope.config import (
    BackboneConfig,
    ScenarioConfig,
    StrategySpec,
    StudyConfig,
    TrainConfig,
)
from alscope.config_io import locate, parse_study, read_study, write_study
from alscope.config_io._lines import key_lines, line_of
from alscope.errors import ConfigError, Problem


def refusal(text: str) -> dict[str, Problem]:
    with pytest.raises(ConfigError) as caught:
        parse_study(text)
    return {problem.path: problem for problem in caught.value.problems}


def test_a_study_file_is_read_in_all_its_parts() -> None:
    study = parse_study(
        """
        name = "example"
        strategies = ["random", { name = "bald", params = { n_samples = 20 }, candidates = 500 }]
        seeds = [3, 4]

        [backbone]
        name = "mlp"
        params = { dropout = 0.1 }

        [train]
        epochs = 5
        lr = 1

        [[scenarios]]
        dataset = "digits"
        setting = "open"
        known_classes = ["0", "1"]
        ood_ratio = 0.4
        """
    )

    assert study == StudyConfig(
        name="example",
        strategies=(
            StrategySpec(name="random"),
            StrategySpec(name="bald", params={"n_samples": 20}, candidates=500),
        ),
        seeds=(3, 4),
        backbone=BackboneConfig(name="mlp", params={"dropout": 0.1}),
        train=TrainConfig(epochs=5, lr=1.0),
        scenarios=(
            ScenarioConfig(
                dataset="digits", setting="open", known_classes=("0", "1"), ood_ratio=0.4
            ),
        ),
    )
    assert isinstance(study.train.lr, float)


def test_an_empty_file_is_the_default_study() -> None:
    assert parse_study("") == StudyConfig()


def test_a_number_of_seeds_means_the_seeds_from_zero() -> None:
    assert parse_study("seeds = 3").seeds == (0, 1, 2)


@pytest.mark.parametrize("count", ["0", "-2", "1001", "10_000_000_000"])
def test_an_absurd_number_of_seeds_is_refused(count: str) -> None:
    assert "between 1 and 1000" in refusal(f"seeds = {count}")["seeds"].message


def test_all_problems_are_reported_at_once_with_their_lines() -> None:
    problems = refusal(
        "\n".join(
            [
                'name = "x"',
                "seeds = [0, 0]",
                "[train]",
                'epochs = "five"',
                "[[scenarios]]",
                "n_initial = -4",
                "[[scenarios]]",
                "quey_size = 10",
                "n_rounds = true",
            ]
        )
    )

    assert {path: problem.line for path, problem in problems.items()} == {
        "seeds": 2,
        "train.epochs": 4,
        "scenarios[0].n_initial": 6,
        "scenarios[1].quey_size": 8,
        "scenarios[1].n_rounds": 9,
    }
    assert "did you mean 'query_size'?" in problems["scenarios[1].quey_size"].message


def test_problems_come_in_the_order_of_the_file() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_study('seeds = "a"\nnope = 1\n[train]\nlr = -1.0')

    assert [problem.line for problem in caught.value.problems] == [1, 2, 4]


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("name = 3", "name", "the number 3, but must be a text in quotes"),
        ("name = 2020-01-01", "name", "a date or time, but must be a text in quotes"),
        ("seeds = true", "seeds", "true, but must be a list of whole numbers"),
        ("seeds = [1.5]", "seeds[0]", "the number 1.5, but must be a whole number"),
        ('strategies = "random"', "strategies", "must be a list of names"),
        ("strategies = [1]", "strategies[0]", "must be a name or a table with a name"),
        ("strategies = [{ candidates = 5 }]", "strategies[0]", "has no name"),
        ("[scenarios]\nn_rounds = 1", "scenarios", "write [[scenarios]]"),
        ("train = 5", "train", "must be a table of settings"),
        ('[train]\nlr = "fast"', "train.lr", "the text 'fast', but must be a number"),
        ("[train]\naugment = 1", "train.augment", "but must be true or false"),
        ("[train]\nlr = nan", "train.lr", "must be a finite number"),
        ("[train]\nepochs = 99999999999999999999", "train.epochs", "within 2^53"),
        ("[train]\nepochs = 2.0", "train.epochs", "must be a whole number"),
        ('[[scenarios]]\nknown_classes = "cat"', "scenarios[0].known_classes", "list of texts"),
        ("[[scenarios]]\nn_known = [2]", "scenarios[0].n_known", "a list, but must be a whole"),
        ("[backbone]\nparams = 3", "backbone.params", "must be a table of settings"),
        ("[backbone]\nparams.dropout = inf", "backbone.params.dropout", "finite number"),
        ("[backbone]\nparams.on = 07:30:00", "backbone.params.on", "a date or time"),
        ("strategy = ['random']", "strategy", "did you mean 'strategies'?"),
    ],
)
def test_a_wrong_value_is_explained_in_words(text: str, path: str, words: str) -> None:
    assert words in refusal(text)[path].message


def test_a_huge_hexadecimal_number_is_refused_and_not_printed() -> None:
    for key in ("name", "schema", "seeds"):
        message = refusal(f"{key} = 0x{'f' * 20_000}")[key].message

        assert "more than 30 digits" in message


def test_a_misspelt_setting_is_not_blamed_on_the_other_settings() -> None:
    problems = refusal(
        '[[scenarios]]\nseting = "open"\nn_known = 3\nood_ratio = 0.4\nn_rounds = -1'
    )

    assert set(problems) == {"scenarios[0].seting", "scenarios[0].n_rounds"}


def test_a_strategy_without_a_name_does_not_move_the_places_of_the_others() -> None:
    problems = refusal('strategies = [{ params = {} }, "random", "random"]')

    assert set(problems) == {"strategies[0]", "strategies[2]"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("name = \n", 1),
        ('a = 1\nb = "unclosed\n', 2),
        ("a = 1\na = 2\n", 2),
        ("a = 1\n\n[train", 3),
    ],
)
def test_a_syntax_error_carries_its_line(text: str, line: int) -> None:
    problem = refusal(text)[""]

    assert problem.line == line
    assert problem.message.startswith("not valid TOML: ")
    assert "(at " not in problem.message


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 9 + "]" * 9,
        "a = " + "[" * 30_000,
        ".".join(["a"] * 20_000) + " = 1",
        "a = " + "{ a = " * 10 + "1" + "}" * 10,
    ],
)
def test_deep_nesting_is_refused(text: str) -> None:
    assert "more than 8 levels deep" in refusal(text)[""].message


def test_an_integer_too_long_to_read_is_refused() -> None:
    assert "cannot be read" in refusal("seeds = " + "9" * 5000)[""].message


def test_a_text_over_64_kb_is_refused() -> None:
    assert "larger than 64 kB" in refusal("# " + "x" * 70_000)[""].message


def test_a_file_over_64_kb_is_refused_without_reading_it_all(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(b"#" * 70_000)

    with pytest.raises(ConfigError, match="larger than 64 kB"):
        read_study(path)


def test_a_file_that_is_not_there_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read '.*none\.toml': No such file"):
        read_study(tmp_path / "none.toml")


def test_a_file_in_another_encoding_names_the_byte_and_line(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes('name = "ok"\ndescription = "é"\n'.encode("latin-1"))

    with pytest.raises(ConfigError, match="byte 27 is not UTF-8") as caught:
        read_study(path)
    assert caught.value.problems[0].line == 2


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(b'\xef\xbb\xbfname = "marked"\n')

    assert read_study(path).name == "marked"


def test_problems_found_later_are_located_in_the_text() -> None:
    text = 'strategies = [\n  "random",\n  "bagde",\n]\n[[scenarios]]\ndataset = "digits"\n'
    found = locate([Problem("scenarios[0].n_known", "a"), Problem("strategies[1]", "b")], text)

    assert [(problem.message, problem.line) for problem in found] == [("b", 3), ("a", 5)]


LINES = '''# comment with = and [brackets]
name = "a # no comment"   # a comment
description = """
[train]
lr = 5 ""quoted"\\"""
"""
"quoted key".'sub' = 1979-05-27 07:32:00
seeds = [ # first
  1,
  2, # second
]
strategies = ["random", { name = "bald", params = { n_samples = 20 } }, \'\'\'it's\'\'\']
[train]
lr = 0.1
[[scenarios]]
dataset = \'C:\\path\'
[scenarios.extra]
x = [[1, 2],
     [3]]
[[scenarios]]

n_rounds = 3
[a.b]
c = {}
'''


def test_the_line_of_every_key_is_found() -> None:
    lines = key_lines(LINES)
    expected = {
        "name": 2,
        "description": 3,
        "quoted key": 7,
        "quoted key.sub": 7,
        "seeds": 8,
        "seeds[0]": 9,
        "seeds[1]": 10,
        "strategies": 12,
        "strategies[0]": 12,
        "strategies[1].params.n_samples": 12,
        "strategies[2]": 12,
        "train": 13,
        "train.lr": 14,
        "scenarios": 15,
        "scenarios[0]": 15,
        "scenarios[0].dataset": 16,
        "scenarios[0].extra": 17,
        "scenarios[0].extra.x": 18,
        "scenarios[0].extra.x[0][1]": 18,
        "scenarios[0].extra.x[1][0]": 19,
        "scenarios[1]": 20,
        "scenarios[1].n_rounds": 22,
        "a.b": 23,
        "a.b.c": 24,
    }

    assert {path: lines[path] for path in expected} == expected


def test_a_key_that_is_not_in_the_text_has_the_line_of_what_is_around_it() -> None:
    lines = {"train": 3, "seeds": 1}

    assert line_of("train.lr", lines) == 3
    assert line_of("seeds[4]", lines) == 1
    assert line_of("backbone.name", lines) is None
    assert line_of("", lines) is None


WRITABLE_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = WRITABLE_TEXT.filter(str.strip)
VALUES = st.recursive(
    st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | WRITABLE_TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=4,
)
PARAMS = st.dictionaries(NAMES, VALUES, max_size=3)
SCENARIOS = st.builds(
    ScenarioConfig,
    dataset=NAMES,
    imbalance_ratio=st.floats(1.0, 100.0),
    imbalance_test=st.booleans(),
    initial=st.sampled_from(["random", "balanced"]),
    n_initial=st.integers(0, 1000),
    pool_limit=st.none() | st.integers(2, 10**6),
) | st.builds(
    ScenarioConfig,
    setting=st.just("open"),
    known_classes=st.lists(WRITABLE_TEXT, min_size=2, max_size=3, unique=True).map(tuple),
    ood_ratio=st.floats(0.0, 0.95),
    initial=st.just("given"),
    initial_ids=st.lists(st.integers(0, 9), unique=True, min_size=2, max_size=2).map(tuple),
    n_initial=st.just(2),
)
STUDIES = st.builds(
    StudyConfig,
    name=NAMES.filter(str.isprintable),
    description=WRITABLE_TEXT.map(lambda text: text.replace("\0", "")),
    scenarios=st.lists(SCENARIOS, min_size=1, max_size=2).map(tuple),
    strategies=st.lists(
        st.builds(
            StrategySpec,
            name=NAMES,
            params=PARAMS,
            candidates=st.none() | st.integers(1, 99),
        ),
        min_size=1,
        max_size=3,
        unique_by=lambda spec: spec.name,
    ).map(tuple),
    seeds=st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=4, unique=True).map(tuple),
    backbone=st.builds(BackboneConfig, name=NAMES, params=PARAMS),
    train=st.builds(
        TrainConfig,
        epochs=st.integers(1, 500),
        lr=st.floats(1e-7, 10.0),
        max_steps=st.none() | st.integers(100, 9999),
        augment=st.booleans(),
    ),
)


@given(STUDIES)
def test_what_is_written_is_read_back_equal(study: StudyConfig) -> None:
    assert parse_study(write_study(study)) == study


def test_defaults_are_not_written() -> None:
    text = write_study(StudyConfig(name="short"))

    assert text == (
        'schema = 1\nname = "short"\nseeds = [0, 1, 2, 3, 4]\nstrategies = ["random"]\n'
        "\n[[scenarios]]\n"
    )


@pytest.mark.parametrize("value", [None, object(), {"a": [None]}])
def test_a_parameter_that_no_file_can_hold_is_refused(value: Any) -> None:
    study = StudyConfig(strategies=(StrategySpec(name="bald", params={"x": value}),))

    with pytest.raises(ConfigError, match="cannot be written down"):
        write_study(study)


def test_what_a_check_finds_is_reported_with_everything_else() -> None:
    text = 'strategies = ["bagde"]\n[train]\nlr = "big"\n'

    def check(study: StudyConfig) -> list[Problem]:
        return [
            Problem("strategies[0].name", f"unknown strategy {study.strategies[0].name!r}"),
            Problem("train.lr", "is about a value that stands in"),
        ]

    with pytest.raises(ConfigError) as caught:
        parse_study(text, check=check)

    assert [(p.path, p.line) for p in caught.value.problems] == [
        ("strategies[0].name", 1),
        ("train.lr", 3),
    ]
