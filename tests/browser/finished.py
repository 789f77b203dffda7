"""One finished study for every browser test: computed by the real engine, once per test session.

Eight strategies, five seeds, a closed and an open set on digits, three queries: 80 runs in about
half a minute, because the network is small. Nothing in it is made up.

Run as a module with a folder, it computes the study there and prints its id.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from alscope.config import (
    BackboneConfig,
    ScenarioConfig,
    StrategySpec,
    StudyConfig,
    TrainConfig,
)
from alscope.engine.service import Service
from tests.browser.serving import Server, serving
from tests.source import ROOT

__all__ = ["STRATEGIES", "Finished", "finished", "finished_copy", "finished_server", "study"]

STRATEGIES = (
    "random",
    "least_confidence",
    "margin",
    "entropy",
    "bald",
    "coreset",
    "badge",
    "alpha_mix",
)
SEEDS = (0, 1, 2, 3, 4)
N_ROUNDS = 3


@dataclass(frozen=True)
class Finished:
    """A cache folder with the study; read it, but do not write: others read it too."""

    cache: Path
    study_id: str


def study() -> StudyConfig:
    """What is computed."""
    sizes = {"pool_limit": 600, "test_limit": 200, "n_initial": 20, "query_size": 20}
    return StudyConfig(
        name="finished",
        description="Eight strategies on digits, closed and open set.",
        scenarios=(
            ScenarioConfig(n_rounds=N_ROUNDS, **sizes),
            ScenarioConfig(n_rounds=N_ROUNDS, setting="open", n_known=6, ood_ratio=0.4, **sizes),
        ),
        strategies=tuple(StrategySpec(name=name) for name in STRATEGIES),
        seeds=SEEDS,
        backbone=BackboneConfig(name="mlp", params={"hidden": 64, "depth": 1}),
        train=TrainConfig(epochs=10, min_steps=30, max_steps=40, lr=5e-3, augment=False),
    )


def compute(cache: Path) -> str:
    """Compute the study in a folder; returns its id."""
    with Service.open(cache, executor="serial", threads=1, device="cpu", offline=True) as service:
        study_id = service.submit(study())
        status = service.wait(study_id)
    assert status.n_done == status.n_runs == len(STRATEGIES) * len(SEEDS) * 2, status
    return study_id


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The study, shared by all tests and all test processes of a session. Read only."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    cache, done = shared / "finished-study", shared / "finished-study.id"
    with FileLock(shared / "finished-study.lock"):
        if not done.exists():
            done.write_text(_in_a_process(cache), encoding="utf-8")
    return Finished(cache, done.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def finished_server(
    finished: Finished, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One server on the study for all tests that only look."""
    with serving(finished.cache, tmp_path_factory.mktemp("finished") / "server.log") as server:
        yield server


@pytest.fixture
def finished_copy(finished: Finished, cache_folder: Path) -> Finished:
    """The study in the test's own cache folder, where it may be changed; `server` serves it."""
    for room in ("runs", "studies"):
        shutil.copytree(finished.cache / room, cache_folder / room)
    return Finished(cache_folder, finished.study_id)


def _in_a_process(cache: Path) -> str:
    """A process of its own: the one that runs the tests stays without torch."""
    result = subprocess.run(
        [sys.executable, "-m", "tests.browser.finished", str(cache)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.split()[-1]


if __name__ == "__main__":
    print(compute(Path(sys.argv[1])))
