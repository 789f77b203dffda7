"""Presets are studies that can be started as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from alscope.data.protocols import DataRoot
from alscope.engine.plan import study_problems
from alscope.engine.presets import PRESETS, find_preset
from alscope.errors import ConfigError, UnknownNameError
from alscope.registry import strategies

OFFLINE = [key for key in PRESETS if key != "paper"]


@pytest.fixture
def root(tmp_path: Path) -> DataRoot:
    return DataRoot(path=tmp_path / "data", cache=tmp_path / "derived", allow_download=False)


@pytest.mark.parametrize("key", OFFLINE)
def test_a_preset_on_digits_can_be_started_as_it_is(root: DataRoot, key: str) -> None:
    made = PRESETS[key].study("digits", root)

    assert study_problems(made.study, root) == []
    assert made.left_out == ()
    assert {spec.name for spec in made.study.strategies} == set(PRESETS[key].names)
    assert "random" in PRESETS[key].names


@pytest.mark.slow
def test_a_preset_on_texts_leaves_nothing_silently_out(root: DataRoot) -> None:
    made = PRESETS["everything"].study("docstrings", root)
    names = {spec.name for spec in made.study.strategies}

    assert study_problems(made.study, root) == []
    assert names | {out.strategy for out in made.left_out} == set(strategies.names())
    assert all(out.reason for out in made.left_out)


def test_budgets_count_labels_per_class(root: DataRoot) -> None:
    low = PRESETS["lowbudget"].study("digits", root).study

    assert [scenario.n_initial for scenario in low.scenarios] == [10, 40]
    assert {scenario.query_size for scenario in low.scenarios} == {10}
    assert len(low.seeds) == 10


def test_the_open_set_has_the_three_shares_of_the_paper(root: DataRoot) -> None:
    study = PRESETS["openset"].study("digits", root).study

    assert [scenario.ood_ratio for scenario in study.scenarios] == [0.2, 0.4, 0.6]
    assert {scenario.n_known for scenario in study.scenarios} == {6}


def test_the_paper_compares_21_strategies_with_random(root: DataRoot) -> None:
    study = PRESETS["paper"].study("cifar10", root).study
    closed = [s for s in study.scenarios if s.setting == "closed" and s.imbalance_ratio == 1]

    assert len(set(PRESETS["paper"].names) - {"random"}) == 21
    assert [scenario.query_size for scenario in closed] == [100, 200, 500]
    assert [s.n_known for s in study.scenarios if s.setting == "open"] == [8, 6, 4]
    assert [s.imbalance_ratio for s in study.scenarios if s.imbalance_ratio > 1] == [5, 2.5, 1.67]
    assert (study.backbone.name, study.train.epochs, len(study.seeds)) == ("resnet18", 200, 5)


def test_the_paper_has_no_run_on_digits(root: DataRoot) -> None:
    with pytest.raises(ConfigError, match="no run on 'digits'"):
        PRESETS["paper"].study("digits", root)


@pytest.mark.parametrize("text", ["lowbudget", "low-budget", "Low_Budget"])
def test_a_preset_is_found_however_it_is_spelled(text: str) -> None:
    assert find_preset(text) is PRESETS["lowbudget"]


def test_an_unknown_preset_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'essentials'"):
        find_preset("esentials")
