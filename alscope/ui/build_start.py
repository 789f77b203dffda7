"""The part of Build that starts a study: when, for how long, and as a whole or as a trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from alscope.config import StudyConfig
from alscope.engine.access import Action
from alscope.ui import nav, service
from alscope.ui.access import refusal
from alscope.ui.build_calibration import calibration_form
from alscope.ui.build_files import remember_study
from alscope.ui.forms import remember
from alscope.ui.notices import flash, guarded
from alscope.ui.state import Key
from alscope.ui.text import count, plain

if TYPE_CHECKING:
    from alscope.engine.service import Plan

__all__ = ["resources_form", "start_buttons"]

_PRIORITY = f"{Key.QUEUE_FORM}_priority"
_HOURS = f"{Key.QUEUE_FORM}_hours"


def resources_form() -> None:
    """Priority and time cap, and what this server has."""
    left, right = st.columns(2)
    left.number_input(
        "Priority",
        min_value=-9,
        max_value=9,
        step=1,
        key=remember(_PRIORITY, 0),
        help="Larger goes first among what waits; a running run is never stopped for another.",
        persist_state="session",
    )
    right.number_input(
        "Pause after (hours)",
        min_value=0.1,
        max_value=1000.0,
        value=None,
        step=1.0,
        format="%g",
        key=remember(_HOURS, None),
        placeholder="never",
        help="Counted from the start, on the clock. The study is paused, and can be resumed.",
        persist_state="session",
    )
    workers = service.get_service().workers
    st.caption(
        f":material/memory: This server executes {count(workers, 'run')} at a time. More need more "
        "memory and cores: set `ALSCOPE_WORKERS` to a number or `auto` before starting the app."
    )
    calibration_form()


def start_buttons(study: StudyConfig, plan: Plan | None) -> None:
    """Start the study, or try it with one seed and two queries."""
    absent = plan.absent if plan is not None else ()
    label = "Download and start" if absent else "Start"
    reason = refusal(Action.START)
    if reason:
        st.caption(f":material/lock: {plain(reason)}")
    if absent:
        st.caption(f":material/download: Will be downloaded: {plain(', '.join(absent))}")
    if st.button(
        label,
        type="primary",
        icon=":material/play_arrow:",
        disabled=plan is None or bool(reason),
        width="stretch",
        key="build_start",
    ):
        _start(study)
    if st.button(
        "Dry run: one seed, two queries",
        icon=":material/science:",
        disabled=plan is None or bool(reason),
        width="stretch",
        key="build_dry_run",
        help="A study of its own, before everything that waits: shows that all of it works, and "
        "what it costs.",
    ):
        with guarded("starting the dry run"):
            study_id = service.get_service().dry_run(study)
            flash("Started the dry run.")
            nav.go("monitor", exp=study_id)


def _start(study: StudyConfig) -> None:
    hours = st.session_state[_HOURS]
    with guarded("starting the study"):
        study_id = service.get_service().submit(
            study,
            priority=int(st.session_state[_PRIORITY]),
            time_cap_s=None if hours is None else 3600.0 * float(hours),
        )
        remember_study(study)
        flash(f"Started {count(len(study.runs()), 'run')}.")
        nav.go("monitor", exp=study_id)
