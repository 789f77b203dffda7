"""Playground: active learning on points of the plane, to be played."""

from __future__ import annotations

import streamlit as st

from alscope.playground.link import MODES
from alscope.playground.threads import use_one_thread
from alscope.playground.words import game_words
from alscope.ui import playground_state as state
from alscope.ui import shell
from alscope.ui.notices import guarded
from alscope.ui.playground_controls import show_controls
from alscope.ui.playground_draw import show_drawing
from alscope.ui.playground_modes import is_ticking, show_game
from alscope.ui.text import plain

shell.enter()

TICK_S = 0.8

use_one_thread()
game, dropped = state.enter()
st.title("Playground")
if dropped:
    listed = "\n".join(f"- {plain(problem)}" for problem in dropped)
    st.warning(f"Not everything in this address could be used:\n\n{listed}")

if game.minimal:
    st.caption(f"{MODES[game.mode].title}: {plain(game_words(game.config))}.")
    st.button("Show the controls", on_click=lambda: state.replace(minimal=False), type="tertiary")
else:
    with guarded("showing the controls"):
        show_controls(game)
        show_drawing(game)

# Steps redraw the game only, not the page around it.
with guarded("playing"):
    st.fragment(show_game, run_every=TICK_S if is_ticking() else None, key="playground_game")()
