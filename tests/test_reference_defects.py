"""The page on the reference code names tests that exist."""

from __future__ import annotations

import re

from tests.source import ROOT

PAGE = ROOT / "docs" / "reference_defects.md"
TESTS = [*(ROOT / "tests").rglob("*.py"), ROOT / "alscope" / "testing" / "strategies.py"]


def test_every_test_named_on_the_page_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8")))
    texts = "\n".join(path.read_text(encoding="utf-8") for path in TESTS)
    existing = set(re.findall(r"def (test_\w+)", texts))

    assert named
    assert named <= existing, f"no such test: {sorted(named - existing)}"
