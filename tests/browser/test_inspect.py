"""Inspect on a finished study, as people use it."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Server, watched
from tests.browser.finished import Finished, study

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

WAIT = 90_000
TABS = ("Picks", "Balance", "Open set", "Overlap", "Map", "Point")


def open_inspect(page: Page, server: Server, finished: Finished, **params: str) -> None:
    view = {"exp": finished.study_id, "data": study().scenarios[1].title, "a": "badge", "seed": "2"}
    page.goto(f"{server.url}/inspect?{urlencode(view | params)}")
    expect(page.get_by_role("heading", name="Inspect", level=1)).to_be_visible(timeout=WAIT)


def charts(page: Page) -> None:
    expect(page.locator("[data-testid=stVegaLiteChart] .marks").first).to_be_visible(timeout=WAIT)


def test_picks_of_two_strategies_lead_to_the_life_of_a_sample(
    finished_server: Server, finished: Finished, browser: Browser
) -> None:
    page = browser.new_page()
    seen = watched(page, finished_server)

    open_inspect(page, finished_server, finished, b="random", r="1")
    tiles = page.locator("a.als-tile")
    expect(tiles).to_have_count(40, timeout=WAIT)
    expect(page.locator(".als-badge").first).to_be_visible()
    picture = tiles.first.locator("img")
    assert picture.evaluate("node => node.naturalWidth") == 8
    alt = picture.get_attribute("alt") or ""
    assert re.match(r"Sample \d+: is \d, says \d, \d+ %", alt)

    tiles.first.click()
    sample = re.findall(r"\d+", alt)[0]
    expect(page).to_have_url(re.compile(f"tab=point&sample={sample}"), timeout=WAIT)
    charts(page)
    expect(page.get_by_label("Sample", exact=True)).to_have_value(sample)
    expect(page.get_by_role("cell", name="round 1, choice 1").first).to_be_visible()
    assert seen.external == []
    assert seen.errors == []


def test_tabs_are_lazy_and_the_address_follows(
    finished_server: Server, finished: Finished, browser: Browser
) -> None:
    page = browser.new_page()
    seen = watched(page, finished_server)

    open_inspect(page, finished_server, finished, b="entropy", r="2", tab="overlap")
    charts(page)
    expect(page.get_by_text("Two random sets of 60 would share")).to_be_visible()
    for name in ("Balance", "Open set"):
        page.get_by_role("tab", name=name, exact=True).click()
        expect(page).to_have_url(re.compile(f"tab={name.lower().replace(' ', '')}"), timeout=WAIT)
        charts(page)
    expect(page.get_by_text(re.compile("AUROC 0\\.")).first).to_be_visible(timeout=WAIT)
    page.reload()
    charts(page)
    expect(page.get_by_role("tab", name="Open set", exact=True)).to_have_attribute(
        "aria-selected", "true"
    )
    assert seen.external == []
    assert seen.errors == []


def test_a_box_on_the_map_shows_the_samples_in_it(
    finished_server: Server, finished: Finished, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 1100})
    seen = watched(page, finished_server)

    open_inspect(page, finished_server, finished, b="random", r="2", tab="map")
    charts(page)
    marks = page.locator("[data-testid=stVegaLiteChart] .marks").first
    marks.scroll_into_view_if_needed()
    box = marks.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.35 * box["width"], box["y"] + 0.4 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.65 * box["width"], box["y"] + 0.65 * box["height"], steps=8)
    page.mouse.up()

    expect(page.get_by_text(re.compile(r"\d+ samples? in the box"))).to_be_visible(timeout=WAIT)
    expect(page.locator("a.als-tile").first).to_be_visible(timeout=WAIT)
    assert seen.external == []
    assert seen.errors == []


def test_every_tab_fits_a_phone(
    finished_server: Server, finished: Finished, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800})

    open_inspect(page, finished_server, finished, b="random")
    for name in TABS:
        page.get_by_role("tab", name=name, exact=True).click()
        panel = page.get_by_role("tabpanel", name=name, exact=True)
        expect(panel).to_be_visible(timeout=WAIT)
        shown = panel.locator("a.als-tile, [data-testid=stVegaLiteChart]").first
        expect(shown).to_be_visible(timeout=WAIT)
        main = page.locator("[data-testid=stMain]")
        assert main.evaluate("node => node.scrollWidth <= node.clientWidth"), name
