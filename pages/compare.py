"""Compare: learning curves, tables and tests of finished and running studies."""

from __future__ import annotations

import streamlit as st

from alscope.results.checks import data_conflict
from alscope.ui import service, shell
from alscope.ui.cards import empty_state
from alscope.ui.compare_choice import choose_rounds, choose_view
from alscope.ui.compare_view import (
    show_areas,
    show_comparison,
    show_curves,
    show_purity,
    show_seconds,
)
from alscope.ui.notices import guarded
from alscope.ui.text import plain

shell.enter()


st.title("Compare")
found = [study for study in service.get_service().studies() if any(run.round for run in study.runs)]
if not found:
    empty_state("There are no results yet. A study appears here with its first evaluation.")
    st.stop()

with st.container(border=True):
    studies, rounds = choose_rounds(tuple(found))
    if not studies or not len(rounds):
        st.info("Choose a study with at least one evaluation.")
        st.stop()
    conflict = data_conflict(rounds)
    if conflict:
        st.error(plain(conflict[:1].upper() + conflict[1:]) + ".", icon=":material/database_off:")
        st.stop()
    view = choose_view(rounds)

shown = rounds[(rounds["scenario"] == view.scenario) & rounds["strategy"].isin(view.strategies)]
if not len(shown):
    st.info("Choose at least one strategy.")
    st.stop()
with guarded("drawing the curves"):
    show_curves(shown, view, studies)
with guarded("computing areas"):
    show_areas(shown, view)
with guarded("comparing with Random"):
    show_comparison(shown, view)
with guarded("drawing purity"):
    show_purity(shown)
with guarded("comparing seconds"):
    show_seconds(shown, view)
