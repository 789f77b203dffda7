"""What Compare shows: the choices, all of them in the address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from alscope.errors import nearest
from alscope.results.columns import METRICS
from alscope.results.curves import BANDS
from alscope.ui import nav
from alscope.ui.notices import tell_unknown
from alscope.ui.results import rounds_of
from alscope.ui.state import Key
from alscope.ui.text import plain
from alscope.ui.urlstate import publish, restore, restore_one

if TYPE_CHECKING:
    import pandas as pd

    from alscope.engine.service import StudyStatus

__all__ = ["AXES", "AXIS_TITLES", "View", "choose_rounds", "choose_view"]

AXES = {"labels": "n_annotated", "known": "n_labeled"}
"""Word in the address -> column of the rounds frame."""

AXIS_TITLES = {"n_annotated": "Annotated samples", "n_labeled": "Labels of known classes"}
"""Column of the rounds frame -> title of the axis."""


@dataclass(frozen=True)
class View:
    """How results are shown.

    Attributes:
        scenario: Title of the scenario.
        strategies: Titles.
        metric: One of `METRICS`.
        x: Column for the horizontal axis.
        band: One of `BANDS`.
    """

    scenario: str
    strategies: tuple[str, ...]
    metric: str
    x: str
    band: str


def choose_rounds(studies: tuple[StudyStatus, ...]) -> tuple[list[StudyStatus], pd.DataFrame]:
    """Let the user choose studies; returns them and their recorded rounds."""
    by_id = {study.study_id: study for study in studies}
    unknown = restore(Key.EXP, list(by_id), [next(iter(by_id))])
    tell_unknown(unknown, "study", list(by_id))
    for guess in filter(None, (nearest(value[:80], by_id) for value in unknown[:3])):
        nav.link("compare", f"Open {plain(guess)}", exp=guess)
    chosen = st.multiselect(
        "Studies",
        list(by_id),
        key=Key.EXP,
        format_func=lambda item: f"{by_id[item].name} ({item})",
        placeholder="Choose one or more studies",
    )
    publish(Key.EXP, chosen)
    found = [by_id[item] for item in chosen]
    return found, rounds_of(found)


def choose_view(rounds: pd.DataFrame) -> View:
    """Let the user choose scenario, strategies, measure, axis and band."""
    first, second, third, fourth = st.columns([3, 3, 3, 4])
    with first:
        scenarios = sorted(rounds["scenario"].unique())
        scenario = _one(Key.SCENARIO, "Scenario", {name: name for name in scenarios})
    shown = rounds[rounds["scenario"] == scenario]
    with second:
        metric = _one(Key.METRIC, "Measure", {key: item.title for key, item in METRICS.items()})
    with third:
        is_open = (shown["setting"] == "open").any()
        axes = {word: AXIS_TITLES[AXES[word]] for word in (AXES if is_open else ("labels",))}
        axis = _one(Key.X, "Horizontal axis", axes)
    with fourth:
        band = _one(Key.BAND, "Band", {key: title.capitalize() for key, title in BANDS.items()})
    strategies = _strategies(sorted(shown["strategy"].unique()))
    return View(scenario, tuple(strategies), metric, AXES[axis], band)


def _strategies(names: list[str]) -> list[str]:
    tell_unknown(restore(Key.STRATEGY, names, names), "strategy", names)
    chosen = st.multiselect(
        "Strategies", names, key=Key.STRATEGY, placeholder="Choose one or more strategies"
    )
    publish(Key.STRATEGY, chosen)
    return chosen


def _one(key: Key, label: str, titles: dict[str, str]) -> str:
    options = list(titles)
    tell_unknown(restore_one(key, options, options[0]), label.lower(), options)
    chosen = st.selectbox(label, options, key=key, format_func=lambda item: titles[item])
    publish(key, [chosen])
    return chosen
