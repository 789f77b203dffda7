"""The pages: which there are, and how to get from one to another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import streamlit as st

__all__ = ["GROUPS", "PAGES", "go", "link", "page", "show_menu"]

_FOLDER = Path(__file__).resolve().parents[2] / "pages"


@dataclass(frozen=True)
class _Entry:
    """A page: its group in the navigation, its title and its icon."""

    group: str
    title: str
    icon: str
    help: str


PAGES = {
    "home": _Entry("Learn", "Home", ":material/home:", "Start here"),
    "playground": _Entry(
        "Learn", "Playground", ":material/sports_esports:", "Beat the algorithm on points"
    ),
    "lessons": _Entry(
        "Learn", "Lessons", ":material/school:", "Eight short lessons, and what a teacher needs"
    ),
    "strategies": _Entry(
        "Learn", "Strategies", ":material/category:", "Every strategy, its formula and its proof"
    ),
    "data": _Entry("Run", "Data", ":material/database:", "Data sets and your own data"),
    "build": _Entry("Run", "Build", ":material/tune:", "Configure an experiment"),
    "monitor": _Entry("Run", "Monitor", ":material/monitoring:", "Watch and steer runs"),
    "compare": _Entry("Understand", "Compare", ":material/compare_arrows:", "Curves and tables"),
    "inspect": _Entry("Understand", "Inspect", ":material/search:", "What was picked, and why"),
    "report": _Entry("Share", "Report", ":material/description:", "A study as a document"),
    "library": _Entry(
        "Share", "Library", ":material/inventory_2:", "All studies: find, note, import, delete"
    ),
}
"""By file name, which is also the address: a deep link may run the file before `st.navigation`."""

GROUPS = tuple(dict.fromkeys(entry.group for entry in PAGES.values()))


def page(name: str) -> st.Page:
    """The page of a file in `pages/`."""
    entry = PAGES[name]
    return st.Page(
        _FOLDER / f"{name}.py",
        title=entry.title,
        icon=entry.icon,
        url_path=name,
        default=name == "home",
        help=entry.help,
    )


def show_menu() -> None:
    """Links to all pages by group, for the side of every page."""
    for group in GROUPS:
        with st.container(gap="xxsmall"):
            st.caption(group)
            for name, entry in PAGES.items():
                if entry.group == group:
                    st.page_link(page(name), label=entry.title, icon=entry.icon, help=entry.help)


def go(name: str, **params: str | list[str]) -> NoReturn:
    """Show another page, with query parameters."""
    st.switch_page(page(name), query_params=params)


def link(name: str, label: str, *, icon: str = "", **params: str | list[str]) -> None:
    """A link to another page, with query parameters."""
    st.page_link(page(name), label=label, icon=icon or PAGES[name].icon, query_params=params)
