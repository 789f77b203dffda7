"""Pairwise and Ranks in a browser: what AppTest cannot do is click on a chart."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from alscope.config import ScenarioConfig
from alscope.engine.service import Service
from tests.browser.conftest import Server, watched
from tests.ui.records import record, small_study

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]


def recorded(cache_folder: Path) -> str:
    """A finished study of three strategies, six scenarios and eight seeds, without training."""
    scenarios = tuple(
        ScenarioConfig(n_initial=20 + 10 * place, query_size=10, n_rounds=2) for place in range(6)
    )
    with Service.open(cache_folder, executor="serial", offline=True) as service:
        return record(service, dataclasses.replace(small_study(n_seeds=8), scenarios=scenarios))


def no_sideways(page: Page) -> bool:
    return bool(
        page.locator("[data-testid=stMain]").evaluate(
            "node => node.scrollWidth <= node.clientWidth"
        )
    )


def test_a_click_on_a_cell_opens_the_pair_and_is_in_the_link(
    server: Server, browser: Browser, cache_folder: Path
) -> None:
    study = recorded(cache_folder)
    page = browser.new_page(viewport={"width": 1280, "height": 1400})
    seen = watched(page, server)

    page.goto(f"{server.url}/compare?exp={study}&tab=pairwise")
    expect(page.get_by_role("heading", name="badge against margin")).to_be_visible(timeout=90_000)
    cell = page.locator("path[aria-label*='row: badge'][aria-label*='column: random']").first
    cell.click(force=True, timeout=60_000)  # its number lies on top of it

    expect(page.get_by_role("heading", name="badge against random")).to_be_visible(timeout=60_000)
    expect(page).to_have_url(re.compile("row=badge.*col=random"))
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    expect(page.get_by_role("heading", name="badge against random")).to_be_visible(timeout=90_000)
    assert seen.external == []
    assert seen.errors == []


def test_ranks_show_the_diagram_and_fit_on_a_phone(
    server: Server, browser: Browser, cache_folder: Path
) -> None:
    study = recorded(cache_folder)
    page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme="dark")
    seen = watched(page, server)

    page.goto(f"{server.url}/compare?exp={study}&tab=ranks")
    expect(page.get_by_text("Friedman's chi-square")).to_be_visible(timeout=90_000)
    diagram = page.locator(
        "[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg"
    )
    expect(diagram.first).to_be_visible(timeout=60_000)
    height = diagram.first.bounding_box()

    assert height is not None
    assert height["height"] > 120  # an empty drawing has no height
    assert no_sideways(page)
    assert seen.errors == []
