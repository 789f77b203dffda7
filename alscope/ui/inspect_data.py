"""Records and samples for Inspect, read once per state of the records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from alscope.data.own import PREFIX, origins
from alscope.errors import ALScopeError
from alscope.ui import service

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from alscope.results.trial import Samples, Trial
    from alscope.ui.inspect_choice import Focus

__all__ = [
    "classes_of",
    "plane_of",
    "predictions_of",
    "queries_of",
    "samples_of",
    "trial_of",
    "with_origin",
]


def queries_of(rounds: pd.DataFrame) -> pd.DataFrame:
    """Queried samples of the runs in a rounds frame; `QUERY_COLUMNS`."""
    return _queries(_place(), *_state(rounds))


def classes_of(rounds: pd.DataFrame) -> pd.DataFrame:
    """Class counts and recalls of the runs in a rounds frame; `CLASS_COLUMNS`."""
    return _classes(_place(), *_state(rounds))


def predictions_of(run_id: str, round: int) -> pd.DataFrame | None:
    """What the model thought of the candidates; None if it was not stored."""
    if not run_id:
        return None
    return _predictions(_place(), run_id, round)


def trial_of(focus: Focus) -> tuple[Trial | None, str]:
    """Classes of the samples, or None and the reason in words."""
    rows = focus.trial
    if not len(rows):
        return None, f"no run with seed {focus.seed} has a query"
    try:
        fingerprint = str(rows["data_fingerprint"].iloc[0])
        return _trial(_place(), str(rows["run_id"].iloc[0]), fingerprint), ""
    except ALScopeError as error:
        return None, str(error)


def samples_of(focus: Focus) -> tuple[Samples | None, str]:
    """The examples, or None and the reason in words."""
    from alscope.hashing import digest

    trial, reason = trial_of(focus)
    if trial is None:
        return None, reason
    run_id = str(focus.trial["run_id"].iloc[0])
    scenario = service.get_service().runs.config(run_id).scenario
    drawn_from = digest([scenario.dataset, scenario.ood_dataset, trial.summary.fingerprint])
    try:
        return _samples(_place(), drawn_from, run_id), ""
    except ALScopeError as error:
        return None, str(error)


def with_origin(picks: pd.DataFrame, focus: Focus) -> pd.DataFrame:
    """The picks with a column `origin` where they are of an imported set: the place in its source.

    Numbers of samples count the training part; people look for a line of their file.
    """
    trial, _ = trial_of(focus)
    run_id = str(focus.trial["run_id"].iloc[0]) if trial else ""
    name = service.get_service().runs.config(run_id).scenario.dataset if trial else ""
    if trial is None or not name.startswith(PREFIX):
        return picks
    places = _origins(_place(), name, trial.summary.fingerprint)
    return picks.assign(
        origin=[places[row] if row < len(places) else "" for row in picks["sample"]]
    )


def plane_of(samples: Samples, trial: Trial, method: str) -> NDArray[np.float32]:
    """Coordinates of all samples of a trial, (n, 2).

    Raises:
        ConfigError: If the method cannot be used here.
    """
    from alscope.hashing import digest

    key = digest([trial.summary.fingerprint, trial.rows])
    return _plane(_place(), key, method, samples, trial)


def _place() -> str:
    return str(service.get_service().cache)


def _state(rounds: pd.DataFrame) -> tuple[tuple[str, ...], tuple[int, ...]]:
    last = rounds.groupby("run_id", sort=False)["round"].max()
    return tuple(map(str, last.index)), tuple(map(int, last))


# As in `alscope.ui.results`, the arguments are the key; an underscore says what is not part of it.
# Recorded rounds never change, so this is exact.


@st.cache_data(show_spinner=False, max_entries=16)
def _queries(place: str, run_ids: tuple[str, ...], n_rounds: tuple[int, ...]) -> pd.DataFrame:
    from alscope.results.frames import queries_frame

    return queries_frame(service.get_service().runs, run_ids)


@st.cache_data(show_spinner=False, max_entries=16)
def _classes(place: str, run_ids: tuple[str, ...], n_rounds: tuple[int, ...]) -> pd.DataFrame:
    from alscope.results.frames import classes_frame

    return classes_frame(service.get_service().runs, run_ids)


@st.cache_data(show_spinner=False, max_entries=64)
def _predictions(place: str, run_id: str, round: int) -> pd.DataFrame | None:
    from alscope.results.predictions import predictions_frame

    return predictions_frame(service.get_service().runs, run_id, round)


@st.cache_resource(show_spinner=False, max_entries=8)
def _trial(place: str, run_id: str, fingerprint: str) -> Trial:
    from alscope.results.trial import open_trial

    engine = service.get_service()
    return open_trial(engine.runs.config(run_id), engine.data_root, fingerprint=fingerprint)


@st.cache_resource(show_spinner="Reading the samples", max_entries=2)
def _samples(place: str, drawn_from: str, _run_id: str) -> Samples:
    from alscope.results.trial import load_samples

    engine = service.get_service()
    return load_samples(engine.runs.config(_run_id), engine.data_root)


@st.cache_resource(show_spinner=False, max_entries=4)
def _origins(place: str, name: str, fingerprint: str) -> tuple[str, ...]:
    return origins(service.get_service().data_root, name.removeprefix(PREFIX))


@st.cache_resource(show_spinner="Placing the samples in the plane", max_entries=4)
def _plane(
    place: str, key: str, method: str, _samples: Samples, _trial: Trial
) -> NDArray[np.float32]:
    from alscope.results.projection import project

    return project(
        _samples,
        _trial.rows,
        method=method,
        fingerprint=_trial.summary.fingerprint,
        folder=service.get_service().data_root.cache,
    )
