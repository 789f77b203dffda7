"""The Library as people use it: find, note, delete and undo, export and import, on one study."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from alscope.engine.service import Service
from tests.browser.conftest import watched
from tests.browser.finished import Finished
from tests.browser.serving import Server

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

SLOW_MS = 90_000


def show(page: Page, server: Server, query: str = "") -> None:
    page.goto(f"{server.url}/library{query}")
    expect(page.get_by_role("heading", name="Library", level=1)).to_be_visible(timeout=SLOW_MS)


def button(page: Page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def test_a_study_is_found_noted_deleted_and_brought_back(
    finished_copy: Finished, server: Server, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 1100})
    seen = watched(page, server)
    show(page, server, "?q=digits%20badge")
    expect(page.get_by_text("1 study of 1 · 80 different runs")).to_be_visible(timeout=SLOW_MS)

    # The first row of the table: its box is in the first column, below the head.
    page.locator("[data-testid=stDataFrame] .dvn-scroller").first.click(position={"x": 16, "y": 53})
    expect(page).to_have_url(re.compile(f"exp={finished_copy.study_id}"), timeout=SLOW_MS)
    page.get_by_text("Tags and note").click()
    page.get_by_label("Note").fill("seen in the browser")
    button(page, "Save").click()
    expect(page.get_by_text("seen in the browser").first).to_be_visible(timeout=SLOW_MS)
    page.reload()
    expect(page.get_by_text("seen in the browser").first).to_be_visible(timeout=SLOW_MS)

    button(page, "Delete").click()
    expect(page.get_by_text("The library is empty.")).to_be_visible(timeout=SLOW_MS)
    button(page, "Undo").click()
    expect(page.get_by_text("1 study of 1 · 80 different runs")).to_be_visible(timeout=SLOW_MS)
    with Service.open(finished_copy.cache, executor="serial", offline=True) as service:
        study = service.study(finished_copy.study_id)
        assert study.n_done == 80
        assert study.about.note == "seen in the browser"

    assert seen.external == []
    assert seen.errors == []


def test_a_bundle_leaves_by_download_and_comes_back_by_drop(
    finished_copy: Finished, server: Server, browser: Browser, tmp_path: Path
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 1100})
    seen = watched(page, server)
    show(page, server, f"?exp={finished_copy.study_id}")
    button(page, "Export bundle").click(timeout=SLOW_MS)
    button(page, "Make the bundle").click()
    with page.expect_download(timeout=SLOW_MS) as download:
        page.get_by_role("button", name=re.compile(r"^Download \d")).click(timeout=SLOW_MS)
    bundle = tmp_path / "finished.zip"
    download.value.save_as(bundle)
    with Service.open(finished_copy.cache, executor="serial", offline=True) as service:
        service.library.purge(service.delete(finished_copy.study_id))

    show(page, server, "?tab=import")
    page.locator("input[type=file]").set_input_files(bundle)
    expect(page.get_by_text("80 runs will be added.")).to_be_visible(timeout=SLOW_MS)
    button(page, "Import").click()
    expect(page.get_by_text("finished is here")).to_be_visible(timeout=SLOW_MS)
    page.locator("input[type=file]").set_input_files(
        {"name": "bad.zip", "mimeType": "application/zip", "buffer": b"PK\x03\x04 nothing"}
    )
    expect(page.get_by_text("The bundle was refused")).to_be_visible(timeout=SLOW_MS)

    assert seen.external == []
    assert seen.errors == []


@pytest.mark.parametrize("room", ["studies", "import", "trash", "disk"])
def test_no_part_scrolls_sideways_on_a_phone(
    finished_copy: Finished, server: Server, browser: Browser, room: str
) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    show(page, server, f"?tab={room}")
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")

    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("node => node.scrollWidth <= node.clientWidth")
