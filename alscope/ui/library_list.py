"""The studies of the Library: filters, the table, and what can be done with the chosen ones."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from alscope.results.overview import find_studies, leaders, tags_of
from alscope.results.samples import is_sample as came_with_alscope
from alscope.ui.cards import empty_state, study_state
from alscope.ui.filters import several
from alscope.ui.library_actions import show_chosen, show_damaged, show_undo
from alscope.ui.notices import tell_unknown
from alscope.ui.state import Key
from alscope.ui.text import count, size
from alscope.ui.urlstate import publish, restore_text

if TYPE_CHECKING:
    from alscope.engine.service import Service, StudyStatus

__all__ = ["SOURCES", "show_studies"]

SOURCES = {"here": "run here", "imported": "imported", "unknown": "unknown"}
"""Words for where a study came from."""
_STATES = ("running", "queued", "paused", "interrupted", "failed", "cancelled", "done")
_MAX_SEARCH = 200
_TABLE = "library_table"


def show_studies(service: Service) -> None:
    """Everything about stored studies."""
    studies = service.studies()
    show_undo(service)
    show_damaged(service)
    if not studies:
        empty_state("The library is empty. What you run or import is kept here.")
        return
    shown = _filtered(studies)
    if shown:
        _table(shown)
    else:
        st.info("No study fits all of these choices; take one of them away.")
    chosen = _chosen(studies)
    if chosen:
        show_chosen(service, chosen)
    elif shown:
        st.caption("Tick rows of the table, or choose studies by name, to open or change them.")


def _filtered(studies: tuple[StudyStatus, ...]) -> tuple[StudyStatus, ...]:
    restore_text(Key.SEARCH, limit=_MAX_SEARCH)
    with st.container(border=True):
        first, second, third, fourth = st.columns([4, 3, 3, 2])
        with first:
            text = st.text_input(
                "Search",
                key=Key.SEARCH,
                max_chars=_MAX_SEARCH,
                icon=":material/search:",
                placeholder="name, note, data set, strategy ...",
            )
        with second:
            tags = several(Key.TAG, "Tags", {tag: tag for tag in tags_of(studies)})
        with third:
            present = {study.state for study in studies}
            states = several(Key.STATE, "State", {s: s for s in _STATES if s in present})
        with fourth:
            found = {study.source for study in studies}
            sources = several(
                Key.SOURCE, "Source", {key: word for key, word in SOURCES.items() if key in found}
            )
        publish(Key.SEARCH, [text] if text else [])
        shown = find_studies(studies, text=text or "", tags=tags, states=states, sources=sources)
        n_runs = len({run.run_id for study in shown for run in study.runs})
        st.caption(
            f"{count(len(shown), 'study', 'studies')} of {len(studies)} · "
            f"{count(n_runs, 'different run')}"
        )
    return shown


def _table(shown: tuple[StudyStatus, ...]) -> None:
    import pandas as pd

    frame = pd.DataFrame([_row(study) for study in shown])
    ids = [study.study_id for study in shown]
    config = st.column_config
    st.dataframe(
        frame,
        hide_index=True,
        key=f"{_TABLE}_{st.session_state.get(_TABLE, 0)}",
        on_select=partial(_follow_ticks, ids),
        selection_mode="multi-row",
        alt="Stored studies with state, runs, best strategy, size, tags, source and date",
        column_config={
            "Study": config.TextColumn(width="medium", pinned=True),
            "Done": config.ProgressColumn(format="%d %%", min_value=0, max_value=100),
            "Best": config.TextColumn(
                help="Largest mean area under the accuracy curve (AUBC) of each scenario, finished "
                "runs only. Compare says whether the difference can be chance."
            ),
            "Size": config.NumberColumn(
                "Size (MB)",
                format="%.2f",
                help="Recorded runs on disk; a run that several studies have is counted in each.",
            ),
            "Tags": config.ListColumn(),
            "Created": config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
        },
    )


def _row(study: StudyStatus) -> dict[str, Any]:
    damaged = sum(bool(run.damaged) or run.message.startswith("damaged") for run in study.runs)
    state = study_state(study).value
    return {
        "Study": study.name,
        "State": f"{state}, {damaged} damaged" if damaged else state,
        "Done": int(100 * study.fraction),
        "Runs": f"{study.n_done} / {study.n_runs}",
        "Best": _best(study),
        "Tags": list(study.about.tags),
        "Note": study.about.note.split("\n", 1)[0][:120],
        "Source": _source(study),
        "Created": _moment(study.created),
        "Size": study.size / 1e6,
        "Id": study.study_id,
    }


def _source(study: StudyStatus) -> str:
    if study.origin is not None and came_with_alscope(study.origin.sha256):
        return "sample"
    return SOURCES[study.source]


def _best(study: StudyStatus) -> str:
    found = leaders(study)
    if not found:
        return ""
    words = f"{found[0].strategy} {found[0].aubc:.3f}"
    more = count(len(found) - 1, "more scenario")
    return words if len(found) == 1 else f"{words} and {more}"


def _moment(created: str) -> datetime | None:
    try:
        return datetime.fromisoformat(created)
    except ValueError:
        return None


def _follow_ticks(ids: list[str]) -> None:
    """Callback: the ticked rows are the chosen studies."""
    state: Any = st.session_state[f"{_TABLE}_{st.session_state.get(_TABLE, 0)}"]
    rows = state["selection"]["rows"]
    st.session_state[Key.CHOSEN] = [ids[row] for row in rows if row < len(ids)]


def _forget_ticks() -> None:
    """Callback: studies were chosen by name, so the ticks in the table mean nothing any more."""
    st.session_state[_TABLE] = st.session_state.get(_TABLE, 0) + 1


def _chosen(studies: tuple[StudyStatus, ...]) -> list[StudyStatus]:
    by_id = {study.study_id: study for study in studies}
    if Key.CHOSEN not in st.session_state:
        asked = list(dict.fromkeys(st.query_params.get_all(Key.EXP)))
        tell_unknown([item for item in asked if item not in by_id], "study", list(by_id))
        st.session_state[Key.CHOSEN] = asked
    st.session_state[Key.CHOSEN] = [i for i in st.session_state[Key.CHOSEN] if i in by_id]
    picked = st.multiselect(
        "Chosen studies",
        list(by_id),
        key=Key.CHOSEN,
        format_func=lambda item: f"{by_id[item].name} ({item}, {size(by_id[item].size)})",
        placeholder="Choose one or more studies",
        on_change=_forget_ticks,
    )
    publish(Key.EXP, picked)
    return [by_id[item] for item in picked]
