"""Inspect: what the strategies picked, why, and what the model thought of it."""

from __future__ import annotations

import streamlit as st

from alscope.ui import service, shell
from alscope.ui.cards import empty_state
from alscope.ui.inspect_balance import show_balance
from alscope.ui.inspect_choice import choose_focus, key_of
from alscope.ui.inspect_map import show_map
from alscope.ui.inspect_openset import show_open_set
from alscope.ui.inspect_overlap import show_overlap
from alscope.ui.inspect_picks import show_picks
from alscope.ui.inspect_point import show_point
from alscope.ui.notices import guarded, tell_unknown
from alscope.ui.urlstate import publish, restore_one

shell.enter()

TABS = {
    "picks": ("Picks", show_picks),
    "balance": ("Balance", show_balance),
    "openset": ("Open set", show_open_set),
    "overlap": ("Overlap", show_overlap),
    "map": ("Map", show_map),
    "point": ("Point", show_point),
}


def open_tab() -> str:
    """The tab of the address; it stays the widget's afterwards."""
    key, labels = key_of("tabs"), {word: title for word, (title, _) in TABS.items()}
    words = {title: word for word, title in labels.items()}
    st.session_state.setdefault(key_of("tab"), words.get(st.session_state.get(key, ""), "picks"))
    if key in st.session_state:
        st.session_state[key_of("tab")] = words.get(st.session_state[key], "picks")
    tell_unknown(restore_one(key_of("tab"), list(TABS), "picks", param="tab"), "tab", list(TABS))
    word: str = st.session_state[key_of("tab")]
    st.session_state[key] = labels[word]
    publish(key_of("tab"), [word], param="tab")
    return word


st.title("Inspect")
found = [study for study in service.get_service().studies() if any(run.round for run in study.runs)]
if not found:
    empty_state("There is nothing to inspect yet. A study appears here with its first query.")
    st.stop()
with st.container(border=True):
    focus = choose_focus(found)
if focus is None:
    st.stop()
opened = open_tab()
titles = [title for title, _ in TABS.values()]
for tab, (word, (title, show)) in zip(
    st.tabs(titles, key=key_of("tabs"), on_change="rerun"), TABS.items(), strict=True
):
    if word == opened:
        with tab, guarded(f"showing {title.lower()}"):
            show(focus)
