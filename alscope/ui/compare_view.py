"""Compare as a whole: the filter rail, the budget and the tabs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from alscope.results.cautions import caution_texts
from alscope.results.checks import data_conflict
from alscope.ui import nav
from alscope.ui.choices import Choices
from alscope.ui.compare_choice import (
    View,
    choose_budget,
    choose_runs,
    choose_seeds,
    choose_studies,
    choose_view,
)
from alscope.ui.compare_curves import show_curves, show_purity
from alscope.ui.compare_data import Chosen
from alscope.ui.compare_failed import said_of_failures
from alscope.ui.compare_heat import show_heat_map
from alscope.ui.compare_pairwise import show_pairwise
from alscope.ui.compare_power import show_power
from alscope.ui.compare_ranks import show_factors, show_ranks
from alscope.ui.compare_table import show_comparison, show_table
from alscope.ui.compare_timing import show_timing
from alscope.ui.notices import guarded
from alscope.ui.results import rounds_of
from alscope.ui.state import Key
from alscope.ui.text import plain

if TYPE_CHECKING:
    import pandas as pd
    from streamlit.delta_generator import DeltaGenerator

    from alscope.engine.service import StudyStatus

__all__ = ["show_compare"]

_SOON = 40
"""Runs that are read without saying so."""


@dataclass(frozen=True)
class _Scene:
    """What the tabs show.

    Attributes:
        rounds: The chosen rounds.
        chosen: Their key.
        view: How they are shown.
        budget: Where they are compared.
        studies: Where they come from.
        choices: For what a tab lets the user choose.
    """

    rounds: pd.DataFrame
    chosen: Chosen
    view: View
    budget: int
    studies: list[StudyStatus]
    choices: Choices


def show_compare(studies: tuple[StudyStatus, ...]) -> None:
    """The whole page below its title.

    Args:
        studies: With at least one evaluation, newest first.
    """
    choices = Choices(st.container(), "compare")
    rail, main = st.columns([3, 10], gap="medium")
    waiting = main.empty()
    with rail, guarded("reading the choices"):
        found = _choose(choices, studies, waiting)
    with main:
        if isinstance(found, str):
            st.info(found)
            if not st.session_state[Key.EXP]:
                _offer(studies)
        elif found is not None:
            with guarded("choosing the budget"):
                _show_tabs(choices, *found)


def _offer(studies: tuple[StudyStatus, ...]) -> None:
    """The newest studies, one click away."""
    for study in studies[:3]:
        nav.link("compare", f"Compare {plain(study.name)}", exp=study.study_id)


_Found = tuple["pd.DataFrame", View, "list[StudyStatus]"]


def _choose(
    choices: Choices, studies: tuple[StudyStatus, ...], waiting: DeltaGenerator
) -> _Found | str | None:
    """The choices of the rail, or what is missing, in words."""
    chosen = choose_studies(choices, studies)
    if not chosen:
        return "Choose a study on the left: its curves, tables and tests appear here."
    rounds = rounds_of(chosen, progress=lambda n, total: _tell(waiting, n, total))
    waiting.empty()
    if rounds.empty:
        return "Nothing was evaluated yet; results appear here with the first evaluation."
    rounds = choose_runs(choices, rounds)
    if rounds.empty:
        return "Choose at least one scenario and one strategy on the left."
    conflict = data_conflict(rounds)
    if conflict:
        st.error(plain(conflict[:1].upper() + conflict[1:]) + ".", icon=":material/database_off:")
        return None
    with st.expander("Seeds"):
        rounds = choose_seeds(choices, rounds)
    if rounds.empty:
        return "Choose at least one seed on the left."
    return rounds, choose_view(choices, rounds), chosen


def _tell(place: DeltaGenerator, n: int, total: int) -> None:
    """How far reading is; few runs are read before anyone could read this."""
    if total > _SOON and n % 10 == 0:
        place.progress(n / total, text=f"Aggregating {n:,} of {total:,} runs")


def _show_tabs(
    choices: Choices, rounds: pd.DataFrame, view: View, studies: list[StudyStatus]
) -> None:
    failures = said_of_failures(studies)
    if failures:
        st.warning(failures, icon=":material/running_with_errors:")
    for caution in caution_texts(rounds):
        st.warning(plain(caution), icon=":material/tune:")
    budget = choose_budget(choices, rounds)
    scene = _Scene(rounds, Chosen.of(studies, rounds), view, budget, studies, choices)
    word, tab = choices.tab(Key.TAB, {word: entry.title for word, entry in _TABS.items()})
    with tab, guarded(_TABS[word].doing):
        _TABS[word].show(scene)
    with st.container(border=True), guarded("sizing the next study"):
        st.subheader("How many seeds are enough?")
        show_power(rounds, view.metric, studies)


def _curves(scene: _Scene) -> None:
    show_curves(scene.rounds, scene.chosen, scene.view, scene.budget, scene.studies)
    show_purity(scene.rounds)


def _table(scene: _Scene) -> None:
    show_table(scene.rounds, scene.chosen, scene.view, scene.budget, scene.choices)
    show_comparison(scene.rounds, scene.chosen, scene.view)


def _timing(scene: _Scene) -> None:
    show_timing(scene.rounds, scene.chosen, scene.view, scene.choices)


def _heat(scene: _Scene) -> None:
    show_heat_map(scene.rounds, scene.chosen, scene.view, scene.budget, scene.choices)


def _pairwise(scene: _Scene) -> None:
    show_pairwise(scene.rounds, scene.view.metric, budget=scene.budget)


def _ranks(scene: _Scene) -> None:
    show_ranks(scene.rounds, scene.view.metric)


def _factors(scene: _Scene) -> None:
    show_factors(scene.rounds, scene.view.metric)


@dataclass(frozen=True)
class _Tab:
    """A tab: its title, what it shows, and what is said to be going on when that fails."""

    title: str
    show: Callable[[_Scene], None]
    doing: str


_TABS = {
    "curves": _Tab("Curves", _curves, "drawing the curves"),
    "table": _Tab("Table", _table, "computing the table"),
    "pairwise": _Tab("Pairwise", _pairwise, "comparing pairs"),
    "ranks": _Tab("Ranks", _ranks, "ranking the strategies"),
    "timing": _Tab("Timing", _timing, "comparing seconds"),
    "heat": _Tab("Heat map", _heat, "drawing the heat map"),
    "factors": _Tab("Factors", _factors, "splitting the variance"),
}
"""Word in the address -> tab."""
