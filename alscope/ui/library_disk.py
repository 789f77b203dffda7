"""How much the stores take, and what can be cleaned without losing a result."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from alscope.engine.access import Action
from alscope.ui.access import refusal
from alscope.ui.notices import flash, guarded
from alscope.ui.text import plain, size

if TYPE_CHECKING:
    from alscope.engine.service import DiskUse, Service

__all__ = ["show_disk"]

_GIB = 2**30

_ROOMS = {
    "runs": ("Recorded runs", "Results. Never deleted by ALScope; delete studies to free it."),
    "studies": ("Studies", "Which runs belong together, tags and notes."),
    "artifacts": ("Artifact cache", "Models and passes; computed again when needed."),
    "derived": ("Derived files", "Tokens, tables, summaries; made again when needed."),
    "datasets": ("Data sets", "Downloaded ones and your own; delete them by hand."),
    "trash": ("Trash", "Deleted studies; delete them for ever to free it."),
}


def show_disk(service: Service) -> None:
    """Sizes by store, the limit of the cache, and two buttons."""
    with st.spinner("Looking at every file"):
        use = service.library.disk()
    _table(use)
    st.caption(f"{size(use.free)} are free on this disk.")
    if reason := refusal(Action.MAINTAIN):
        st.caption(f":material/lock: {plain(reason)}")
        return
    limit, clean = st.columns(2)
    with limit, st.container(border=True, height="stretch"):
        _limit(service)
    with clean, st.container(border=True, height="stretch"):
        _clean(service, use)


def _table(use: DiskUse) -> None:
    rows = [
        {"Store": title, "Size": size(getattr(use, name)), "What it is": about}
        for name, (title, about) in _ROOMS.items()
    ]
    total = sum(getattr(use, name) for name in _ROOMS)
    rows.append({"Store": "**Together**", "Size": f"**{size(total)}**", "What it is": ""})
    st.table(rows, hide_index=True, border="horizontal", alt="Bytes on disk of every store")


def _limit(service: Service) -> None:
    st.subheader("Limit of the artifact cache")
    st.markdown(
        "Above it, what was used least recently goes. A small cache costs time when studies share "
        "work or are resumed; it never changes a result."
    )
    with st.form("library_limit", border=False):
        chosen = st.number_input(
            "Limit in GiB",
            min_value=0.25,
            max_value=100_000.0,
            value=service.library.settings().artifact_limit / _GIB,
            step=1.0,
            key="library_limit_gib",
        )
        if st.form_submit_button("Save the limit", icon=":material/save:"):
            with guarded("setting the limit"):
                service.library.limit_artifacts(round(chosen * _GIB))
                flash("The limit is kept. Workers that run now use it from their next start.")
                st.rerun()


def _clean(service: Service, use: DiskUse) -> None:
    st.subheader("Clean")
    st.markdown("Only what can be made again. Running studies go on; they may compute more.")
    _confirmed(
        f"Empty the artifact cache ({size(use.artifacts)})",
        "Everything in it is computed again when it is needed, to the same bits.",
        service.library.clear_artifacts,
        key="library_clear_artifacts",
        disabled=not use.artifacts,
    )
    _confirmed(
        f"Delete derived files ({size(use.derived)})",
        "They are made again from data sets and recorded runs.",
        service.library.clear_derived,
        key="library_clear_derived",
        disabled=not use.derived,
    )


def _confirmed(
    label: str, what: str, action: Callable[[], None], *, key: str, disabled: bool
) -> None:
    with st.popover(label, icon=":material/mop:", disabled=disabled, key=f"{key}_ask"):
        st.markdown(what)
        if st.button("Go on", type="primary", key=key):
            with guarded("cleaning"):
                action()
                flash("Cleaned.")
                st.rerun()
