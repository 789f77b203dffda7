"""The trash of the Library: bring back, or delete for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from alscope.engine.access import Action
from alscope.ui.access import refusal
from alscope.ui.notices import flash, guarded
from alscope.ui.text import ago, count, plain, size

if TYPE_CHECKING:
    from alscope.engine.service import Service
    from alscope.store.trash import TrashEntry

__all__ = ["show_trash"]

_SHOWN = 50


def show_trash(service: Service) -> None:
    """What was deleted, last first."""
    st.markdown(
        "Deleted studies lie here with the runs that no other study has. Nothing leaves the trash "
        "by itself."
    )
    entries = service.library.trash()
    if not entries:
        st.info("The trash is empty.", icon=":material/check:")
        return
    for entry in entries[:_SHOWN]:
        _entry(service, entry)
    if len(entries) > _SHOWN:
        st.caption(f"and {len(entries) - _SHOWN} older ones")
    if reason := refusal(Action.MAINTAIN):
        st.caption(f":material/lock: {plain(reason)}")
    else:
        _purge_old(service)


def _entry(service: Service, entry: TrashEntry) -> None:
    with st.container(border=True):
        about, tools = st.columns([3, 2], vertical_alignment="center")
        with about:
            st.markdown(f"**{plain(entry.name)}**")
            deleted = f"deleted {ago(entry.at)}" if entry.at else "deleted at an unknown time"
            st.caption(f"{deleted} · {size(entry.size)} · {_runs(entry)} · {entry.study_id}")
        with tools, st.container(horizontal=True):
            mine = not refusal(Action.DELETE, entry.study_id)
            if (
                entry.whole
                and mine
                and st.button("Bring back", icon=":material/undo:", key=f"restore_{entry.entry_id}")
            ):
                with guarded("bringing the study back"):
                    service.library.restore(entry.entry_id)
                    flash(f"{entry.name!r} is back.")
                    st.rerun()
            if not refusal(Action.MAINTAIN):
                _purge_one(service, entry)


def _purge_one(service: Service, entry: TrashEntry) -> None:
    with st.popover(
        "Delete for ever", icon=":material/delete_forever:", key=f"ask_purge_{entry.entry_id}"
    ):
        st.markdown(f"Delete **{plain(entry.name)}** for ever? This cannot be undone.")
        if st.button("Delete for ever", type="primary", key=f"purge_{entry.entry_id}"):
            _purge(service, [entry])


def _runs(entry: TrashEntry) -> str:
    held, stayed = len(entry.held), len(entry.run_ids) - len(entry.held)
    if not entry.whole:
        return f"{count(held, 'run')} that exist again; there is nothing to bring back"
    words = count(held, "run")
    return f"{words}, {stayed} left in the store" if stayed else words


def _purge(service: Service, entries: list[TrashEntry]) -> None:
    with guarded("deleting for ever"):
        freed = sum(service.library.purge(entry.entry_id) for entry in entries)
        flash(f"{size(freed)} freed.")
        st.rerun()


def _purge_old(service: Service) -> None:
    with st.popover("Delete what is older", icon=":material/delete_sweep:"):
        days = st.number_input(
            "Deleted at least this many days ago",
            min_value=0,
            max_value=3650,
            value=30,
            key="library_days",
        )
        old = list(service.library.older_than(days))
        total = size(sum(entry.size for entry in old))
        st.markdown(
            f"{count(len(old), 'study', 'studies')}, {total}. This cannot be undone."
            if old
            else "Nothing in the trash is that old."
        )
        if st.button("Delete these for ever", type="primary", disabled=not old):
            _purge(service, old)
