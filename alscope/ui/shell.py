"""What surrounds every page: page configuration, the login, navigation, activity.

Streamlit runs a file of `pages/` directly when a deep link is the first request after a start,
and `app.py` not at all. So every page begins with `enter()`, which puts `run()` around it.
"""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING

import streamlit as st

from alscope.engine.access import Role
from alscope.ui import nav
from alscope.ui.access import current_user
from alscope.ui.activity import show_activity
from alscope.ui.door import show_account, show_door, tell_read_only
from alscope.ui.notices import guarded, show_flash

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator
    from streamlit.navigation.page import StreamlitPage

__all__ = ["enter", "run"]

# Drawn here because Streamlit fetches the icons it knows by name from the network.
_ICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="7" fill="#005ea2"/>
<path d="M6 24 L13 15 L18 18 L26 8" fill="none" stroke="#fff" stroke-width="3.5"/>
<circle cx="26" cy="8" r="3" fill="#e69f00"/></svg>"""

# Streamlit writes the chosen part of a control and the value of a slider in the primary colour. In
# the dark theme that colour carries white text on buttons, and none is legible both ways (4.5:1).
# A link to a page that has the focus looks like the link to the page that is open.
# Captions are dimmed to 0.6, with which file names in them are not legible on white.
_STYLE = """<style>
button:is([data-variant="segmented_control"], [data-variant="pills"])[data-selected]:not(
  [data-disabled]), [data-testid="stSliderThumbValue"] :is(div, p)
  { color: light-dark(#005ea2, #8ac6ff); }
[data-testid="stCaptionContainer"] { opacity: 0.75; }
[data-testid="stPageLink"] a:focus-visible
  { outline: 2px solid light-dark(#005ea2, #8ac6ff); outline-offset: -2px; }
</style>"""

_inside: contextvars.ContextVar[bool] = contextvars.ContextVar("alscope_inside", default=False)


def run() -> None:
    """Draw the frame and the current page in it."""
    st.set_page_config(page_title="ALScope", page_icon=_ICON, layout="wide", menu_items={})
    # Streamlit's own menu puts headings of groups into a list, where screen readers lose the links.
    current = st.navigation([nav.page(name) for name in nav.PAGES], position="hidden")
    st.html(_STYLE)
    visitor = current_user()
    if visitor.role is Role.NONE:
        show_door(visitor)
        return
    token = _inside.set(True)
    try:
        with st.sidebar:
            nav.show_menu()
            beside = st.container()
            show_account(visitor)
        tell_read_only(visitor)
        show_flash()
        _show(current, beside)
    finally:
        _inside.reset(token)


def _show(current: StreamlitPage, beside: DeltaGenerator) -> None:
    try:
        with guarded("showing this page"):
            current.run()
    finally:
        # Last, because the first to ask what is running opens the stores of a server, a quarter of
        # a second that the title of the page need not wait for. A page may stop before its end.
        with beside, guarded("showing what is running"):
            show_activity()


def enter() -> None:
    """First statement of every page: go through `run` if the page was started without it."""
    if not _inside.get():
        run()
        st.stop()
