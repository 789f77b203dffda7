"""How long people wait for the app: first paint, and page changes while a study trains.

    python -m benchmarks.run app

Starts the app on a free port with an empty cache folder, opens it in headless Chromium, starts the
demo study from Home and walks over the pages while it runs. Needs the `dev` extra and Chromium.
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
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

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


def waits(options: Options) -> Iterator[Table]:
    """First paint, and page changes while the demo study runs."""
    port = free_port()
    with tempfile.TemporaryDirectory() as cache, sync_playwright() as driver:
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
            rows = [("server answers after its start", seconds(answered), "", "1")]
            rows += measured(browser.new_page(), port, 2 if options.quick else ROUNDS)
        finally:
            browser.close()
            server.terminate()
            server.wait(timeout=30)
    load = os.getloadavg()[0]
    caption = (
        "Seconds until a heading is there, in headless Chromium on the same machine; page changes "
        f"while the demo study trains in one worker. Load of the machine at the end: {load:.1f}."
    )
    yield Table(caption, ("wait", "median", "largest", "n"), rows)


def measured(page: Page, port: int, n_rounds: int) -> list[tuple[str, str, str, str]]:
    """Rows of the table, in the order they were measured."""
    began = time.perf_counter()
    page.goto(f"http://127.0.0.1:{port}")
    page.get_by_role("heading", name="ALScope", exact=True).wait_for(timeout=60_000)
    rows = [("first paint, cold browser", seconds(time.perf_counter() - began), "", "1")]
    page.get_by_role("button", name="Start the demo study").click()
    page.get_by_text("running").first.wait_for(timeout=120_000)
    found: dict[str, list[float]] = {link: [] for link in PAGES}
    for _ in range(n_rounds):
        for link, heading in PAGES.items():
            found[link].append(visit(page, link, heading))
            page.wait_for_timeout(300)
    for link, taken in found.items():
        median, largest = seconds(statistics.median(taken)), seconds(max(taken))
        rows.append((f"to {link}", median, largest, str(len(taken))))
    return rows
