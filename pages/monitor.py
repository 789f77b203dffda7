"""Monitor: where a study stands, and pausing, resuming, cancelling, retrying it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from alscope.engine.access import Action
from alscope.errors import nearest
from alscope.types import RunState
from alscope.ui import nav, service, shell
from alscope.ui.access import refusal
from alscope.ui.activity import REFRESH_S
from alscope.ui.cards import empty_state, state_badge, study_facts, study_state
from alscope.ui.monitor_run import show_log
from alscope.ui.monitor_view import live, show_failures, signature
from alscope.ui.notices import flash, guarded, tell_unknown
from alscope.ui.state import Key
from alscope.ui.text import moment, plain

if TYPE_CHECKING:
    from alscope.engine.service import StudyStatus

shell.enter()

IDLE_S = 5.0
"""Seconds between looks at a study that nobody works on and that is not done."""


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
        # Nothing that changes with time: the browser answers with the text it was shown.
        format_func=lambda item: f"{known[item].name} · {moment(known[item].created)} · {item}",
        placeholder="Choose a study",
        on_change=follow,
    )
    if chosen not in known:
        return None
    if st.query_params.get(Key.EXP) != chosen:
        st.query_params[Key.EXP] = chosen
    return chosen


def follow() -> None:
    """Callback: the address names the chosen study, so that it survives a reload."""
    chosen = st.session_state[Key.STUDY]
    if chosen is not None:
        st.query_params[Key.EXP] = chosen
        st.query_params.pop(Key.RUN, None)
        st.session_state[Key.RUN] = None


def choose_run(study: StudyStatus) -> None:
    """The run of the address is the one shown in detail; an unknown one is said and left out."""
    asked = st.query_params.get(Key.RUN)
    if asked is None or asked == st.session_state.get(Key.RUN):
        return
    known = [run.run_id for run in study.runs]
    if asked in known:
        st.session_state[Key.RUN] = asked
        return
    del st.query_params[Key.RUN]
    tell_unknown([asked], "run", known)


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
    if reason := refusal(Action.STEER, study.study_id):
        st.caption(f":material/lock: {plain(reason)}")
        if not refusal(Action.START):
            more_seeds(study)
        return
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
        if act(again(study), ":material/replay:", enabled=bool(retryable), done="Trying again."):
            engine.retry(study.study_id, retryable)
            pressed = True
        priority(study, enabled=unfinished)
        more_seeds(study)
        delete(study)
        if pressed:
            st.rerun()


def again(study: StudyStatus) -> str:
    """What the button that starts ended runs once more is called."""
    if not study.count(RunState.CANCELLED):
        return "Retry failed"
    return "Retry failed and cancelled" if study.n_failed else "Run cancelled again"


def priority(study: StudyStatus, *, enabled: bool) -> None:
    """Move the study in the queue."""
    with st.popover(
        f"Priority {study.wish.priority}", icon=":material/low_priority:", disabled=not enabled
    ):
        st.caption(
            "Larger goes first among what waits, whichever process executes it. Running runs are "
            "not stopped. All runs of the study get it."
        )
        value = st.number_input(
            "Priority", -9, 9, study.wish.priority, key=f"monitor_priority_{study.study_id}"
        )
        if st.button("Set", type="primary", key="set_priority"):
            with guarded("setting the priority"):
                service.get_service().set_priority(study.study_id, int(value))
                flash(f"Priority {value}.")
                st.rerun()


def more_seeds(study: StudyStatus) -> None:
    """Start a second study with more seeds, which shares the runs of this one."""
    with st.popover("Add seeds", icon=":material/add:"):
        st.caption(
            "Starts a second study with the seeds of this one and more; runs that are done are "
            "taken over. This one stays as it is, so links to it keep their meaning."
        )
        number = st.number_input("Seeds to add", 1, 100, 5, key="monitor_more_seeds")
        if st.button("Add", type="primary", key="add_seeds"):
            with guarded("adding seeds"):
                larger = service.get_service().add_seeds(study.study_id, int(number))
                flash(f"Started {number} more seeds.")
                nav.go("monitor", exp=larger)


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


def finished(study: StudyStatus) -> None:
    """Say once that a study ended while somebody was looking, and where to go from there."""
    seen = f"monitor_active_{study.study_id}"
    if study.n_active:
        st.session_state[seen] = True
    elif st.session_state.pop(seen, False) and study.n_done:
        st.toast(f"{plain(study.name)} is finished.", icon=":material/check_circle:")
    if study.n_done:
        with st.container(horizontal=True):
            nav.link("compare", "Open in Compare", exp=study.study_id)
            nav.link("inspect", "Inspect what was picked", exp=study.study_id)


def show(study: StudyStatus) -> None:
    """One study."""
    with st.container(horizontal=True, vertical_alignment="center"):
        state_badge(study_state(study))
        st.caption(study_facts(study), width="stretch")
    if study.wish.pause_at and study.n_active:
        st.caption(f":material/timer: Will be paused at {plain(study.wish.pause_at)}")
    toolbar(study)
    finished(study)
    show_failures(study)
    choose_run(study)
    # Another tab or process may go on with what is not done.
    refresh = REFRESH_S if study.n_active else IDLE_S if study.n_done < study.n_runs else None
    st.fragment(live, run_every=refresh, key="live")(study.study_id, signature(study))
    with st.expander("Log of the worker processes"), guarded("reading the log"):
        show_log(service.get_service().worker_log(), key="workers")


st.title("Monitor")
found = service.get_service().studies()
if not found:
    empty_state("No study has been started yet.")
    st.stop()
current = choose(found)
if current is not None:
    show(next(study for study in found if study.study_id == current))
