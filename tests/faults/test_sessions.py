"""U2 and U3: many sessions on one server, and one engine however often pages are drawn."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading

import pytest

from alscope.engine.service import Service
from tests.source import ROOT
from tests.ui.conftest import service
from tests.ui.records import page, record, small_study

__all__ = ["service"]


@pytest.mark.timeout(300)
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_crowd_of_sessions_watches_a_study_without_an_error() -> None:
    done = subprocess.run(
        [sys.executable, "benchmarks/soak/crowd.py", "--sessions", "20", "--seconds", "8"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = re.search(r"(\d+) pages and live parts: .* p95 (\d+) ms", done.stdout)
    assert said is not None
    n_parts, p95 = map(int, said.groups())
    memory = int(re.findall(r"server: (\d+) MB", done.stdout)[0])

    assert n_parts > 40
    assert p95 < 3000  # a tenth of that on a machine that does nothing else
    assert memory < 600
    assert "0 exceptions on pages" in done.stdout


@pytest.mark.slow
def test_twenty_draws_of_a_page_start_one_engine(service: Service) -> None:
    record(service, small_study())
    app = page("monitor")
    before = {thread.name for thread in threading.enumerate()}
    for _ in range(20):
        app.run()

    assert not app.exception
    added = {thread.name for thread in threading.enumerate()} - before
    assert not {name for name in added if name.startswith("alscope-")}
