"""Strategies: every one of them, what it needs, what it costs, and what is proven about it."""

from __future__ import annotations

import streamlit as st

from alscope.catalogue import cards, filtered
from alscope.errors import nearest
from alscope.registry import strategies
from alscope.ui import nav, shell
from alscope.ui.notices import guarded
from alscope.ui.state import Key
from alscope.ui.strategy_card import show_card
from alscope.ui.strategy_catalogue import choose_filter, show_cards, show_table
from alscope.ui.text import count, plain
from alscope.ui.urlstate import publish, restore_one

shell.enter()

LOOKS = ("cards", "table")


def one(asked: str) -> None:
    """The whole card of one strategy; a notice if there is none of this name."""
    nav.link("strategies", "All strategies", icon=":material/arrow_back:")
    if asked in strategies:
        st.query_params[Key.STRATEGY] = asked  # a link within the page leaves the address alone
        with guarded("showing the strategy"):
            show_card(asked)
        return
    st.title("Strategies")
    st.warning(f"There is no strategy “{plain(asked[:80])}”.", icon=":material/search_off:")
    guess = nearest(asked[:80], strategies.names())
    if guess:
        nav.link("strategies", f"Did you mean {plain(guess)}?", s=guess)


def catalogue() -> None:
    """All strategies that pass the filter."""
    found = cards()
    st.title("Strategies")
    st.markdown(
        "A strategy looks at the pool and says which samples should be labeled next. Each one here "
        "is a short file, written from its paper and held to a brute-force definition by tests."
    )
    with st.container(border=True):
        chosen = filtered(found, choose_filter(found))
        restore_one(Key.LOOK, LOOKS, LOOKS[0])
        with st.container(horizontal=True, vertical_alignment="center"):
            shown = len(chosen)
            st.caption(f"{count(shown, 'strategy', 'strategies')} of {len(found)}", width="stretch")
            look = st.segmented_control(
                "Look", LOOKS, key=Key.LOOK, required=True, label_visibility="collapsed"
            )
        publish(Key.LOOK, [look])
    if not chosen:
        st.info("No strategy fits all of these choices; take one of them away.")
        return
    (show_table if look == "table" else show_cards)(chosen)


wanted = st.query_params.get_all(Key.STRATEGY)
if wanted:
    one(wanted[0])
else:
    catalogue()
