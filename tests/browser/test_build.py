"""Build in the browser: a link, a mended checklist, a dry run on a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import watched
from tests.browser.finished import Finished
from tests.browser.serving import Server

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]
PATIENCE = 90_000


def test_a_link_fills_the_form_and_the_grid_is_counted(
    finished_server: Server, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    seen = watched(page, finished_server)

    page.goto(f"{finished_server.url}/build?preset=openset&data=digits")
    expect(page.get_by_text("120 runs", exact=True)).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_label("Name of the study")).to_have_value("open set digits")
    expect(page.get_by_text("alscope run --preset openset --dataset digits")).to_be_visible()
    page.get_by_role("button", name="Use 6 seeds").click()

    expect(page.get_by_text("144 runs", exact=True)).to_be_visible(timeout=PATIENCE)
    expect(page).not_to_have_url(re.compile("preset="))  # the form says something else now
    assert seen.errors == []
    assert seen.external == []


def test_the_scenario_that_two_pages_share_survives_the_way_between_them(
    finished_server: Server, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    seen = watched(page, finished_server)
    initial = page.get_by_role("spinbutton", name="Initial labels")
    menu = page.locator("[data-testid=stSidebar]")

    page.goto(f"{finished_server.url}/data")
    page.get_by_role("tab", name="Scenario preview").click(timeout=PATIENCE)
    menu.get_by_role("link", name="Build").click()
    expect(page.get_by_text("120 labels", exact=True)).to_be_visible(timeout=PATIENCE)
    initial.fill("33")
    initial.press("Enter")
    expect(page.get_by_text("133 labels", exact=True)).to_be_visible(timeout=PATIENCE)
    menu.get_by_role("link", name="Data").click()
    page.get_by_role("tab", name="Scenario preview").click(timeout=PATIENCE)

    expect(initial).to_have_value("33")
    assert seen.errors == []


def test_a_dry_run_is_started_and_watched_to_its_end(
    server: Server, finished_copy: Finished, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800})
    seen = watched(page, server)

    page.goto(f"{server.url}/build")
    button = page.get_by_role("button", name="Dry run: one seed, two queries")
    button.click(timeout=PATIENCE)

    expect(page).to_have_url(re.compile("exp=my-study-dry-run-"), timeout=PATIENCE)
    expect(page.get_by_text("6 / 6", exact=True)).to_be_visible(timeout=300_000)
    expect(page.get_by_role("link", name="Open in Compare")).to_be_visible()
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("node => node.scrollWidth <= node.clientWidth")
    assert seen.errors == []
