"""Compare: learning curves, tables and tests of finished and running studies."""

from __future__ import annotations

import streamlit as st

from alscope.ui import service, shell
from alscope.ui.cards import empty_state
from alscope.ui.compare_view import show_compare

shell.enter()


st.title("Compare")
found = [study for study in service.get_service().studies() if any(run.round for run in study.runs)]
if not found:
    empty_state("There are no results yet. A study appears here with its first evaluation.")
    st.stop()
show_compare(tuple(found))
