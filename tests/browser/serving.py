"""A running app, for a test or for all of them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.source import ROOT

__all__ = ["Server", "free_port", "serving"]


@dataclass
class Server:
    """A running app."""

    url: str
    process: subprocess.Popen[bytes]
    cache: Path


def free_port() -> int:
    """A port that nobody listens to now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def serving(
    cache: Path, log: Path, *options: str, port: int = 0, host: str = "127.0.0.1"
) -> Iterator[Server]:
    """A server on a cache folder that nobody has visited yet; its log must hold no traceback.

    Args:
        cache: The folder.
        log: What it says goes here.
        *options: More options of Streamlit.
        port: Where it listens; 0: anywhere.
        host: What this computer is called in its address.
    """
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, f"--server.port={port}", *options],
            cwd=ROOT,
            env=os.environ | {"ALSCOPE_CACHE": str(cache)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    url = f"http://{host}:{port}"
    try:
        _wait(f"{url}/_stcore/health", process)
        yield Server(url, process, cache)
    finally:
        process.terminate()
        process.wait(timeout=60)
    said = log.read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in said, said


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended at once"
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError("the server did not answer within a minute")
