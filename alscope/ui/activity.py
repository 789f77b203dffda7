"""What is running, at the side of every page."""

from __future__ import annotations

import streamlit as st

from alscope.ui import nav, service
from alscope.ui.notices import guarded
from alscope.ui.text import count, percent

__all__ = ["REFRESH_S", "show_activity"]

REFRESH_S = 2.0


def show_activity() -> None:
    """How much is running; refreshed by itself only while something is."""
    activity = service.get_service().activity()
    if not activity.n_running and not activity.n_queued:
        return
    st.fragment(_live, run_every=REFRESH_S, key="activity")()
    nav.link("monitor", "Open Monitor")


def _live() -> None:
    with guarded("showing what is running"):
        activity = service.get_service().activity()
        if not activity.n_running and not activity.n_queued:
            st.rerun()
        done = activity.fraction
        st.progress(
            done, text=f":material/autorenew: Running {activity.n_running} · {percent(done)}"
        )
        if activity.n_queued:
            st.caption(f"{count(activity.n_queued, 'run')} waiting")
