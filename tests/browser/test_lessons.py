"""One lesson from its text to its answer, and a card of a strategy."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from alscope.playground.lessons import LESSONS
from tests.browser.conftest import Server, watched

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]

ACCURACY = re.compile(r"· test accuracy \d")  # above the board of every strategy


def test_a_lesson_is_played_and_its_question_answered(server: Server, browser: Browser) -> None:
    lesson = next(lesson for lesson in LESSONS if lesson.key == "batches")
    page = browser.new_page()
    seen = watched(page, server)

    page.goto(f"{server.url}/lessons")
    page.get_by_role("link", name="Lesson 5", exact=True).click(timeout=60_000)
    expect(page.get_by_role("heading", name=f"5 · {lesson.title}")).to_be_visible(timeout=60_000)
    expect(page.locator("[data-testid=stVegaLiteChart]").first).to_be_visible(timeout=60_000)
    before = page.get_by_text(ACCURACY).all_inner_texts()
    page.get_by_role("button", name="Step").click()
    expect(page.get_by_role("button", name="Undo")).to_be_enabled(timeout=60_000)
    after = page.get_by_text(ACCURACY).all_inner_texts()
    page.get_by_text(lesson.options[lesson.answer], exact=True).click()

    expect(page.get_by_text(f"Right. {lesson.why}")).to_be_visible(timeout=60_000)
    assert len(before) == 3
    assert after != before
    assert "lesson=batches" in page.url
    assert seen.external == []
    assert seen.errors == []


def test_a_card_of_a_strategy_opens_its_game(server: Server, browser: Browser) -> None:
    page = browser.new_page()
    seen = watched(page, server)

    page.goto(f"{server.url}/strategies?s=coreset")
    expect(page.get_by_role("heading", name="CoreSet", level=1)).to_be_visible(timeout=60_000)
    expect(page.locator("[data-testid=stVegaLiteChart]")).to_have_count(3, timeout=60_000)
    page.get_by_role("button", name="Try in the playground").click()

    expect(page.get_by_role("heading", name="Playground", level=1)).to_be_visible(timeout=60_000)
    assert "opp=coreset" in page.url
    assert seen.external == []
    assert seen.errors == []
