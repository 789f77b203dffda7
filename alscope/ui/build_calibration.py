"""The part of Build that measures this machine, for estimates before the first run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from alscope.engine.access import Action
from alscope.registry import backbones
from alscope.ui import service
from alscope.ui.access import refusal
from alscope.ui.notices import guarded
from alscope.ui.text import count, moment, plain

if TYPE_CHECKING:
    from alscope.engine.calibration import Calibration
    from alscope.engine.service import Service

__all__ = ["calibration_form"]

_EVERY_S = 2.0
_WATCHED = "build_calibration_watched"


def calibration_form() -> None:
    """When this machine was measured last, and a button that does it again."""
    busy = service.get_service().calibrations.busy
    # Only this part is drawn again while it is measured, and the page once it is done.
    st.fragment(_form, run_every=_EVERY_S if busy else None, key="calibration")()


def _form() -> None:
    engine = service.get_service()
    calibrations = engine.calibrations
    if calibrations.busy:
        st.session_state[_WATCHED] = True
        st.caption(
            ":material/hourglass_top: Measuring this machine: 20 seconds, and some more to start. "
            "The page can be used meanwhile."
        )
        return
    if st.session_state.pop(_WATCHED, False):
        st.rerun()
    st.caption(_said(engine))
    if calibrations.problem:
        st.warning(plain(calibrations.problem), icon=":material/error:")
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
        with guarded("calibrating"):
            engine.begin_calibration()
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
        f"{count(found.n_threads, 'thread')}: {count(len(found.networks), 'kind')} of network"
        f"{_missing(found)}. It serves where no runs have been measured."
    )


def _missing(found: Calibration) -> str:
    """The networks for which there was no time."""
    if not found.skipped:
        return ""
    names = ", ".join(_title(name) for name in found.skipped)
    return f"; there was no time for {plain(names)}"


def _title(backbone: str) -> str:
    # A calibration may be older than the network's name.
    return backbones.get(backbone).title or backbone if backbone in backbones else backbone


def _reason(engine: Service) -> str:
    """Why it cannot be measured now; empty if it can."""
    if engine.activity().n_running:
        return "Runs are active, and would disturb the measurement."
    return refusal(Action.START)
