"""Compare on a finished study, as people use it."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Server, watched
from tests.browser.finished import STRATEGIES, Finished, study

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

WAIT = 90_000
TABS = ("Table", "Pairwise", "Ranks", "Timing", "Heat map", "Factors", "Curves")


def open_compare(page: Page, server: Server, finished: Finished, **params: str) -> None:
    view = {"exp": finished.study_id, "data": study().scenarios[1].title}
    page.goto(f"{server.url}/compare?{urlencode(view | params)}")
    expect(page.get_by_role("heading", name="Compare", level=1)).to_be_visible(timeout=WAIT)


def curves(page: Page) -> Locator:
    found = page.locator("[data-testid=stVegaLiteChart]").first
    expect(found.locator(".marks")).to_be_visible(timeout=WAIT)
    found.scroll_into_view_if_needed()
    return found


def test_pointing_lists_all_strategies_and_a_click_sets_the_budget_of_all_tabs(
    finished_server: Server, finished: Finished, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    seen = watched(page, finished_server)

    open_compare(page, finished_server, finished)
    chart = curves(page)
    expect(page.get_by_text("40 runs, 5 seeds each, 0 missing points.")).to_be_visible()
    expect(page).to_have_url(re.compile("[?&]b=80(&|$)"), timeout=WAIT)
    chart.hover(position={"x": 300, "y": 150})
    listed = page.locator("#vg-tooltip-element tr")
    expect(listed).to_have_count(1 + len(STRATEGIES), timeout=WAIT)
    values = [float(re.findall(r": (0\.\d+)", text)[0]) for text in listed.all_inner_texts()[1:]]
    assert values == sorted(values, reverse=True)
    assert all("(n=5)" in text for text in listed.all_inner_texts()[1:])

    budget = re.findall(r"\d+", listed.first.inner_text())[0]
    chart.click(position={"x": 300, "y": 150})
    expect(page).to_have_url(re.compile(f"[?&]b={budget}(&|$)"), timeout=WAIT)
    page.get_by_role("tab", name="Table", exact=True).click()
    expect(page.get_by_role("columnheader", name=f"At {budget}")).to_be_visible(timeout=WAIT)
    assert seen.external == []
    assert seen.errors == []


def test_every_tab_opens_and_its_address_opens_it_again(
    finished_server: Server, finished: Finished, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    seen = watched(page, finished_server)

    open_compare(page, finished_server, finished, mode="gain", band="seeds")
    curves(page)
    for name in TABS:
        page.get_by_role("tab", name=name, exact=True).click()
        expect(page).to_have_url(re.compile(f"tab={name.split()[0].lower()}"), timeout=WAIT)
        panel = page.get_by_role("tabpanel").filter(visible=True)
        expect(panel.locator("[data-testid=stVegaLiteChart], table").first).to_be_visible(
            timeout=WAIT
        )
        expect(page.get_by_text("Something unexpected")).to_have_count(0)
    page.reload()
    curves(page)
    expect(page.get_by_text("Band: every seed as a thin line.")).to_be_visible(timeout=WAIT)
    assert seen.external == []
    assert seen.errors == []


def test_a_phone_shows_curves_and_table_without_scrolling_sideways(
    finished_server: Server, finished: Finished, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800})

    for tab in ("curves", "table"):
        open_compare(page, finished_server, finished, tab=tab)
        expect(
            page.locator("[data-testid=stVegaLiteChart] .marks, [data-testid=stTable]").first
        ).to_be_visible(timeout=WAIT)
        main = page.locator("[data-testid=stMain]")
        assert main.evaluate("node => node.scrollWidth <= node.clientWidth")
