"""How long people wait for the app: first paint, and page changes while a study trains.

    python benchmarks/speed/app.py

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
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.browser.conftest import FLAGS  # noqa: E402 - the checkout is not installed
from tests.browsers import find_browser  # noqa: E402

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


def main() -> None:
    """Measure and print."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as cache, sync_playwright() as driver:
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
            page = browser.new_page()
            began = time.perf_counter()
            page.goto(address)
            page.get_by_role("heading", name="ALScope", exact=True).wait_for()
            print(f"first paint, fresh server, cold browser: {time.perf_counter() - began:.2f} s")
            page.get_by_role("button", name="Start the demo study").click()
            page.get_by_text("running").first.wait_for(timeout=60_000)
            waits: dict[str, list[float]] = {link: [] for link in PAGES}
            for _ in range(ROUNDS):
                for link, heading in PAGES.items():
                    waits[link].append(visit(page, link, heading))
                    page.wait_for_timeout(300)
            for link, seconds in waits.items():
                print(
                    f"{link}: median {statistics.median(seconds):.2f} s, "
                    f"largest {max(seconds):.2f} s, n = {len(seconds)}, a study in progress"
                )
        finally:
            browser.close()
            server.terminate()
            server.wait(timeout=30)


if __name__ == "__main__":
    main()
