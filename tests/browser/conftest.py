"""The app in a real browser: a server with a cache of its own, and a page that notes surprises."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.finished import finished, finished_copy, finished_server
from tests.browser.serving import Server, serving
from tests.browsers import find_browser

__all__ = ["Server", "Surprises", "finished", "finished_copy", "finished_server", "watched"]

# A page that has not come yet is no defect on a machine that does other things too.
expect.set_options(timeout=60_000)

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Surprises:
    """What a page must not do."""

    external: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@pytest.fixture
def server(cache_folder: Path) -> Iterator[Server]:
    """A server that nobody has visited yet."""
    with serving(cache_folder, cache_folder.parent / "server.log") as running:
        yield running


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Chromium, headless."""
    with sync_playwright() as driver:
        path = os.environ.get("CHROMIUM") or find_browser()
        opened = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


def watched(page: Page, server: Server) -> Surprises:
    """Note every request to another host and every error on the console."""
    seen = Surprises()

    def request(url: str) -> None:
        if not url.startswith((server.url, "data:", "blob:")):
            seen.external.append(url)

    def failed(url: str, status: int) -> None:
        # Streamlit asks below the page's own path for its server, then at the root.
        if status >= 400 and not url.endswith(("/_stcore/health", "/_stcore/host-config")):
            seen.errors.append(f"{status} {url}")

    def said(kind: str, text: str) -> None:
        if kind == "error" and "404 (Not Found)" not in text:  # counted by `failed`
            seen.errors.append(text)

    page.on("request", lambda item: request(item.url))
    page.on("response", lambda item: failed(item.url, item.status))
    page.on("console", lambda item: said(item.type, item.text))
    page.on("pageerror", lambda item: seen.errors.append(str(item)))
    return seen
