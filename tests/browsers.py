"""The browser that drives the app in tests."""

from __future__ import annotations

import os
import shutil

__all__ = ["INSTALL", "find_browser"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

INSTALL = (
    "no Chromium or Chrome was found. Install one (Debian, Ubuntu: apt-get install chromium; "
    "macOS: brew install --cask chromium) and run `make test-slow`."
)


def find_browser() -> str | None:
    """Path of Chromium or Chrome: the variable `CHROMIUM`, else what is on the path, or None."""
    if named := os.environ.get("CHROMIUM"):
        return named
    found = (shutil.which(name) for name in _NAMES)
    return next((path for path in found if path), None)
