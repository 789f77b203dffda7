"""How long people wait for the app: first paint, and page changes while a study trains.

    python -m benchmarks.run app

Starts the app on a free port with an empty cache folder and opens it in headless Chromium, several
times; the last time, starts the demo study from Home and walks over the pages while it runs.
Needs the `dev` extra and Chromium.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, Playwright, sync_playwright

from benchmarks.report import Options, Table, seconds
from tests.browser.conftest import FLAGS
from tests.browsers import find_browser

ROOT = Path(__file__).resolve().parents[2]

PAGES = {
    "Build": "Build an experiment",
    "Monitor": "Monitor",
    "Compare": "Compare",
    "Home": "ALScope",
}
ROUNDS = 8
STARTS = 5
STREAMLIT = [sys.executable, "-m", "streamlit", "run", "app.py"]


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_ready(port: int) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1)
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the server did not answer within 30 s")


def visit(page: Page, link: str, heading: str) -> float:
    """Seconds from the click in the navigation to the page's heading."""
    began = time.perf_counter()
    page.get_by_test_id("stSidebar").get_by_role("link", name=link, exact=True).click()
    page.get_by_role("heading", name=heading, exact=True).first.wait_for()
    return time.perf_counter() - began


@contextmanager
def opened(port: int, driver: Playwright) -> Iterator[tuple[Page, float, float]]:
    """A new server with an empty cache folder, opened in a new browser: page, start, first paint.

    Both times in seconds: until the server answers, and from there until the heading is there.
    """
    with tempfile.TemporaryDirectory() as cache:
        began = time.perf_counter()
        server = subprocess.Popen(
            [*STREAMLIT, "--server.port", str(port), "--server.headless", "true"],
            cwd=ROOT,
            env={**os.environ, "ALSCOPE_CACHE": cache},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        browser = driver.chromium.launch(executable_path=find_browser(), args=FLAGS)
        try:
            wait_ready(port)
            answered = time.perf_counter() - began
            page = browser.new_page()
            began = time.perf_counter()
            page.goto(f"http://127.0.0.1:{port}")
            page.get_by_role("heading", name="ALScope", exact=True).wait_for(timeout=60_000)
            yield page, answered, time.perf_counter() - began
        finally:
            browser.close()
            server.terminate()
            server.wait(timeout=30)


def waits(options: Options) -> Iterator[Table]:
    """First paint, and page changes while the demo study runs."""
    starts, paints = [], []
    with sync_playwright() as driver:
        n_starts = 1 if options.quick else STARTS
        for start in range(n_starts):
            with opened(free_port(), driver) as (page, answered, painted):
                starts.append(answered)
                paints.append(painted)
                if start == n_starts - 1:
                    changes = measured(page, 2 if options.quick else ROUNDS)
    rows = [row("server answers after its start", starts)]
    rows += [row("first paint, cold browser", paints), *changes]
    load = os.getloadavg()[0]
    caption = (
        "Seconds until a heading is there, in headless Chromium on the same machine; page changes "
        f"while the demo study trains in one worker. Load of the machine at the end: {load:.1f}."
    )
    yield Table(caption, ("wait", "median", "largest", "n"), rows)


def measured(page: Page, n_rounds: int) -> list[tuple[str, str, str, str]]:
    """Rows of the table: page changes while the demo study runs."""
    page.get_by_role("button", name="Start the demo study").click()
    page.get_by_text("running").first.wait_for(timeout=120_000)
    found: dict[str, list[float]] = {link: [] for link in PAGES}
    for _ in range(n_rounds):
        for link, heading in PAGES.items():
            found[link].append(visit(page, link, heading))
            page.wait_for_timeout(300)
    return [row(f"to {link}", taken) for link, taken in found.items()]


def row(name: str, taken: list[float]) -> tuple[str, str, str, str]:
    """One kind of wait, as often as it was measured."""
    return name, seconds(statistics.median(taken)), seconds(max(taken)), str(len(taken))
