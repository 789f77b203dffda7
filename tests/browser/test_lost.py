"""U1 and U6: lost browsers, second tabs, and a server that dies under an open page."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from alscope.config import StudyConfig
from alscope.engine.service import Service
from alscope.types import RunState
from tests.browser.conftest import Server
from tests.browser.serving import serving
from tests.engine.conftest import tiny_study, tiny_train

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

STUDY = tiny_study(name="watched", seeds=(0,), train=tiny_train(min_steps=150))
# Several times as long as the page takes to look again, also on an idle machine.
LONG = tiny_study(name="watched", seeds=(0, 1, 2, 3), train=tiny_train(min_steps=150))


@contextmanager
def waiting(cache: Path, study: StudyConfig = STUDY) -> Iterator[str]:
    """A study of which nothing is executed yet; its id."""
    with Service.open(cache, executor="serial", offline=True) as service:
        yield service.submit(study)


def monitor(browser: Browser, server: Server, study_id: str) -> Page:
    page = browser.new_context().new_page()
    page.goto(f"{server.url}/monitor?exp={study_id}")
    expect(page.get_by_role("heading", name="Monitor", level=1)).to_be_visible(timeout=60_000)
    return page


def test_a_study_goes_on_without_its_browser_and_is_one_study_in_two_tabs(
    server: Server, browser: Browser, cache_folder: Path
) -> None:
    with waiting(cache_folder) as study_id:
        pass
    first = monitor(browser, server, study_id)
    second = monitor(browser, server, study_id)
    first.get_by_role("button", name="Resume", exact=True).click(timeout=60_000)
    expect(first.get_by_text("Going on.")).to_be_visible(timeout=60_000)
    first.context.close()  # and nobody says good-bye
    expect(second.get_by_text("2 / 2", exact=True)).to_be_visible(timeout=150_000)
    expect(second).to_have_url(re.compile(f"exp={study_id}"))
    second.context.close()

    third = monitor(browser, server, study_id)
    expect(third.get_by_text("2 / 2", exact=True)).to_be_visible(timeout=60_000)
    with Service.open(cache_folder, executor="serial", offline=True) as service:
        runs = service.study(study_id).runs
        for run in runs:
            kinds = [event.kind for event in service.runs.history(run.run_id).events]
            assert (kinds.count("started"), kinds.count("done")) == (1, 1)


def test_after_a_server_died_under_an_open_page_everything_is_back(
    browser: Browser, cache_folder: Path, tmp_path: Path
) -> None:
    with waiting(cache_folder, LONG) as study_id:
        pass
    with serving(cache_folder, tmp_path / "first.log") as server:
        page = monitor(browser, server, study_id)
        page.get_by_role("button", name="Resume", exact=True).click(timeout=60_000)
        expect(page.get_by_text(re.compile("[1-7] / 8")).first).to_be_visible(timeout=150_000)
        server.process.kill()
        expect(
            page.get_by_text(re.compile("Connection|connect", re.IGNORECASE)).first
        ).to_be_visible(timeout=60_000)
    with Service.open(cache_folder, executor="serial", offline=True) as service:
        deadline = time.monotonic() + 60
        while service.study(study_id).count(RunState.RUNNING) and time.monotonic() < deadline:
            time.sleep(0.2)  # the worker is on its way to its next safe point
        assert service.study(study_id).count(RunState.INTERRUPTED) >= 1
    with serving(cache_folder, tmp_path / "second.log") as server:
        again = monitor(browser, server, study_id)
        again.get_by_role("button", name="Resume", exact=True).click(timeout=60_000)
        expect(again.get_by_text("8 / 8", exact=True)).to_be_visible(timeout=150_000)
