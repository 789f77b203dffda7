"""A class on one server: thirty browser sessions play at the same time.

    python benchmarks/ui/classroom.py [--pupils 30] [--steps 10] [--pause 3]

Starts the app, opens one browser context per pupil in one headless Chromium, lets everybody play a
race with a seed of their own, one step every few seconds at a random moment, and prints how long a
step took from the click to the new table, and how much memory the server held. The browser runs on
the same machine and takes most of its processors, so a class with computers of its own waits less.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.browser.conftest import FLAGS  # noqa: E402 - the checkout is not installed
from tests.browsers import find_browser  # noqa: E402

QUERY = "data=moons&n=300&m=rbf&mode=race&opp=random&opp=margin&budget=40&ui=min"
PATIENCE = 120_000


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_ready(port: int) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1)
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server did not answer within 90 s")


def megabytes(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def cpu_seconds(pid: int) -> float:
    """CPU time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def enter(browser: Browser, address: str, pupil: int) -> Page:
    """A pupil opens the link of the teacher."""
    context = await browser.new_context(viewport={"width": 800, "height": 900})
    page = await context.new_page()
    await page.goto(f"{address}/playground?{QUERY}&seed={pupil}", timeout=PATIENCE)
    await page.get_by_role("cell", name="4", exact=True).first.wait_for(timeout=PATIENCE)
    return page


async def play(page: Page, steps: int, pause: float, dice: random.Random) -> list[float]:
    """Seconds from each click on Step to the table with one label more."""
    waits = []
    for number in range(1, steps + 1):
        await asyncio.sleep(dice.uniform(0, 2 * pause))
        began = time.perf_counter()
        await page.get_by_role("button", name="Step").click(timeout=PATIENCE)
        await page.get_by_role("cell", name=str(4 + number), exact=True).first.wait_for(
            timeout=PATIENCE
        )
        waits.append(time.perf_counter() - began)
    return waits


async def lesson(address: str, pid: int, options: argparse.Namespace) -> None:
    """The class plays; results are printed."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=find_browser(), args=FLAGS)
        pages = [await enter(browser, address, 0)]
        print(f"memory of the server with one session: {megabytes(pid):.0f} MB")
        pages += [await enter(browser, address, pupil) for pupil in range(1, options.pupils)]
        print(f"with {len(pages)} sessions: {megabytes(pid):.0f} MB")
        cpu, began = cpu_seconds(pid), time.perf_counter()
        dice = [random.Random(pupil) for pupil in range(len(pages))]
        played = await asyncio.gather(
            *(
                play(page, options.steps, options.pause, one)
                for page, one in zip(pages, dice, strict=True)
            )
        )
        elapsed = time.perf_counter() - began
        waits = sorted(wait for one in played for wait in one)
        print(
            f"{len(waits)} steps in {elapsed:.0f} s: median {statistics.median(waits):.2f} s, "
            f"p95 {waits[int(0.95 * len(waits))]:.2f} s, largest {waits[-1]:.2f} s"
        )
        spent = cpu_seconds(pid) - cpu
        print(f"CPU of the server: {1e3 * spent / len(waits):.0f} ms per step")
        print(f"memory at the end: {megabytes(pid):.0f} MB")
        print(f"load average at the end: {os.getloadavg()[0]:.1f}")
        await browser.close()


def main() -> None:
    """Start the server, hold the lesson, stop the server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pupils", type=int, default=30, help="browser sessions")
    parser.add_argument("--steps", type=int, default=10, help="steps per pupil")
    parser.add_argument("--pause", type=float, default=3.0, help="mean seconds between steps")
    options = parser.parse_args()
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    with tempfile.TemporaryDirectory() as cache:
        server = subprocess.Popen(
            [*command, "--server.port", str(port)],
            cwd=ROOT,
            env={**os.environ, "ALSCOPE_CACHE": cache},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_ready(port)
            asyncio.run(lesson(f"http://127.0.0.1:{port}", server.pid, options))
        finally:
            server.terminate()
            server.wait(timeout=30)


if __name__ == "__main__":
    main()
