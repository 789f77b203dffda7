"""The app in a real browser: a server with a cache of its own, and a page that notes surprises."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browsers import find_browser
from tests.source import ROOT

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Server:
    """A running app."""

    url: str
    process: subprocess.Popen[bytes]


@dataclass
class Surprises:
    """What a page must not do."""

    external: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@pytest.fixture
def server(cache_folder: Path) -> Iterator[Server]:
    """A server that nobody has visited yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
    log = cache_folder.parent / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, f"--server.port={port}"],
            cwd=ROOT,
            env=os.environ | {"ALSCOPE_CACHE": str(cache_folder)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(f"{url}/_stcore/health", process)
        yield Server(url, process)
    finally:
        process.terminate()
        process.wait(timeout=20)
    said = log.read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in said, said


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Chromium, headless."""
    with sync_playwright() as driver:
        path = os.environ.get("CHROMIUM") or find_browser()
        opened = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


def watched(page: Page, server: Server) -> Surprises:
    """Note every request to another host and every error on the console."""
    seen = Surprises()

    def request(url: str) -> None:
        if not url.startswith((server.url, "data:", "blob:")):
            seen.external.append(url)

    def failed(url: str, status: int) -> None:
        # Streamlit asks below the page's own path for its server, then at the root.
        if status >= 400 and not url.endswith(("/_stcore/health", "/_stcore/host-config")):
            seen.errors.append(f"{status} {url}")

    def said(kind: str, text: str) -> None:
        if kind == "error" and "404 (Not Found)" not in text:  # counted by `failed`
            seen.errors.append(text)

    page.on("request", lambda item: request(item.url))
    page.on("response", lambda item: failed(item.url, item.status))
    page.on("console", lambda item: said(item.type, item.text))
    page.on("pageerror", lambda item: seen.errors.append(str(item)))
    return seen


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
