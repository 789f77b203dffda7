"""Report: a study as a document that can be sent to somebody, printed, or put into a paper."""

from __future__ import annotations

import streamlit as st

from alscope.results.checks import data_conflict
from alscope.ui import service, shell
from alscope.ui.cards import empty_state
from alscope.ui.notices import guarded
from alscope.ui.report_form import choose_content, choose_study
from alscope.ui.report_view import show_downloads, show_preview
from alscope.ui.results import rounds_of
from alscope.ui.text import plain

shell.enter()

st.title("Report")
found = [study for study in service.get_service().studies() if any(run.round for run in study.runs)]
if not found:
    empty_state("There is nothing to report yet. A study can be chosen here once it has results.")
    st.stop()

with st.container(border=True):
    study = choose_study(found)
    rounds = rounds_of([study])
    conflict = data_conflict(rounds)
    if conflict:
        st.error(plain(conflict[:1].upper() + conflict[1:]) + ".", icon=":material/database_off:")
        st.stop()
    content = choose_content()
with guarded("making the report"):
    show_downloads(study, content)
with guarded("previewing the report"):
    show_preview(study, rounds, content)
