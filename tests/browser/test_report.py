"""The report, from the page to a file that is opened without a network."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import watched
from tests.browser.finished import Finished
from tests.browser.serving import Server

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

WAIT = 90_000
TITLE = "Eight & more </script><img src=x onerror=\"document.title='owned'\">"


def downloaded(page: Page, label: str, folder: Path) -> Path:
    with page.expect_download(timeout=WAIT) as found:
        page.get_by_role("button", name=label, exact=True).click()
    file = folder / found.value.suggested_filename
    found.value.save_as(file)
    return file


def test_a_report_is_made_downloaded_and_opened_offline(
    finished: Finished, finished_server: Server, browser: Browser, tmp_path: Path
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    seen = watched(page, finished_server)
    page.goto(f"{finished_server.url}/report?exp={finished.study_id}")
    expect(page.get_by_role("heading", name="Report", level=1)).to_be_visible(timeout=WAIT)
    expect(page.get_by_role("heading", name="Methods")).to_be_visible(timeout=WAIT)
    page.get_by_text("Title, authors, notes").click()
    page.get_by_label("Title", exact=True).fill(TITLE)
    page.get_by_label("Title", exact=True).press("Enter")
    page.wait_for_timeout(1500)  # the buttons take the new title with the next run of the page
    file = downloaded(page, "Web page", tmp_path)
    bundle = downloaded(page, "Compact bundle", tmp_path)

    assert seen.external == []
    assert seen.errors == []
    assert bundle.read_bytes().startswith(b"PK")
    for scheme, width in (("light", 1280), ("dark", 390)):
        _opened_offline(browser, file, scheme, width)


def _opened_offline(browser: Browser, file: Path, scheme: str, width: int) -> None:
    context = browser.new_context(
        offline=True,
        color_scheme=scheme,
        viewport={"width": width, "height": 900},  # type: ignore[arg-type]
    )
    page = context.new_page()
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda item: asked.append(item.url))
    page.on("pageerror", lambda item: errors.append(str(item)))
    page.on("console", lambda item: errors.append(item.text) if item.type == "error" else None)
    page.goto(file.as_uri())
    page.locator("body[data-ready=yes]").wait_for(timeout=WAIT)
    figures = page.locator("figure")

    assert figures.count() >= 5  # two curves, pairwise, purity, seconds
    assert page.locator("figure.drawn .live svg.marks").count() == figures.count()
    assert page.locator("figure.drawn .live path[aria-roledescription]").count() > 20
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [file.as_uri()]
    assert errors == []
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    assert page.title() == TITLE
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.emulate_media(media="print")
    expect(figures.first.locator("img.static")).to_be_visible()
    expect(figures.first.locator(".live")).to_be_hidden()
    context.close()


def test_the_export_menu_gives_every_form_of_a_figure(
    finished: Finished, finished_server: Server, browser: Browser, tmp_path: Path
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.goto(f"{finished_server.url}/compare?exp={finished.study_id}")
    menu = page.get_by_role("button", name="Export").first
    menu.wait_for(timeout=WAIT)
    # Charts grow after the script has run, and would push an open menu out of sight.
    charts = page.locator("[data-testid=stVegaLiteChart]")
    expect(charts.last.locator("canvas, svg.marks").first).to_be_visible(timeout=WAIT)
    page.wait_for_timeout(1000)
    menu.click()
    begins = {"SVG": b"<svg", "PDF": b"%PDF", "Python": b'"""'}
    for label, start in begins.items():
        assert downloaded(page, label, tmp_path).read_bytes().startswith(start), label
