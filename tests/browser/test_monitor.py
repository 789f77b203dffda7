"""Monitor in the browser: cells, one run, reload, a second browser, more seeds."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import watched
from tests.browser.finished import STRATEGIES, Finished
from tests.browser.serving import Server

PATIENCE = 90_000
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]


def test_a_click_on_a_cell_shows_the_run_here_and_in_a_second_browser(
    finished_server: Server, finished: Finished, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 1600})
    seen = watched(page, finished_server)

    page.goto(f"{finished_server.url}/monitor?exp={finished.study_id}")
    expect(page.get_by_text("80 / 80", exact=True)).to_be_visible(timeout=PATIENCE)
    grid = page.locator("[data-testid=stVegaLiteChart]").first
    expect(grid.locator("canvas, svg").first).to_be_visible(timeout=PATIENCE)
    box = grid.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.4)
    expect(page).to_have_url(re.compile("run=[0-9a-f]{20}"), timeout=PATIENCE)
    expect(page.get_by_text("round 3: 80 labels")).to_be_visible(timeout=PATIENCE)
    address = page.url

    page.reload()
    expect(page.get_by_text("round 3: 80 labels")).to_be_visible(timeout=PATIENCE)
    other = browser.new_context().new_page()
    other.goto(address)
    expect(other.get_by_text("round 3: 80 labels")).to_be_visible(timeout=PATIENCE)
    assert other.url == address

    assert seen.errors == []
    assert seen.external == []


def test_seeds_are_added_and_only_they_are_computed(
    server: Server, finished_copy: Finished, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 1200})
    seen = watched(page, server)

    page.goto(f"{server.url}/monitor?exp={finished_copy.study_id}")
    page.get_by_role("button", name="Add seeds").click(timeout=PATIENCE)
    page.get_by_label("Seeds to add").fill("1")
    page.get_by_label("Seeds to add").press("Enter")
    page.get_by_role("button", name="Add", exact=True).click()

    expect(page).to_have_url(re.compile("exp=finished-6-seeds-"), timeout=PATIENCE)
    expect(page.get_by_text(re.compile("80 reused"))).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Pause", exact=True).first.click(timeout=PATIENCE)
    expect(page.get_by_text("paused", exact=True).first).to_be_visible(timeout=PATIENCE)
    total = len(STRATEGIES) * 6 * 2
    expect(page.get_by_text(re.compile(f"/ {total}$"))).to_be_visible()
    assert seen.errors == []
