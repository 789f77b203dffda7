"""Recorded rounds for pages, read once per state of the records."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import streamlit as st

from alscope.types import RunState
from alscope.ui import service
from alscope.ui.text import number, plain

if TYPE_CHECKING:
    import pandas as pd

    from alscope.engine.service import RunStatus, StudyStatus

__all__ = ["best_strategies", "curves_of", "rounds_of", "rounds_of_run"]

_MOST = 32
"""Frames kept; the oldest goes first."""


def rounds_of(
    studies: Iterable[StudyStatus], *, progress: Callable[[int, int], None] | None = None
) -> pd.DataFrame:
    """The recorded rounds of some studies, every run once; not to be changed in place.

    Args:
        studies: Which.
        progress: Called while records are read, with the numbers of runs read and to read. Records
            that were read before are not read again, and then it is not called.
    """
    runs = {run.run_id: run.round for study in studies for run in study.runs}
    key = (str(service.get_service().cache), tuple(runs.items()))
    kept = _kept()
    if key not in kept:
        kept[key] = _read(list(runs), progress)
        while len(kept) > _MOST:
            kept.pop(next(iter(kept)), None)
    return kept[key]


def curves_of(study: StudyStatus) -> pd.DataFrame:
    """The learning curves of a study so far; the band is from the smallest to the largest seed."""
    recorded = tuple((run.run_id, run.round) for run in study.runs)
    return _curves(str(service.get_service().cache), recorded, study)


def rounds_of_run(run: RunStatus) -> pd.DataFrame:
    """The recorded rounds of one run."""
    return _rounds_of_run(str(service.get_service().cache), run.run_id, run.round)


def best_strategies(study: StudyStatus) -> list[str]:
    """For a finished study, the best strategy of each scenario by area under the curve."""
    if not study.runs or study.count(RunState.DONE) < study.n_runs:
        return []
    return _best(str(service.get_service().cache), tuple(run.run_id for run in study.runs))


# The arguments are the key: the place, the runs, and how many rounds each has. Finished runs never
# change, so this is exact.


@st.cache_resource
def _kept() -> dict[tuple[str, tuple[tuple[str, int], ...]], pd.DataFrame]:
    """Frames by place, runs and their numbers of rounds.

    Not `st.cache_data`: what is cached by it cannot say how far it is, and is copied at every use.
    """
    return {}


def _read(run_ids: list[str], progress: Callable[[int, int], None] | None) -> pd.DataFrame:
    from alscope.results.frames import rounds_frame

    def tell(n: int) -> None:
        if progress is not None:
            progress(n, len(run_ids))

    return rounds_frame(service.get_service().runs, run_ids, progress=tell)


@st.cache_data(show_spinner=False, max_entries=8)
def _curves(place: str, recorded: tuple[tuple[str, int], ...], _study: StudyStatus) -> pd.DataFrame:
    from alscope.results.curves import curve_frame

    return curve_frame(rounds_of([_study]), band="minmax")


@st.cache_data(show_spinner=False, max_entries=32)
def _rounds_of_run(place: str, run_id: str, n_rounds: int) -> pd.DataFrame:
    return _read([run_id], None)


@st.cache_data(show_spinner=False, max_entries=256)
def _best(place: str, run_ids: tuple[str, ...]) -> list[str]:
    from alscope.results.frames import rounds_frame
    from alscope.results.tables import aubc_table

    table = aubc_table(rounds_frame(service.get_service().runs, run_ids))
    lines = []
    groups = table.groupby("scenario", sort=True)
    for scenario, rows in groups:
        best = rows[rows["best"]].iloc[0]
        others = rows[rows["tied"] & ~rows["best"]]["strategy"].tolist()
        tied = f", tied with {len(others)} more" if others else ""
        where = f"{plain(str(scenario))} · " if len(groups) > 1 else ""
        lines.append(f"{where}{plain(best['strategy'])}: {number(best['aubc'])}{tied}")
    return lines
