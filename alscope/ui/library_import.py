"""Bring a study bundle here: checked first, then taken over, all of it or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from alscope.engine.access import Action
from alscope.errors import ALScopeError
from alscope.ui import nav
from alscope.ui.access import is_own_computer, refusal
from alscope.ui.actions import look_at_bundle, take_bundle
from alscope.ui.notices import guarded
from alscope.ui.text import ago, count, plain

if TYPE_CHECKING:
    from alscope.engine.service import Service
    from alscope.store.bundle import ImportReport

__all__ = ["show_import"]

_UPLOAD = "library_upload"


def show_import(service: Service) -> None:
    """A drop zone, the report of the check, and the button that takes it over."""
    st.markdown(
        "A bundle is a study in one file, made by **Export bundle** here or by `alscope bundle` on "
        "another machine. It is checked completely before anything changes; a run that is recorded "
        "here already is never replaced."
    )
    if reason := refusal(Action.IMPORT):
        st.info(plain(reason), icon=":material/lock:")
        return
    file = st.file_uploader("Study bundle (.zip)", type=[".zip"], key=_UPLOAD)
    if file is None:
        where = "computer" if is_own_computer() else "server, where everybody sees it"
        st.caption(
            f"Nothing is sent anywhere else: the file goes from your browser to this {where}."
        )
        return
    try:
        with st.spinner("Checking every file of the bundle"):
            report = look_at_bundle(file, file.name)
    except ALScopeError as error:
        st.error(
            f"**The bundle was refused, and nothing was changed:** {plain(str(error))}",
            icon=":material/block:",
        )
        st.caption("Ask for the bundle again; a download that broke off is the usual reason.")
        return
    if st.session_state.get(f"{_UPLOAD}_taken") == file.file_id:
        st.success(f"{plain(report.name)} is here.", icon=":material/check_circle:")
        _where_to(report)
        return
    _show_report(report)
    if st.button("Import", type="primary", icon=":material/download_done:", disabled=_all(report)):
        with guarded("importing the bundle"):
            take_bundle(file, file.name)
            st.session_state[f"{_UPLOAD}_taken"] = file.file_id
            st.rerun()
    if _all(report):
        st.caption("Everything in it is here already.")
        _where_to(report)


def _all(report: ImportReport) -> bool:
    return report.known and not report.imported


def _show_report(report: ImportReport) -> None:
    with st.container(border=True):
        st.markdown(f"**{plain(report.name)}** ({plain(report.study_id)})")
        st.markdown(":material/check: Every file is whole and is what it claims to be.")
        st.markdown(f":material/add: {count(len(report.imported), 'run')} will be added.")
        if report.kept:
            st.markdown(
                f":material/lock: {count(len(report.kept), 'run')} recorded here already; yours "
                "stay as they are."
            )
        if report.differing:
            st.warning(
                f"{count(len(report.differing), 'of these has', 'of these have')} other results in "
                "the bundle: another machine, torch version or data. Yours are kept.",
                icon=":material/difference:",
            )
        if report.missing:
            st.markdown(
                f":material/remove: {count(len(report.missing), 'run')} of the study not in the "
                "bundle; Monitor can compute them."
            )
        origin = report.origin
        compact = " It is compact: scores were left out." if origin.compact else ""
        st.caption(
            f"Made {ago(plain(origin.created))} with ALScope {plain(origin.alscope)}; SHA-256 "
            f"{origin.sha256[:16]}.{compact}"
        )


def _where_to(report: ImportReport) -> None:
    with st.container(horizontal=True):
        nav.link("compare", "Compare", exp=report.study_id)
        nav.link("library", "Show it in the library", exp=report.study_id, tab="studies")
