"""Monitor: where a study stands, and pausing, resuming, cancelling, retrying it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from alscope.errors import nearest
from alscope.types import RunState
from alscope.ui import nav, service, shell
from alscope.ui.activity import REFRESH_S
from alscope.ui.cards import empty_state, state_badge, study_facts, study_state
from alscope.ui.monitor_view import live, show_failures, signature
from alscope.ui.notices import flash, guarded
from alscope.ui.state import Key
from alscope.ui.text import ago, plain

if TYPE_CHECKING:
    from alscope.engine.service import StudyStatus

shell.enter()


def choose(studies: tuple[StudyStatus, ...]) -> str | None:
    """The study of the address, else the one chosen, else the newest; None: an unknown address."""
    known = {study.study_id: study for study in studies}
    asked = st.query_params.get(Key.EXP)
    missing = asked is not None and asked not in known
    if missing:
        unknown(str(asked), known)
        st.session_state[Key.STUDY] = None
    else:
        st.session_state[Key.STUDY] = asked or studies[0].study_id
    chosen: str | None = st.selectbox(
        "Study",
        list(known),
        index=None if missing else 0,
        key=Key.STUDY,
        format_func=lambda item: f"{known[item].name} · {ago(known[item].created)} · {item}",
        placeholder="Choose a study",
        on_change=follow,
    )
    if chosen is not None:
        st.query_params[Key.EXP] = chosen
    return chosen


def follow() -> None:
    """Callback: the address names the chosen study, so that it survives a reload."""
    chosen = st.session_state[Key.STUDY]
    if chosen is not None:
        st.query_params[Key.EXP] = chosen


def unknown(asked: str, known: dict[str, StudyStatus]) -> None:
    """Say that the address names no study here, and which one may be meant."""
    st.warning(f"There is no study “{plain(asked[:80])}” here.", icon=":material/search_off:")
    guess = nearest(asked[:80], known)
    if guess:
        nav.link("monitor", f"Did you mean {plain(known[guess].name)} ({guess})?", exp=guess)


def act(label: str, icon: str, *, enabled: bool, done: str) -> bool:
    """One button of the tool bar; tells what it did."""
    pressed = st.button(label, icon=icon, disabled=not enabled)
    if pressed:
        flash(done)
    return pressed


def toolbar(study: StudyStatus) -> None:
    """What can be done with the study now."""
    engine = service.get_service()
    stopped = study.count(RunState.PAUSED, RunState.INTERRUPTED) > 0
    unfinished = stopped or study.n_active > 0
    ended = (RunState.FAILED, RunState.CANCELLED)
    retryable = [run.run_id for run in study.runs if run.state in ended]
    with st.container(horizontal=True), guarded("changing the study"):
        pressed = False
        if act("Pause", ":material/pause:", enabled=study.n_active > 0, done="Pausing."):
            engine.pause(study.study_id)
            pressed = True
        if act("Resume", ":material/play_arrow:", enabled=stopped, done="Going on."):
            engine.resume(study.study_id)
            pressed = True
        if act("Cancel", ":material/stop:", enabled=unfinished, done="Cancelling."):
            engine.cancel(study.study_id)
            pressed = True
        if act("Retry failed", ":material/replay:", enabled=bool(retryable), done="Trying again."):
            engine.retry(study.study_id, retryable)
            pressed = True
        delete(study)
        if pressed:
            st.rerun()


def delete(study: StudyStatus) -> None:
    """Delete after a second, explicit step."""
    with st.popover("Delete", icon=":material/delete:", disabled=study.n_active > 0):
        st.markdown(
            f"Move **{plain(study.name)}** and its recorded runs to the trash? Runs that other "
            "studies use stay. The Library brings it back."
        )
        if st.button("Delete the study", type="primary", key="really_delete"):
            service.get_service().delete(study.study_id)
            flash("Moved to the trash of the Library.")
            nav.go("home")


def show(study: StudyStatus) -> None:
    """One study."""
    with st.container(horizontal=True, vertical_alignment="center"):
        state_badge(study_state(study))
        st.caption(study_facts(study), width="stretch")
    toolbar(study)
    if study.n_done:
        nav.link("compare", "Open in Compare", exp=study.study_id)
        nav.link("inspect", "Inspect what was picked", exp=study.study_id)
    show_failures(study)
    refresh = REFRESH_S if study.n_active else None
    st.fragment(live, run_every=refresh, key="live")(study.study_id, signature(study))


st.title("Monitor")
found = service.get_service().studies()
if not found:
    empty_state("No study has been started yet.")
    st.stop()
current = choose(found)
if current is not None:
    show(next(study for study in found if study.study_id == current))
