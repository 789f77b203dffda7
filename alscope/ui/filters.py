"""Widgets that narrow a list, with their values in the address."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from alscope.ui.notices import tell_unknown
from alscope.ui.state import Key
from alscope.ui.urlstate import publish, restore

__all__ = ["several"]


def several(key: Key, label: str, titles: Mapping[str, str]) -> tuple[str, ...]:
    """A multiple choice; none chosen means any.

    Args:
        key: Of the widget, and name of the query parameter.
        label: What is chosen.
        titles: Value in the address -> words.
    """
    options = list(titles)
    tell_unknown(restore(key, options, []), label.lower(), options)
    chosen = st.multiselect(
        label, options, key=key, format_func=lambda item: titles[item], placeholder="Any"
    )
    publish(key, chosen)
    return tuple(chosen)
