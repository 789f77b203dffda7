"""The app as people use it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from alscope.config_io import write_study
from tests.browser.conftest import Server, watched
from tests.ui.records import small_study

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]

TITLES = {
    "": "ALScope",
    "playground": "Playground",
    "lessons": "Lessons",
    "strategies": "Strategies",
    "data": "Data",
    "build": "Build an experiment",
    "monitor": "Monitor",
    "compare": "Compare",
    "inspect": "Inspect",
    "library": "Library",
}


def heading(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible(timeout=60_000)


@pytest.mark.parametrize("path", TITLES)
def test_a_deep_link_is_answered_by_a_server_that_just_started(
    server: Server, browser: Browser, path: str
) -> None:
    page = browser.new_page()
    seen = watched(page, server)

    page.goto(f"{server.url}/{path}")
    heading(page, TITLES[path])

    link = page.get_by_role("link", name="Compare", exact=True)  # drawn after what needs no script
    expect(link).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Page not found")).to_have_count(0)
    assert seen.external == []
    assert seen.errors == []


def test_a_study_is_built_watched_and_compared(
    server: Server, browser: Browser, tmp_path: Path
) -> None:
    page = browser.new_page()
    seen = watched(page, server)
    file = tmp_path / "study.toml"
    file.write_text(write_study(small_study()), encoding="utf-8")

    page.goto(f"{server.url}/build")
    heading(page, "Build an experiment")
    page.locator("input[type=file]").set_input_files(file, timeout=90_000)
    expect(page.get_by_label("Name of the study")).to_have_value("small", timeout=60_000)
    page.get_by_role("button", name="Start", exact=True).click()

    heading(page, "Monitor")
    expect(page).to_have_url(re.compile("exp=small-"))
    page.reload()  # the study goes on without the page
    heading(page, "Monitor")
    expect(page.get_by_text("6 / 6", exact=True)).to_be_visible(timeout=300_000)
    expect(page.get_by_text("✓ 6 done")).to_be_visible(timeout=60_000)

    page.get_by_role("link", name="Open in Compare").click()
    heading(page, "Compare")
    expect(page.locator("[data-testid=stVegaLiteChart]").first).to_be_visible(timeout=60_000)
    expect(page.get_by_text("6 runs, 2 seeds each, 0 missing points.")).to_be_visible()
    page.get_by_role("button", name="Export").first.click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    lines = download.value.path().read_text(encoding="utf-8").splitlines()

    assert lines[0].startswith("scenario,strategy,round,n_annotated,mean,low,high")
    assert len(lines) == 1 + 3 * 3  # strategies x evaluations
    assert seen.external == []
    assert seen.errors == []


@pytest.mark.parametrize("path", TITLES)
def test_a_page_never_scrolls_sideways_on_a_phone(
    server: Server, browser: Browser, path: str
) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800})

    page.goto(f"{server.url}/{path}")
    heading(page, TITLES[path])

    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("node => node.scrollWidth <= node.clientWidth")
