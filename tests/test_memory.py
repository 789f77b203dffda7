"""The command that measures memory runs for every strategy; what it measures is not judged here."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from alscope.registry import strategies
from tests.source import ROOT

TINY = {
    "n_pool": 40,
    "n_features": 6,
    "n_classes": 3,
    "n_labeled": 8,
    "n_unknowns": 2,
    "query_size": 5,
}


@pytest.mark.slow
def test_every_strategy_is_measured_and_listed() -> None:
    sizes = [word for name, n in TINY.items() for word in (f"--{name.replace('_', '-')}", str(n))]
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "memory.py", *sizes],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    rows = re.findall(
        r"^\| `(\w+)` \| ([\d,]+) \| ([\d,]+) \| ([\de.+-]+) \|  \|$", done.stdout, re.M
    )

    assert done.returncode == 0, done.stderr
    assert {name for name, *_ in rows} == set(strategies.names())
