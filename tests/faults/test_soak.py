"""The soak in a short form; `python benchmarks/soak --minutes 120` is the long one."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.source import ROOT


@pytest.mark.timeout(300)
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory and handles are read from /proc")
def test_nothing_grows_while_studies_and_sessions_come_and_go(tmp_path: Path) -> None:
    # A short form is mostly warm-up, so more may be added than in two hours; a leak of one handle
    # or thread for every action or page would still be seen. The server keeps a page that was left
    # for a minute, with three handles: longer than this test, in which nothing would ever close.
    options = ["--minutes", "0.6", "--pause", "0.3", "--every", "1", "--warm-up", "0.5"]
    options += ["--kept", "3"]
    done = subprocess.run(
        [sys.executable, "benchmarks/soak", *options, "--out", tmp_path],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    with (tmp_path / "samples.csv").open(encoding="utf-8") as file:
        samples = list(csv.DictReader(file))

    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing grew, nothing went wrong" in done.stdout
    assert len(samples) > 10
    assert int(samples[-1]["sessions"]) >= 2
    assert (tmp_path / "events.jsonl").read_text(encoding="utf-8").count("\n") > 20
    assert '{"action": "launch", "said": "soak-' in (tmp_path / "events.jsonl").read_text("utf-8")
    assert "Traceback" not in (tmp_path / "server.log").read_text(encoding="utf-8")
