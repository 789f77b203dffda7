"""The shipped configuration and the rules of the interface's source."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from alscope.ui import nav
from tests.source import ROOT, called, module_name, tree, view_files

INTERFACE = (*view_files(), *sorted((ROOT / "alscope" / "ui").glob("*.py")))
SHOWS = {"altair_chart", "dataframe", "table", "image"}


def config() -> dict[str, dict[str, object]]:
    return tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))


def test_the_server_listens_to_this_machine_only() -> None:
    assert config()["server"]["address"] == "127.0.0.1"
    assert config()["server"]["allowedHosts"] == ["localhost", "127.0.0.1"]


def test_other_pages_of_the_browser_are_kept_out() -> None:
    server = config()["server"]

    assert server["enableXsrfProtection"] is True
    assert server["enableCORS"] is True
    assert server["enableStaticServing"] is False
    assert server["maxUploadSize"] == server["maxMessageSize"] == 50
    assert config()["client"]["showErrorLinks"] is False


def test_nothing_is_reported_to_anyone_and_no_traceback_is_shown() -> None:
    assert config()["browser"]["gatherUsageStats"] is False
    assert config()["client"]["showErrorDetails"] == "none"
    assert config()["client"]["toolbarMode"] == "viewer"


def test_clicks_are_not_followed_by_a_full_garbage_collection() -> None:
    assert config()["runner"]["postScriptGC"] is False
    assert config()["server"]["fileWatcherType"] == "none"


def test_every_page_file_is_in_the_navigation_under_its_own_name() -> None:
    assert {path.stem for path in (ROOT / "pages").glob("*.py")} == set(nav.PAGES)


@pytest.mark.parametrize("path", INTERFACE, ids=module_name)
def test_everything_shown_has_a_text_alternative(path: Path) -> None:
    wrong = [
        f"line {node.lineno}: {name}"
        for name, node in called(path)
        if name.startswith("st.")
        and name.removeprefix("st.") in SHOWS
        and "alt" not in {keyword.arg for keyword in node.keywords}
    ]

    assert not wrong


@pytest.mark.parametrize("path", INTERFACE, ids=module_name)
def test_no_markup_is_trusted(path: Path) -> None:
    options = {
        keyword.arg
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
    }

    assert not options & {"unsafe_allow_html", "unsafe_allow_javascript"}
