"""Home: what this is, one click to a running study, and what ran lately."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from alscope.engine.access import Action
from alscope.engine.defaults import demo_study
from alscope.ui import nav, service, shell
from alscope.ui.access import refusal
from alscope.ui.activity import REFRESH_S
from alscope.ui.cards import start_and_watch, state_badge, study_facts, study_state
from alscope.ui.notices import guarded
from alscope.ui.results import best_strategies
from alscope.ui.samples import is_arriving, is_sample, sample_fact, sample_ids, show_arriving
from alscope.ui.state import Key
from alscope.ui.text import ago, count, plain

if TYPE_CHECKING:
    from alscope.engine.service import StudyStatus

shell.enter()

SHOWN = 10


def actions(samples: list[str]) -> None:
    """The ways to begin."""
    with st.container(horizontal=True):
        if st.button("Play (30 s)", icon=":material/sports_esports:"):
            nav.go("playground", mode="race")
        if samples and st.button("Explore sample results", icon=":material/compare_arrows:"):
            nav.go("compare", exp=samples)
        if st.button("New experiment", icon=":material/tune:"):
            nav.go("build")
        reason = refusal(Action.START)
        if st.button(
            "Start the demo study",
            type="primary",
            icon=":material/play_arrow:",
            disabled=bool(reason),
            help=plain(reason) or None,
        ):
            with guarded("starting the demo study"):
                start_and_watch(demo_study())


def card(study: StudyStatus) -> None:
    """One study: what it is, how far it is, where to go."""
    with st.container(border=True):
        about, progress, links = st.columns([5, 3, 3], vertical_alignment="center")
        with about:
            mark = " :gray-badge[sample]" if is_sample(engine, study.study_id) else ""
            st.markdown(f"**{plain(study.name)}**{mark}")
            st.caption(f"{study_facts(study)} · {ago(study.created)}")
        with progress:
            with st.container(horizontal=True, vertical_alignment="center"):
                state_badge(study_state(study))
                st.markdown(f"{study.n_done} / {study.n_runs} runs")
            st.progress(study.fraction)
            for line in best_strategies(study):
                st.caption(f":material/trophy: {line}")
        with links, st.container(horizontal=True):
            nav.link("monitor", "Monitor", exp=study.study_id)
            if study.n_done:
                nav.link("compare", "Compare", exp=study.study_id)


def did_you_know(found: list[StudyStatus]) -> None:
    """One measured fact of the sample results, with its chart."""
    facts = ((study, sample_fact(study)) for study in found)
    study, fact = next((pair for pair in facts if pair[1]), (None, ""))
    if study is not None:
        with st.container(border=True):
            st.markdown(f":material/lightbulb: **Did you know?** {fact}")
            nav.link("compare", "See the curves", exp=study.study_id)


def recent() -> None:
    """The newest studies, read anew at every refresh."""
    if st.session_state[Key.ARRIVING] and not is_arriving():
        st.rerun()  # buttons and facts about the samples are around this part
    with guarded("listing the studies"):
        for study in service.get_service().studies()[:SHOWN]:
            card(study)


st.title("ALScope")
st.markdown(
    "Which samples should be labeled next? Compare strategies of deep active learning side by "
    "side: several seeds, unknown classes, imbalanced data, honest seconds."
)
engine = service.get_service()  # the first to ask waits for its stores, so the title comes before
studies = engine.studies()
samples = sample_ids(engine, studies)
actions(samples)
show_arriving()

st.header("Recent studies")
if not studies and not is_arriving():
    st.info(
        "Nothing has run here yet. The demo compares seven strategies on 8 x 8 digits: no "
        "download, no graphics card, a few minutes.",
        icon=":material/lightbulb:",
    )
st.session_state[Key.ARRIVING] = is_arriving()
is_moving = st.session_state[Key.ARRIVING] or any(study.n_active for study in studies)
st.fragment(recent, run_every=REFRESH_S if is_moving else None, key="recent")()
if len(studies) > SHOWN:
    nav.link("library", f"{len(studies) - SHOWN} older studies are in the Library")
if samples:
    with guarded("looking for a measured fact"):
        did_you_know([study for study in studies if study.study_id in samples])
damaged = service.get_service().library.damaged()
if damaged:
    st.warning(
        f"{count(len(damaged), 'study', 'studies')} cannot be read; the Library says why and what "
        "to do.",
        icon=":material/broken_image:",
    )
    nav.link("library", "Open the Library", tab="studies")
