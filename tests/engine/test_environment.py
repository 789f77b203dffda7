"""Results made under different conditions are not mixed silently."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alscope.config import BackboneConfig
from alscope.data.protocols import DataRoot
from alscope.engine.environment import check_same_environment
from alscope.engine.resources import Resources
from alscope.errors import StoreError
from alscope.types import RunState
from tests.engine.conftest import Bench, tiny_run
from tests.engine.test_metamorphic import StopAfter


def test_a_changed_environment_is_refused_until_accepted(bench: Bench) -> None:
    config = tiny_run("margin", n_rounds=1)
    assert bench.execute(config, StopAfter(28)) is RunState.PAUSED
    assert len(bench.store.history(config.run_id).rounds) == 1
    root: DataRoot = bench.resources.data_root
    bench.resources = Resources(root, None, device="cpu", n_threads=2)
    assert bench.execute(config) is RunState.FAILED
    error = bench.store.history(config.run_id).error
    assert error is not None
    assert "n_threads was 1, is 2" in error["message"]

    assert bench.execute(config, accept_change=True) is RunState.DONE
    events = bench.store.history(config.run_id).events
    changes = [event.data["changes"] for event in events if event.kind == "started"]
    assert changes[-1] == ["n_threads was 1, is 2"]


def test_changed_data_are_refused_even_if_changes_are_accepted() -> None:
    with pytest.raises(StoreError, match="the data have changed"):
        check_same_environment(
            {"data_fingerprint": "a"}, {"data_fingerprint": "b"}, accept_change=True
        )


def test_equal_environments_pass() -> None:
    same = {"data_fingerprint": "a", "torch": "2.15", "n_threads": 1}

    assert check_same_environment(same, dict(same), accept_change=False) == ()


def test_a_run_is_not_continued_with_another_tokenizer_or_other_pretrained_weights(
    bench: Bench,
) -> None:
    config = tiny_run("margin", n_rounds=1)
    bench.execute(config)
    env = bench.store.history(config.run_id).rounds[-1].data["env"]
    assert env["inputs_fingerprint"] != env["data_fingerprint"]

    with pytest.raises(StoreError, match="tokenizer or pretrained weights have changed"):
        check_same_environment(env, {**env, "inputs_fingerprint": "b"}, accept_change=True)


def test_networks_of_one_shape_are_warmed_up_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages: list[str] = []
    batches = Resources.batches

    def noted(self: Resources, *args: Any, stage: str, **options: Any) -> Any:
        stages.append(stage)
        return batches(self, *args, stage=stage, **options)

    monkeypatch.setattr(Resources, "batches", noted)
    wide = replace(tiny_run(), backbone=BackboneConfig(name="mlp", params={"dropout": 0.4}))
    for config in (tiny_run(), tiny_run(seed=1), wide):
        assert bench.execute(config) is RunState.DONE

    assert stages.count("load") == 2
    assert stages.count("evaluate") == 9
