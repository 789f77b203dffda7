"""One game in each mode, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from alscope.playground.config import DataConfig
from alscope.playground.deal import deal
from alscope.playground.shapes import HALF_WIDTH
from tests.browser.conftest import Server, Surprises, watched
from tests.browser.serving import serving

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]

WAIT = 60_000
SMALL = "n=60&budget=3"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all games: they leave nothing behind."""
    folder = tmp_path_factory.mktemp("playground")
    with serving(folder / "cache", folder / "server.log") as running:
        yield running


@pytest.fixture
def visit(server: Server, browser: Browser) -> Iterator[tuple[Page, Surprises]]:
    page = browser.new_page(viewport={"width": 1280, "height": 1500})
    seen = watched(page, server)
    yield page, seen
    assert seen.external == []
    assert seen.errors == []


def open_game(page: Page, server: Server, query: str) -> None:
    page.goto(f"{server.url}/playground?{SMALL}&{query}")
    expect(page.get_by_role("heading", name="Playground", level=1)).to_be_visible(timeout=WAIT)
    chart = page.locator("[data-testid=stVegaLiteChart]:visible").first
    expect(chart).to_be_visible(timeout=WAIT)


def url_has(page: Page, part: str) -> None:
    expect(page).to_have_url(re.compile(rf"[?&]{part}(&|$)"), timeout=WAIT)


def canvas_place(page: Page, point: int) -> tuple[float, float]:
    """Where a point of the game is on the screen."""
    page.locator("canvas").first.wait_for(timeout=WAIT)  # Streamlit draws few marks as SVG
    box = page.locator("canvas").first.bounding_box()
    assert box is not None
    x, y = deal(DataConfig(n=60)).points[point]
    # The picture ends where the legend begins: above it, the left edge has another colour.
    height = page.locator("canvas").first.evaluate(
        """canvas => {
            const data = canvas.getContext('2d').getImageData(2, 0, 1, canvas.height).data;
            const color = row => data.slice(4 * row, 4 * row + 4).join();
            let last = canvas.height - 1;
            const below = color(last);
            while (last > 0 && color(last) === below) last--;
            return (last + 1) * canvas.clientHeight / canvas.height;
        }"""
    )
    across, down = (x + HALF_WIDTH) / (2 * HALF_WIDTH), (HALF_WIDTH - y) / (2 * HALF_WIDTH)
    return box["x"] + across * box["width"], box["y"] + down * height


def test_a_strategy_is_watched_with_keys_and_a_reload_keeps_the_game(
    server: Server, visit: tuple[Page, Surprises]
) -> None:
    page, _ = visit
    open_game(page, server, "mode=watch")

    page.keyboard.press("s")
    url_has(page, "t=1")
    page.keyboard.press("s")
    url_has(page, "t=2")
    page.keyboard.press("u")
    url_has(page, "t=1")
    page.reload()

    expect(page.get_by_role("cell", name="5", exact=True)).to_be_visible(timeout=WAIT)
    page.get_by_role("button", name="Play").click()
    url_has(page, "t=3")
    expect(page.get_by_role("button", name="Step")).to_be_disabled(timeout=WAIT)


def test_a_race_ends_with_hidden_seeds(server: Server, visit: tuple[Page, Surprises]) -> None:
    page, _ = visit
    open_game(page, server, "mode=race&opp=random&opp=margin&q=3&ui=min")

    page.get_by_role("button", name="Step").click()
    page.get_by_role("button", name="Play 20 hidden seeds").click(timeout=WAIT)

    verdict = page.get_by_text(re.compile(r"mean over 20 games")).first
    expect(verdict).to_be_visible(timeout=2 * WAIT)
    expect(page.get_by_role("combobox", name="Data")).to_have_count(0)


def test_a_duel_is_played_by_clicks_and_keys(server: Server, visit: tuple[Page, Surprises]) -> None:
    page, _ = visit
    open_game(page, server, "mode=duel")
    start = deal(DataConfig(n=60)).start
    point = next(row for row in range(60) if row not in start)
    page.wait_for_timeout(1500)  # the canvas is drawn before it has its size

    page.mouse.click(*canvas_place(page, point))
    url_has(page, r"picks=\w{2}")
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(500)
    page.keyboard.press("b")
    url_has(page, r"picks=\w{4}")
    page.get_by_role("button", name="Label this point").click()

    expect(page.get_by_text("Your budget is spent")).to_be_visible(timeout=WAIT)
    page.get_by_role("button", name="Play 20 hidden seeds").click()
    expect(page.get_by_text(re.compile(r"That is place \d of 3")).first).to_be_visible(
        timeout=2 * WAIT
    )


def test_a_point_is_explained(server: Server, visit: tuple[Page, Surprises]) -> None:
    page, _ = visit
    open_game(page, server, "mode=explain&opp=entropy&t=1")

    expect(page.get_by_text("Entropy buys it next.")).to_be_visible(timeout=WAIT)
    expect(page.locator(".katex").first).to_be_visible()
    page.keyboard.press("ArrowRight")
    url_has(page, r"pt=\d+")
    page.get_by_text("Its rank under every strategy").click()
    expect(page.locator("[data-testid=stDataFrame]")).to_be_visible(timeout=WAIT)


def test_the_playground_fits_a_phone(server: Server, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800})
    open_game(page, server, "mode=race&opp=random&opp=margin&opp=badge&opp=coreset")

    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("node => node.scrollWidth <= node.clientWidth")
