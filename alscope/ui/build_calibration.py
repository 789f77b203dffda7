"""The part of Build that measures this machine, for estimates before the first run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from alscope.engine.access import Action
from alscope.ui import service
from alscope.ui.access import refusal
from alscope.ui.notices import flash, guarded
from alscope.ui.text import count, moment, plain

if TYPE_CHECKING:
    from alscope.engine.service import Service

__all__ = ["calibration_form"]


def calibration_form() -> None:
    """When this machine was measured last, and a button that does it again."""
    engine = service.get_service()
    st.caption(_said(engine))
    reason = _reason(engine)
    if st.button(
        "Calibrate (20 s)",
        key="build_calibrate",
        icon=":material/speed:",
        type="tertiary",
        disabled=bool(reason),
        help=plain(reason)
        or "Trains every kind of network for a moment on made-up samples, in a process of its own.",
    ):
        with guarded("calibrating"), st.spinner("Measuring this machine for 20 seconds"):
            engine.calibrate()
            flash("This machine is measured.")
            st.rerun()


def _said(engine: Service) -> str:
    found = engine.calibrations.current()
    if found is None:
        return (
            ":material/speed: This machine has not been measured: the time of networks that never "
            "ran here is unknown."
        )
    return (
        f":material/speed: Measured {moment(found.at)} on {plain(found.device)}, "
        f"{count(found.n_threads, 'thread')}: {count(len(found.networks), 'kind')} of network. "
        "It serves where no runs have been measured."
    )


def _reason(engine: Service) -> str:
    """Why it cannot be measured now; empty if it can."""
    if engine.calibrations.busy:
        return "It is being measured now."
    if engine.activity().n_running:
        return "Runs are active, and would disturb the measurement."
    return refusal(Action.START)
