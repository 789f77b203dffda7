"""Runs that take turns in worker processes: killed, paused, cancelled, and the same records."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alscope.config import BackboneConfig, StrategySpec, StudyConfig
from alscope.engine.service import Service
from alscope.types import RunState
from tests.backbones.checkpoints import save_tiny_bert
from tests.engine.conftest import Bench, tiny_scenario, tiny_study, tiny_train
from tests.engine.test_service import until
from tests.engine.turns_kill_driver import CONFIGS

pytestmark = pytest.mark.slow
Open = Callable[..., Service]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny text encoder, which a worker process finds as well."""
    return save_tiny_bert(tmp_path_factory.mktemp("encoder"))


def heads(encoder: Path) -> StudyConfig:
    """Three seeds of one strategy, with trainings of half a second."""
    return tiny_study(
        scenarios=(tiny_scenario(dataset="docstrings"),),
        backbone=BackboneConfig(name="frozen", params={"encoder": str(encoder), "max_tokens": 16}),
        strategies=(StrategySpec(name="margin"),),
        seeds=(0, 1, 2),
        train=tiny_train(min_steps=1000, lr=0.02),
    )


def check_records(service: Service, calm: Service, study: StudyConfig) -> None:
    """They are those of runs that were executed one after the other."""
    calm.wait(calm.submit(study), timeout=120)
    for run in study.runs():
        assert service.runs.records(run.run_id) == calm.runs.records(run.run_id)


def n_rounds(service: Service, study: StudyConfig) -> int:
    """Recorded rounds of all runs."""
    return sum(len(service.runs.history(run.run_id).rounds) for run in study.runs())


def test_a_killed_worker_is_replaced_and_its_runs_resumed(
    encoder: Path, open_service: Open
) -> None:
    service = open_service("killed", executor="worker")
    study = heads(encoder)
    study_id = service.submit(study)
    until(lambda: n_rounds(service, study) > 3, 60)
    executor: Any = service._supervisor._executor
    executor._slots[0].process._popen.kill()
    assert service.wait(study_id, timeout=180).state == "done"

    check_records(service, open_service("calm", executor="serial"), study)


def test_a_pause_reaches_all_runs_that_take_turns(encoder: Path, open_service: Open) -> None:
    service = open_service("asked", executor="worker")
    study = heads(encoder)
    study_id = service.submit(study)
    until(lambda: n_rounds(service, study) > 0, 60)
    executor: Any = service._supervisor._executor
    process = executor._slots[0].process
    service.pause(study_id)
    status = service.wait(study_id, timeout=10)

    assert {run.state for run in status.runs} == {RunState.PAUSED}
    assert process.exit_code is None  # nobody had to be killed
    service.resume(study_id)
    assert service.wait(study_id, timeout=180).state == "done"
    rounds = [service.runs.history(run.run_id).rounds for run in study.runs()]
    shares = [{event.data["timing"]["train_s"] for event in events} for events in rounds]
    assert shares[0] & shares[1]  # they were trained together
    assert not any(event.data["timing"]["contended"] for events in rounds for event in events)


def test_who_makes_room_for_something_urgent_goes_on_later(
    encoder: Path, open_service: Open
) -> None:
    service = open_service("urgent", executor="worker")
    study, urgent = heads(encoder), tiny_study(name="urgent", seeds=(0,))
    study_id = service.submit(study)
    until(lambda: n_rounds(service, study) > 0, 60)
    urgent_id = service.submit(urgent, priority=9)
    service.wait(urgent_id, timeout=120)
    n_done = service.study(study_id).count(RunState.DONE)

    assert n_done == 1  # the others were let go, or all would have been
    assert service.wait(study_id, timeout=180).state == "done"
    check_records(service, open_service("calm", executor="serial"), study)


POINTS = {
    "a training of all": ("check", 90),
    "a selection": ("select.before", 5),
    "a journal line": ("journal.inside", 5),
}


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What was left of runs that were killed there again and again."""
    folder = tmp_path_factory.mktemp("killed")
    result = subprocess.run(
        [sys.executable, "-m", "tests.engine.turns_kill_driver", str(folder), json.dumps(POINTS)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    found: dict[str, dict[str, Any]] = json.loads(result.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("where", POINTS)
def test_runs_killed_there_resume_to_the_same_bytes(
    where: str, reports: dict[str, dict[str, Any]], make_bench: Callable[..., Bench]
) -> None:
    whole, report = make_bench("whole"), reports[where]
    assert report["kills"] >= 1
    for config, left in zip(CONFIGS, report["runs"], strict=True):
        whole.execute(config)
        assert left["state"] == "done"
        assert left["problems"] == []
        assert left["records"].encode() == whole.records(config)
