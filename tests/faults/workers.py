"""Worker processes in which something goes wrong, and processes to act on one cache folder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.source import ROOT

__all__ = ["python", "sabotage", "until"]

_SABOTAGE = """
import os
if "alscope.engine.worker" in " ".join(__import__("sys").orig_argv):
    exec(open({code!r}).read())
"""


def sabotage(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Let every worker process that is started from now on execute some code first.

    The worker inherits the search path of modules, and Python imports `sitecustomize` from there.
    """
    folder.mkdir()
    (folder / "code.py").write_text(code, encoding="utf-8")
    (folder / "sitecustomize.py").write_text(_SABOTAGE.format(code=str(folder / "code.py")))
    known = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{known}")


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a Python process with pipes."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something holds.

    Raises:
        AssertionError: If it does not come to hold.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
