"""A choice of one, in the address."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from alscope.ui.state import Key
from alscope.ui.text import plain
from alscope.ui.urlstate import publish, restore_one

__all__ = ["choose_one"]


def choose_one(
    key: Key, label: str, titles: Mapping[str, str], *, default: str = "", help: str | None = None
) -> str:
    """A selectbox whose value is in the address; unknown values there are dropped with a notice.

    Args:
        key: Of the widget and the query parameter.
        label: Of the widget.
        titles: Word in the address -> text for people.
        default: Word where the address says nothing; "": the first.
        help: Shown beside the label.
    """
    options = list(titles)
    unknown = restore_one(key, options, default or options[0])
    for value in unknown[:3]:
        st.warning(
            f"The link says “{plain(value[:80])}” for {label.lower()}, which is not here; it is "
            "left out.",
            icon=":material/search_off:",
        )
    title: Callable[[str], str] = titles.__getitem__
    chosen = st.selectbox(label, options, key=key, format_func=title, help=help)
    publish(key, [chosen])
    return chosen
