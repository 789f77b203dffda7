"""Widgets for choices that are in the address; what is wrong in the address is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from alscope.errors import nearest
from alscope.ui import nav
from alscope.ui.notices import tell_unknown
from alscope.ui.state import Key
from alscope.ui.text import plain
from alscope.ui.urlstate import publish, restore, restore_one

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

__all__ = ["Choices"]

_Widget = Literal["list", "buttons", "slider"]


_MANY = 12
"""More options than this are a list to search in; fewer are all visible."""


class Choices:
    """Choices of one page.

    Args:
        notices: Where to say what was left out of the address.
        page: Name of the page, for links to corrected addresses.
    """

    def __init__(self, notices: DeltaGenerator, page: str) -> None:
        self._notices, self._page = notices, page

    def one(
        self,
        key: Key,
        label: str,
        titles: Mapping[str, str],
        *,
        default: str = "",
        widget: _Widget = "list",
        noun: str = "",
        help: str | None = None,
    ) -> str:
        """One of some options.

        Args:
            key: Of the widget and the address.
            label: For people.
            titles: Option -> title, not empty.
            default: Where the address says nothing; "": the first.
            widget: "list", "buttons" side by side, or "slider" for options in order.
            noun: What one of them is called; "": as the label.
            help: Explanation behind a question mark.
        """
        options = list(titles)
        self._tell(restore_one(key, options, default or options[0]), noun or label, options, key)
        shared: dict[str, Any] = {"key": key, "format_func": titles.__getitem__, "help": help}
        if widget == "buttons":
            chosen = st.segmented_control(label, options, required=True, **shared)
        elif widget == "slider" and len(options) > 1:
            chosen = st.select_slider(label, options, **shared)
        else:
            chosen = st.selectbox(label, options, **shared)
        publish(key, [str(chosen)])
        return str(chosen)

    def several(
        self,
        key: Key,
        label: str,
        titles: Mapping[str, str],
        *,
        default: Sequence[str] | None = None,
        most: int | None = None,
        noun: str = "",
        help: str | None = None,
    ) -> list[str]:
        """Any of some options.

        Args:
            key: Of the widget and the address.
            label: For people.
            titles: Option -> title.
            default: Where the address says nothing; None: all.
            most: Largest number of choices; None: any.
            noun: What one of them is called; "": as the label.
            help: Explanation behind a question mark.
        """
        options = list(titles)
        given = options if default is None else default
        self._tell(restore(key, options, given), noun or label, options, key)
        if most is not None and len(st.session_state[key]) > most:
            with self._notices:
                st.warning(f"At most {most} can be {label.lower()}; the others are left out.")
            st.session_state[key] = st.session_state[key][:most]
        if (
            most is None
            and len(options) <= _MANY
            and max(map(len, titles.values()), default=0) <= 24
        ):
            chosen = st.pills(
                label,
                options,
                selection_mode="multi",
                wrap=True,
                key=key,
                format_func=titles.__getitem__,
                help=help,
            )
        else:
            chosen = st.multiselect(
                label,
                options,
                key=key,
                format_func=titles.__getitem__,
                max_selections=most,
                placeholder="Choose",
                help=help,
            )
        publish(key, chosen)
        return list(chosen)

    def tab(self, key: Key, titles: Mapping[str, str]) -> tuple[str, DeltaGenerator]:
        """The open tab; only what is in it needs to be computed.

        Args:
            key: Of the address.
            titles: Word in the address -> title, not empty.

        Returns:
            The word of the open tab and the tab itself.
        """
        widget = f"{key}_widget"
        words = {title: word for word, title in titles.items()}
        if st.session_state.get(widget) in words:
            st.session_state[key] = words[st.session_state[widget]]
        options = list(titles)
        self._tell(restore_one(key, options, options[0]), "tab", options, key)
        chosen = st.session_state[key]
        st.session_state[widget] = titles[chosen]
        tabs = st.tabs(list(titles.values()), key=widget, on_change="rerun")
        publish(key, [chosen])
        return chosen, tabs[options.index(chosen)]

    def _tell(self, unknown: Sequence[str], noun: str, valid: Sequence[str], key: Key) -> None:
        """Say what was left out of the address; a nearly right study is offered as a link."""
        with self._notices:
            # Numbers that look alike are not near each other.
            words = [] if all(value.isdigit() for value in valid) else valid
            tell_unknown(unknown, noun.lower(), words)
            near = [nearest(value[:80], valid) for value in unknown[:3]] if key == Key.EXP else []
            for guess in filter(None, near):
                nav.link(self._page, f"Open {plain(guess)}", exp=guess)
