"""Small studies on digits that finish in a second or two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alscope.config import (
    BackboneConfig,
    RunConfig,
    ScenarioConfig,
    StrategySpec,
    StudyConfig,
    TrainConfig,
)
from alscope.data.protocols import DataRoot
from alscope.engine.control import StopToken
from alscope.engine.resources import Resources
from alscope.engine.runner import execute
from alscope.engine.service import Service
from alscope.store.artifacts import ArtifactCache
from alscope.store.runs import RunStore
from alscope.types import RunState

SEVEN = ("random", "least_confidence", "margin", "entropy", "bald", "coreset", "badge")


def tiny_scenario(**changes: Any) -> ScenarioConfig:
    """Digits cut down to a few hundred samples."""
    base: dict[str, Any] = {
        "dataset": "digits",
        "pool_limit": 150,
        "test_limit": 60,
        "n_initial": 12,
        "query_size": 6,
        "n_rounds": 2,
    }
    return ScenarioConfig(**{**base, **changes})


def tiny_train(**changes: Any) -> TrainConfig:
    """Ten steps."""
    base: dict[str, Any] = {"epochs": 1, "min_steps": 10, "batch_size": 16, "lr": 5e-3}
    return TrainConfig(**{**base, **changes})


def tiny_study(**changes: Any) -> StudyConfig:
    """Two strategies, two seeds."""
    base: dict[str, Any] = {
        "name": "tiny",
        "scenarios": (tiny_scenario(),),
        "strategies": (StrategySpec(name="random"), StrategySpec(name="margin")),
        "seeds": (0, 1),
        "backbone": BackboneConfig(name="mlp"),
        "train": tiny_train(),
    }
    return StudyConfig(**{**base, **changes})


def tiny_run(strategy: str = "margin", seed: int = 0, **scenario: Any) -> RunConfig:
    """One run of the tiny study."""
    return RunConfig(
        scenario=tiny_scenario(**scenario),
        backbone=BackboneConfig(name="mlp"),
        train=tiny_train(),
        strategy=StrategySpec(name=strategy),
        seed=seed,
    )


class Bench:
    """A store and resources in a folder, for executing single runs."""

    def __init__(self, folder: Path, *, cached: bool = True, device: str = "cpu") -> None:
        self.folder = folder
        self.store = RunStore(folder / "runs")
        root = DataRoot(path=folder / "data", cache=folder / "derived", allow_download=False)
        cache = ArtifactCache(folder / "artifacts") if cached else None
        self.resources = Resources(root, cache, device=device, n_threads=1)

    def execute(
        self, config: RunConfig, token: StopToken | None = None, **options: Any
    ) -> RunState | None:
        """Execute a run to its end or to where the token stops it."""
        run_id = self.store.create(config)
        return execute(self.store, run_id, lambda: self.resources, token or StopToken(), **options)

    def records(self, config: RunConfig) -> bytes:
        """The deterministic bytes of a run."""
        return self.store.records(config.run_id)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A bench with an artifact cache."""
    return Bench(tmp_path / "bench")


@pytest.fixture
def make_bench(tmp_path: Path) -> Callable[..., Bench]:
    """Makes benches in folders of their own."""

    def make(name: str, *, cached: bool = True, device: str = "cpu") -> Bench:
        return Bench(tmp_path / name, cached=cached, device=device)

    return make


@pytest.fixture
def open_service(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Opens services that are closed at the end of the test."""
    opened: list[Service] = []

    def make(name: str = "cache", **options: Any) -> Service:
        options = {"executor": "thread", "threads": 1, "device": "cpu", "offline": True, **options}
        service = Service.open(tmp_path / name, **options)
        opened.append(service)
        return service

    yield make
    for service in opened:
        service.close()
