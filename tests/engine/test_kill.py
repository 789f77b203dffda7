"""`kill -9` in training, in selection and inside writes; then resume to the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import Bench, tiny_run

ROOT = Path(__file__).resolve().parents[2]
STRATEGY = "badge"

POINTS = {
    "training": ("check", 4),
    "a later batch": ("check", 25),
    "selection": ("select.before", 1),
    "after a selection": ("select.after", 1),
    "a cache write": ("cache.set.inside", 1),
    "a later cache write": ("cache.set.inside", 3),
    "a blob": ("blob.inside", 1),
    "a journal line": ("journal.inside", 2),
}


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("killed")
    command = [sys.executable, "-m", "tests.engine.kill_driver", str(folder), STRATEGY]
    result = subprocess.run(
        [*command, json.dumps(POINTS)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    found: dict[str, dict[str, Any]] = json.loads(result.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("where", POINTS)
def test_a_run_killed_there_resumes_to_the_same_bytes(
    where: str, reports: dict[str, dict[str, Any]], make_bench: Callable[..., Bench]
) -> None:
    whole = make_bench("whole")
    whole.execute(tiny_run(STRATEGY))
    report = reports[where]

    assert report["kills"] >= 1
    assert report["state"] == "done"
    assert report["problems"] == []
    assert report["records"].encode() == whole.records(tiny_run(STRATEGY))
