"""How long people wait for the map of Inspect, and what travels to the browser.

    python benchmarks/ui/map.py                   # 10,000 and 30,000 samples

Imports made-up features as a data set of one's own, runs two strategies on it for two rounds with
the real engine, and opens the map in headless Chromium: first (samples read, PCA computed), again
(everything kept), after moving the round slider, and after drawing a box. Bytes are those of the
WebSocket. Needs the `dev` extra and Chromium.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from alscope.config import (  # noqa: E402 - the checkout is not installed
    BackboneConfig,
    ScenarioConfig,
    StrategySpec,
    StudyConfig,
    TrainConfig,
)
from alscope.data.importing import Mapping, import_data  # noqa: E402
from alscope.engine.service import Service  # noqa: E402
from tests.browser.conftest import FLAGS  # noqa: E402
from tests.browser.serving import serving  # noqa: E402
from tests.browsers import find_browser  # noqa: E402

N_CLASSES = 10
N_FEATURES = 64
MARKS = "[data-testid=stVegaLiteChart] canvas"


def make_study(cache: Path, folder: Path, n_points: int) -> str:
    """A finished study on `n_points` training samples; returns its id."""
    rng = np.random.default_rng(0)
    n_all = n_points + 500
    labels = np.arange(n_all) % N_CLASSES
    features = rng.normal(size=(n_all, N_FEATURES)) + 4 * np.eye(N_CLASSES, N_FEATURES)[labels]
    folder.mkdir()
    np.save(folder / "features.npy", features.astype(np.float32))
    np.save(folder / "labels.npy", labels)
    with Service.open(cache, executor="serial", offline=True) as service:
        mapping = Mapping(kind="features", test_share=500 / n_all)
        import_data(folder, mapping, service.data_root, name="points", title="Points")
        study = StudyConfig(
            name="points",
            scenarios=(ScenarioConfig(dataset="own:points", query_size=100, n_rounds=2),),
            strategies=(StrategySpec(name="margin"), StrategySpec(name="random")),
            seeds=(0,),
            backbone=BackboneConfig(name="mlp"),
            train=TrainConfig(epochs=1, min_steps=20),
        )
        study_id = service.submit(study)
        service.wait(study_id)
    return study_id


class Traffic:
    """Bytes that the server sent to the page."""

    def __init__(self, page: Page) -> None:
        self.received = 0
        page.on("websocket", lambda socket: socket.on("framereceived", self._add))

    def _add(self, payload: str | bytes) -> None:
        self.received += len(payload)

    def take(self) -> int:
        """Bytes since the last call."""
        taken, self.received = self.received, 0
        return taken


def settle(page: Page, traffic: Traffic) -> None:
    """Wait until the chart is there and nothing has arrived for half a second."""
    page.locator(MARKS).first.wait_for(timeout=120_000)
    before = -1
    while before != traffic.received:
        before = traffic.received
        page.wait_for_timeout(500)


def measure(page: Page, address: str) -> list[tuple[str, float, int]]:
    """What was done, seconds, bytes."""
    traffic, found = Traffic(page), []

    def step(name: str, action: object) -> None:
        traffic.take()
        began = time.perf_counter()
        action()  # type: ignore[operator]
        settle(page, traffic)
        found.append((name, time.perf_counter() - began - 0.5, traffic.take()))

    step("first", lambda: page.goto(address))
    step("again", lambda: page.goto(address))
    slider = page.get_by_role("slider", name="Round")
    slider.focus()
    step("next round", lambda: page.keyboard.press("ArrowRight"))
    box = page.locator(MARKS).first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.4 * box["height"], steps=5)

    def release() -> None:
        page.mouse.up()
        page.get_by_text("in the box").first.wait_for(timeout=60_000)

    step("box", release)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--points", type=int, nargs="+", default=[10_000, 30_000])
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for n_points in arguments.points:
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
            root = Path(folder)
            study_id = make_study(root / "cache", root / "source", n_points)
            with serving(root / "cache", root / "log") as server:
                browser = driver.chromium.launch(executable_path=find_browser(), args=FLAGS)
                page = browser.new_page(viewport={"width": 1280, "height": 1200})
                address = f"{server.url}/inspect?exp={study_id}&a=margin&b=random&tab=map"
                for name, seconds, n_bytes in measure(page, address):
                    print(f"{n_points:>7,} {name:<10} {seconds:6.2f} s {n_bytes / 1000:8.0f} kB")
                browser.close()


if __name__ == "__main__":
    main()
