"""What shall be in a report: the choices, in the address but for what a person writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from alscope.reports.blocks import BLOCKS
from alscope.reports.study import ReportOptions
from alscope.results.columns import METRICS
from alscope.results.curves import BANDS
from alscope.ui.notices import tell_unknown
from alscope.ui.state import Key
from alscope.ui.urlstate import publish, restore, restore_one

if TYPE_CHECKING:
    from alscope.engine.service import StudyStatus

__all__ = ["Content", "choose_content", "choose_study"]

_LIMIT = 20_000


@dataclass(frozen=True)
class Content:
    """What shall be in a report.

    Attributes:
        metric: One of `METRICS`.
        band: One of `BANDS`.
        options: Title, authors, notes and blocks.
    """

    metric: str
    band: str
    options: ReportOptions


def choose_study(studies: Sequence[StudyStatus]) -> StudyStatus:
    """Let the user choose a study."""
    by_id = {study.study_id: study for study in studies}
    titles = {key: f"{study.name} ({key})" for key, study in by_id.items()}
    return by_id[_one(Key.EXP, "Study", titles)]


def choose_content() -> Content:
    """Let the user choose what is in the report, and write what only a person can."""
    first, second = st.columns(2)
    with first:
        metric = _one(Key.METRIC, "Measure", {key: item.title for key, item in METRICS.items()})
    with second:
        band = _one(Key.BAND, "Band", {key: title.capitalize() for key, title in BANDS.items()})
    blocks = list(BLOCKS)
    tell_unknown(restore(Key.BLOCK, blocks, blocks), "part of a report", blocks)
    chosen = st.multiselect(
        "Parts",
        blocks,
        key=Key.BLOCK,
        format_func=lambda name: BLOCKS[name][0],
        help="They appear in this order, whatever the order of choosing.",
    )
    publish(Key.BLOCK, chosen)
    with st.expander("Title, authors, notes", icon=":material/edit:"):
        title = st.text_input(
            "Title", max_chars=200, key=Key.REPORT_TITLE, help="Empty: the name of the study."
        )
        authors = st.text_input("Authors", max_chars=500, key=Key.REPORT_AUTHORS)
        notes = st.text_area(
            "Notes",
            max_chars=_LIMIT,
            key=Key.REPORT_NOTES,
            help="Before the first section, as plain text; an empty line begins a new paragraph.",
        )
    options = ReportOptions(title=title, authors=authors, notes=notes, blocks=tuple(chosen))
    return Content(metric, band, options)


def _one(key: Key, label: str, titles: dict[str, str]) -> str:
    options = list(titles)
    tell_unknown(restore_one(key, options, options[0]), label.lower(), options)
    chosen = st.selectbox(label, options, key=key, format_func=lambda item: titles[item])
    publish(key, [chosen])
    return chosen
