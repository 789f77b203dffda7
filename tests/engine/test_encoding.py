"""Frozen encoders in runs: encoded once, kept, and the same as without a cache."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from alscope.config import BackboneConfig, RunConfig, StrategySpec
from alscope.engine.encoding import Encoding
from alscope.engine.loop import make_backbone
from alscope.engine.plan import make_plan, study_problems
from alscope.types import RunState
from tests.backbones.fakes import TinyPixels
from tests.engine.conftest import Bench, tiny_run, tiny_study

FROZEN = BackboneConfig(name="frozen", params={"encoder": TinyPixels.key, "image_size": 16})


def frozen_run(strategy: str = "margin", seed: int = 0, **scenario: Any) -> RunConfig:
    """A run on features of a tiny encoder."""
    return dataclasses.replace(tiny_run(strategy, seed, **scenario), backbone=FROZEN)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of what was encoded, in order."""
    seen: list[int] = []
    original = Encoding._encode

    def encode(self: Encoding, source: Any) -> Any:
        seen.append(source.n)
        return original(self, source)

    monkeypatch.setattr(Encoding, "_encode", encode)
    return seen


def test_a_data_set_is_encoded_once_for_all_runs(
    make_bench: Callable[..., Bench], passes: list[int]
) -> None:
    bench = make_bench("one")
    for strategy in ("random", "margin"):
        for seed in (0, 1):
            assert bench.execute(frozen_run(strategy, seed)) is RunState.DONE
    again = make_bench("one")

    assert passes == [1297, 500]
    assert again.execute(frozen_run("entropy")) is RunState.DONE
    assert passes == [1297, 500]


def test_features_from_the_cache_give_the_same_records(make_bench: Callable[..., Bench]) -> None:
    config = frozen_run("badge")
    cached, fresh = make_bench("cached"), make_bench("fresh", cached=False)
    cached.execute(frozen_run("random"))
    for bench in (cached, fresh):
        assert bench.execute(config) is RunState.DONE

    assert cached.records(config) == fresh.records(config)


@pytest.mark.parametrize("name", ["saal", "noise_stability", "learning_loss", "ccal", "mqnet"])
def test_strategies_that_look_into_the_network_work_on_the_head(bench: Bench, name: str) -> None:
    assert bench.execute(frozen_run(name)) is RunState.DONE


def test_other_settings_of_an_encoder_are_other_features(
    make_bench: Callable[..., Bench], passes: list[int]
) -> None:
    bench = make_bench("one")
    larger = BackboneConfig(name="frozen", params={**FROZEN.params, "image_size": 24})
    bench.execute(frozen_run())
    bench.execute(dataclasses.replace(frozen_run(), backbone=larger))

    assert len(passes) == 4


def test_other_threads_keep_the_fingerprint_but_not_the_features(
    make_bench: Callable[..., Bench], passes: list[int]
) -> None:
    bench, config = make_bench("one"), frozen_run()
    prints = []
    for n_threads in (1, 2):
        bench.resources.numerics = f"cpu|threads={n_threads}"
        bench.resources._loaded = type(bench.resources._loaded)(limit=2)
        prepared = bench.resources.prepare(
            config.scenario, make_backbone("frozen", FROZEN.params), config.train
        )
        prints.append(prepared.fingerprint)

    assert prints[0] == prints[1]  # or such a run could not be continued with accept_change
    assert len(passes) == 4


def test_the_plan_says_what_frozen_features_mean(bench: Bench) -> None:
    study = tiny_study(backbone=FROZEN)
    plan = make_plan(study, bench.resources.data_root, bench.store)

    assert any("only the head is trained" in warning for warning in plan.warnings)


def test_encoders_that_learn_from_changed_copies_are_refused_on_features(bench: Bench) -> None:
    ccal = StrategySpec(name="ccal", params={"encoder": "ssl:3"})
    problems = study_problems(
        tiny_study(backbone=FROZEN, strategies=(ccal,)), bench.resources.data_root
    )

    assert [problem.path for problem in problems] == ["strategies[0]"]
    assert "choose 'frozen'" in problems[0].message
