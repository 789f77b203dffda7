"""Every problem at once, and an honest preview."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from alscope.config import BackboneConfig, ScenarioConfig, StrategySpec
from alscope.data.protocols import DataRoot
from alscope.engine.defaults import cache_root, demo_study
from alscope.engine.plan import composition, make_plan, study_problems
from alscope.engine.service import Service
from alscope.registry import datasets
from alscope.store.runs import RunStore
from tests.engine.conftest import tiny_scenario, tiny_study


@pytest.fixture
def root(tmp_path: Path) -> DataRoot:
    return DataRoot(path=tmp_path / "data", cache=tmp_path / "derived", allow_download=False)


def messages(study: object, root: DataRoot) -> str:
    return "\n".join(map(str, study_problems(study, root)))  # type: ignore[arg-type]


def test_the_demo_study_is_valid(root: DataRoot) -> None:
    assert study_problems(demo_study(), root) == []


def test_a_misspelt_parameter_names_the_nearest(root: DataRoot) -> None:
    study = tiny_study(strategies=(StrategySpec(name="bald", params={"n_sample": 5}),))

    assert "did you mean 'n_samples'" in messages(study, root)


def test_a_parameter_out_of_range_is_a_problem(root: DataRoot) -> None:
    study = tiny_study(strategies=(StrategySpec(name="bald", params={"n_samples": 1}),))

    assert "must be at least 2" in messages(study, root)


def test_a_backbone_for_another_modality_is_a_problem(root: DataRoot) -> None:
    study = tiny_study(backbone=BackboneConfig(name="text_bag"))

    assert "reads text data, not image data" in messages(study, root)


def test_bald_without_dropout_is_refused_before_the_run(root: DataRoot) -> None:
    study = tiny_study(
        strategies=(StrategySpec(name="bald"),),
        backbone=BackboneConfig(name="mlp", params={"dropout": 0.0}),
    )

    assert "no stochastic layer" in messages(study, root)


def test_a_missing_data_set_is_a_problem_that_says_what_to_do(root: DataRoot) -> None:
    study = tiny_study(scenarios=(ScenarioConfig(dataset="cifar10"),))

    assert "cifar" in messages(study, root)


def test_candidates_below_the_query_are_a_problem(root: DataRoot) -> None:
    study = tiny_study(strategies=(StrategySpec(name="margin", candidates=2),))

    assert "below query_size (6)" in messages(study, root)


def test_a_budget_over_the_pool_is_a_problem(root: DataRoot) -> None:
    study = tiny_study(scenarios=(tiny_scenario(query_size=100, n_rounds=9),))

    assert "pool" in messages(study, root)


def test_the_preview_counts_shared_trainings_once(open_service: Callable[..., Service]) -> None:
    plan = open_service().preview(tiny_study())

    assert plan.n_runs == 4
    assert plan.n_trainings == 2 + 4 * 2  # one round 0 per seed, two more rounds per run
    assert plan.n_evaluations == 12
    assert plan.seconds is None


def test_the_preview_counts_models_with_heads_of_their_own(
    open_service: Callable[..., Service],
) -> None:
    names = ("random", "lfosa", "learning_loss", "tidal")
    study = tiny_study(strategies=tuple(StrategySpec(name=name) for name in names), seeds=(0,))

    assert open_service().preview(study).n_trainings == 3 + 4 * 2


@pytest.mark.slow
def test_the_preview_estimates_from_finished_runs(open_service: Callable[..., Service]) -> None:
    service = open_service()
    service.wait(service.submit(tiny_study()), timeout=60)
    plan = service.preview(tiny_study(name="more", seeds=(0, 1, 2, 3)))

    assert plan.n_done == 4
    assert plan.seconds is not None
    assert 0 <= plan.seconds[0] <= plan.seconds[1]


def test_few_seeds_and_a_missing_baseline_are_warned_about(
    open_service: Callable[..., Service],
) -> None:
    study = tiny_study(strategies=(StrategySpec(name="margin"),), seeds=(0, 1, 2))
    warnings = "\n".join(open_service().preview(study).warnings)

    assert "smallest possible p: 0.25" in warnings
    assert "Random is not among" in warnings


def test_the_composition_shows_every_class(root: DataRoot) -> None:
    scenario = tiny_scenario(setting="open", n_known=6, ood_ratio=0.4)
    rows = composition(scenario, datasets.get("digits")().summary(root), seed=0)
    unknown = sum(row["initial"] + row["pool"] for row in rows if not row["known"])
    total = sum(row["initial"] + row["pool"] for row in rows)

    assert len(rows) == 10
    assert sum(row["known"] for row in rows) == 6
    assert abs(unknown / total - 0.4) <= 1 / total
    assert all(row["test"] == 0 for row in rows if not row["known"])


def test_the_cache_root_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ALSCOPE_CACHE", str(tmp_path / "here"))

    assert cache_root() == (tmp_path / "here").resolve()


def test_looking_at_a_study_downloads_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError(f"downloaded {arguments}")

    monkeypatch.setattr("alscope.data._stored.download", refuse)
    root = DataRoot(path=tmp_path / "data", cache=tmp_path / "cache", allow_download=True)
    study = tiny_study(scenarios=(tiny_scenario(dataset="mnist"),), backbone=BackboneConfig())
    plan = make_plan(study, root, RunStore(tmp_path / "runs"))

    assert any("mnist is not here" in warning for warning in plan.warnings)
    assert study_problems(study, root) == []
