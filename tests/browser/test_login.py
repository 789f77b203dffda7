"""A shared server: people log in at a provider, and their role decides what they can do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from alscope.engine.service import Service
from tests.browser.provider import CLIENT, SECRET, Provider, provider
from tests.browser.serving import Server, free_port, serving
from tests.ui.records import record, small_study

PATIENCE = 90_000
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]

PEOPLE = {
    "eve": {"email": "eve@lab.example", "email_verified": True, "name": "Eve"},
    "ada": {"email": "Ada@Lab.example", "email_verified": True, "name": "Ada"},
    "mallory": {"email": "ada@lab.example", "email_verified": False, "name": "Mallory"},
}
SECRETS = """\
[auth]
redirect_uri = "http://localhost:{port}/oauth2callback"
cookie_secret = "0123456789abcdef0123456789abcdef0123456789abcdef"
client_id = "{client}"
client_secret = "{secret}"
server_metadata_url = "{issuer}/.well-known/openid-configuration"

[access]
runners = ["ada@lab.example"]
viewers = ["eve@lab.example"]
"""


@pytest.fixture(scope="module")
def issuer() -> Iterator[Provider]:
    with provider(PEOPLE) as running:
        yield running


@pytest.fixture(scope="module")
def shared(issuer: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a login and one study of nobody."""
    folder: Path = tmp_path_factory.mktemp("shared")
    with Service.open(folder / "cache", executor="serial", offline=True) as service:
        record(service, small_study("a study to look at"))
    port = free_port()
    secrets = folder / "secrets.toml"
    text = SECRETS.format(port=port, client=CLIENT, secret=SECRET, issuer=issuer.url)
    secrets.write_text(text, encoding="utf-8")
    with serving(
        folder / "cache",
        folder / "server.log",
        f"--secrets.files={secrets}",
        port=port,
        host="localhost",
    ) as running:
        yield running


def logged_in(browser: Browser, shared: Server, who: str) -> Page:
    """Home, seen by somebody who logged in just now."""
    page = browser.new_context(viewport={"width": 1280, "height": 1200}).new_page()
    page.goto(f"{shared.url}/library")
    page.get_by_role("button", name="Log in").click(timeout=PATIENCE)
    page.get_by_role("link", name=who, exact=True).click(timeout=PATIENCE)
    expect(page.get_by_role("button", name="Log out")).to_be_visible(timeout=PATIENCE)
    return page


def test_people_log_in_and_do_what_their_role_allows(shared: Server, browser: Browser) -> None:
    page = logged_in(browser, shared, "eve")
    expect(page.get_by_text("a study to look at").first).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("You are a viewer here")).to_be_visible()
    expect(page.get_by_role("button", name="Start the demo study")).to_be_disabled()
    page.goto(f"{shared.url}/build")
    expect(page.get_by_text("Viewers cannot start studies")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_disabled()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible(timeout=PATIENCE)
    page.goto(f"{shared.url}/build")
    expect(page.get_by_role("button", name="Log in")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("Build an experiment")).not_to_be_visible()

    page = logged_in(browser, shared, "ada")
    page.goto(f"{shared.url}/build")
    page.get_by_role("button", name=re.compile("Dry run")).click(timeout=PATIENCE)
    expect(page).to_have_url(re.compile("/monitor.*exp="), timeout=PATIENCE)
    page.get_by_role("button", name="Cancel", exact=True).first.click(timeout=PATIENCE)
    expect(page.get_by_text("cancelled").first).to_be_visible(timeout=PATIENCE)


def test_an_address_that_nobody_verified_lets_nobody_in(shared: Server, browser: Browser) -> None:
    page = logged_in(browser, shared, "mallory")

    expect(page.get_by_text("without an address that is verified")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("a study to look at")).not_to_be_visible()
