"""Recorded rounds for pages, read once per state of the records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import streamlit as st

from alscope.types import RunState
from alscope.ui import service
from alscope.ui.text import number, plain

if TYPE_CHECKING:
    import pandas as pd

    from alscope.engine.service import StudyStatus

__all__ = ["best_strategies", "rounds_of"]


def rounds_of(studies: Iterable[StudyStatus]) -> pd.DataFrame:
    """The recorded rounds of some studies, every run once."""
    runs = {run.run_id: run.round for study in studies for run in study.runs}
    return _rounds(str(service.get_service().cache), tuple(runs), tuple(runs.values()))


def best_strategies(study: StudyStatus) -> list[str]:
    """For a finished study, the best strategy of each scenario by area under the curve."""
    if not study.runs or study.count(RunState.DONE) < study.n_runs:
        return []
    return _best(str(service.get_service().cache), tuple(run.run_id for run in study.runs))


# The arguments are the key: the place, the runs, and how many rounds each has. Finished runs never
# change, so this is exact.


@st.cache_data(show_spinner=False, max_entries=32)
def _rounds(place: str, run_ids: tuple[str, ...], n_rounds: tuple[int, ...]) -> pd.DataFrame:
    from alscope.results.frames import rounds_frame

    return rounds_frame(service.get_service().runs, run_ids)


@st.cache_data(show_spinner=False, max_entries=256)
def _best(place: str, run_ids: tuple[str, ...]) -> list[str]:
    from alscope.results.frames import rounds_frame
    from alscope.results.tables import aubc_table

    table = aubc_table(rounds_frame(service.get_service().runs, run_ids))
    lines = []
    for _, rows in table.groupby("scenario", sort=True):
        best = rows[rows["best"]].iloc[0]
        others = rows[rows["tied"] & ~rows["best"]]["strategy"].tolist()
        tied = f", tied with {len(others)} more" if others else ""
        lines.append(f"{plain(best['strategy'])}: {number(best['aubc'])}{tied}")
    return lines
