"""Every page for everybody: axe finds nothing serious, and the keyboard reaches every control."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from alscope.ui.nav import PAGES
from tests.browser.conftest import FLAGS
from tests.browser.finished import Finished
from tests.browser.serving import Server
from tests.browsers import find_browser

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]

# Streamlit's own, both of them advice and no rule of WCAG: the corner cell of a table has no text,
# and the drop zone of an upload is a presentation that can take the focus.
OF_STREAMLIT = {"empty-table-header", "presentation-role-conflict"}
WCAG = {"wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"}
ABOUT_ONE_STUDY = ("monitor", "compare", "inspect", "cost", "report", "library")
TABS = {
    "compare": ("curves", "table", "pairwise", "ranks", "timing", "heat", "factors"),
    "inspect": ("picks", "balance", "openset", "overlap", "map", "point"),
    "library": ("studies", "import", "trash", "disk"),
}
VIEWS = [f"{name}/{tab}" for name in PAGES for tab in TABS.get(name, ("",))]
MAX_STEPS = 400

# What can take the focus with Tab, is visible and works, inside the page's own part.
CONTROLS = """() => [...document.querySelectorAll(
    '[data-testid=stMain] :is(a[href], button, input, textarea, select, [tabindex])')]
  .filter(node => node.tabIndex >= 0 && !node.disabled && node.checkVisibility({
      opacityProperty: false, visibilityProperty: true}) && node.getClientRects().length
      && !node.closest('[data-testid=stDataFrame], [data-testid=stElementToolbar], summary a'))
"""
MARK = "() => { document.activeElement.dataset.reached = 'yes'; }"
# Within a group of choices one goes on with the arrow keys.
MISSED = f"""() => ({CONTROLS})().filter(node => node.dataset.reached !== 'yes'
    && !node.closest('[role=radiogroup], [role=toolbar], [role=group][data-rac]')
      ?.querySelector('[data-reached]'))
  .map(node => node.outerHTML.slice(0, 160))"""
FOCUS = """() => {
  const node = document.activeElement;
  return [node.tagName, node.textContent.trim().slice(0, 40)].join(' ');
}"""


@pytest.fixture(scope="module")
def shared_browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=find_browser(), args=FLAGS)
        yield opened
        opened.close()


def show(page: Page, server: Server, view: str, study_id: str) -> None:
    """Open a view with the study, and wait until it is drawn to its end."""
    name, _, tab = view.partition("/")
    query = f"?exp={study_id}&tab={tab}" if name in ABOUT_ONE_STUDY else ""
    page.goto(f"{server.url}/{'' if name == 'home' else name}{query}")
    expect(page.get_by_role("heading", level=1).first).to_be_visible(timeout=90_000)
    settle(page)


def settle(page: Page) -> None:
    """Wait until the script has run, and nothing is stale or still to come."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=90_000)
    expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0, timeout=90_000)
    page.wait_for_timeout(500)  # charts are drawn after the script


def findings(page: Page) -> list[str]:
    """Serious and critical findings, and all that break WCAG A or AA, with the first element."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{item['impact']} {item['id']}: {item['nodes'][0]['html'][:300]} "
        f"({len(item['nodes'])} elements)"
        for item in found
        if item["id"] not in OF_STREAMLIT
        and (item["impact"] in {"serious", "critical"} or WCAG & set(item["tags"]))
    ]


def lasting(page: Page) -> list[str]:
    """Findings that are still there a second later: what fades in has no contrast at first."""
    if not findings(page):
        return []
    page.wait_for_timeout(1000)
    settle(page)
    return findings(page)


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_has_no_serious_finding_and_the_keyboard_reaches_every_control(
    shared_browser: Browser, finished_server: Server, finished: Finished, view: str
) -> None:
    page = shared_browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="dark")
    try:
        show(page, finished_server, view, finished.study_id)
        first, missed = walk(page)
        dark = lasting(page)
        page.set_viewport_size({"width": 390, "height": 844})
        page.emulate_media(color_scheme="light")  # followed at once
        settle(page)
        light = lasting(page)
    finally:
        page.close()

    # Every theme and every width once: contrast depends on one, layout on the other.
    assert (dark, light) == ([], [])
    assert "Skip to main content" in first
    assert missed == []


def walk(page: Page) -> tuple[str, list[str]]:
    """Go through the page with Tab; returns where it began and which controls it missed."""
    page.keyboard.press("Tab")
    first: str = page.evaluate(FOCUS)
    for _ in range(MAX_STEPS):
        page.evaluate(MARK)
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement === document.body"):
            break
    missed: list[str] = page.evaluate(MISSED)
    return first, missed


def test_the_app_follows_the_theme_of_the_system(
    shared_browser: Browser, finished_server: Server, finished: Finished
) -> None:
    """Otherwise half of the findings above would be looked for in vain."""
    page = shared_browser.new_page(color_scheme="light")
    background = "() => getComputedStyle(document.querySelector('.stApp')).backgroundColor"
    try:
        show(page, finished_server, "library/studies", finished.study_id)
        before = page.evaluate(background)
        page.emulate_media(color_scheme="dark")
        settle(page)
        after = page.evaluate(background)
    finally:
        page.close()

    assert (before, after) == ("rgb(255, 255, 255)", "rgb(16, 21, 28)")
