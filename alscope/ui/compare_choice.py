"""What Compare shows: the choices, all of them in the address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from alscope.results.columns import METRICS
from alscope.results.curves import BANDS
from alscope.results.grids import GRIDS, common_budgets
from alscope.results.names import RANDOM
from alscope.results.values import MODES
from alscope.ui.choices import Choices
from alscope.ui.state import Key
from alscope.ui.text import number

if TYPE_CHECKING:
    import pandas as pd

    from alscope.engine.service import StudyStatus

__all__ = [
    "AXES",
    "MAX_COLORS",
    "View",
    "choose_budget",
    "choose_runs",
    "choose_seeds",
    "choose_studies",
    "choose_view",
]

AXES = {
    "labels": ("n_annotated", "Annotated samples"),
    "known": ("n_labeled", "Labels of known classes"),
    "seconds": ("spent_s", "Seconds of training and selection, as if alone"),
}
"""Word in the address -> column and title of the horizontal axis."""

MAX_COLORS = 8
"""Lines with colours of their own; more cannot be told apart."""

_SETTINGS = {"closed": "Closed set", "imbalanced": "Closed, imbalanced", "open": "Open set"}
_MODES = {"absolute": "Measure", "gain": "Gain over Random", "rank": "Rank"}


@dataclass(frozen=True)
class View:
    """How results are shown.

    Attributes:
        metric: One of `METRICS`.
        mode: One of `MODES`.
        x: Word for the horizontal axis, one of `AXES`.
        log: Logarithmic horizontal axis.
        band: One of `BANDS`.
        pool: All scenarios in one panel, averaged.
        grid: One of `GRIDS`.
        highlighted: Strategies with colours of their own; None: all.
    """

    metric: str
    mode: str
    x: str
    log: bool
    band: str
    pool: bool
    grid: str
    highlighted: tuple[str, ...] | None

    @property
    def measure(self) -> str:
        """Title of the measure."""
        return METRICS[self.metric].title

    @property
    def interpolate(self) -> bool:
        """Whether values between evaluations are read off the straight line."""
        return self.grid == "interpolate"


def choose_studies(choices: Choices, studies: Sequence[StudyStatus]) -> list[StudyStatus]:
    """Let the user choose studies; the newest to begin with."""
    by_id = {study.study_id: study for study in studies}
    titles = {key: f"{study.name} ({key})" for key, study in by_id.items()}
    chosen = choices.several(Key.EXP, "Studies", titles, default=list(titles)[:1], noun="study")
    return [by_id[key] for key in chosen]


def choose_runs(choices: Choices, rounds: pd.DataFrame) -> pd.DataFrame:
    """Let the user choose scenarios, strategies and seeds; returns their rounds."""
    kinds = _kinds(rounds)
    present = {word: title for word, title in _SETTINGS.items() if (kinds == word).any()}
    if len(present) > 1:
        wanted = choices.several(Key.KIND, "Settings", present, noun="setting")
        rounds = rounds[kinds.isin(wanted)]
    names = sorted(rounds["scenario"].unique())
    wanted = choices.several(Key.SCENARIO, "Scenarios", _same(names), noun="scenario")
    rounds = rounds[rounds["scenario"].isin(wanted)]
    names = sorted(rounds["strategy"].unique())
    wanted = choices.several(Key.STRATEGY, "Strategies", _same(names), noun="strategy")
    return rounds[rounds["strategy"].isin(wanted)]


def choose_seeds(choices: Choices, rounds: pd.DataFrame) -> pd.DataFrame:
    """Let the user choose seeds; returns their rounds."""
    seeds = [str(seed) for seed in sorted(rounds["seed"].unique())]
    wanted = choices.several(Key.SEED, "Seeds", _same(seeds), noun="seed")
    return rounds[rounds["seed"].astype("str").isin(wanted)]


def choose_view(choices: Choices, rounds: pd.DataFrame) -> View:
    """Let the user choose how results are shown."""
    metric = choices.one(Key.METRIC, "Measure", {key: m.title for key, m in METRICS.items()})
    mode = choices.one(
        Key.MODE,
        "Curves show",
        _MODES,
        help="; ".join(f"{_MODES[key]}: {text}" for key, text in MODES.items()) + ".",
    )
    is_open = (rounds["setting"] == "open").any()
    axes = {word: title for word, (_, title) in AXES.items() if word != "known" or is_open}
    if is_open:
        axes["labels"] = "Annotated samples, unknown classes included"
    highlighted = _highlighted(choices, rounds, metric)
    with st.expander("Axis, band, panels"):
        x = choices.one(Key.X, "Horizontal axis", axes)
        scale = choices.one(
            Key.SCALE, "Scale", {"linear": "Linear", "log": "Logarithmic"}, widget="buttons"
        )
        bands = {key: text[:1].upper() + text[1:] for key, text in BANDS.items()}
        band = choices.one(Key.BAND, "Band", bands)
        pool, grid = _together(choices, rounds)
    return View(metric, mode, x, scale == "log", band, pool, grid, highlighted)


def choose_budget(choices: Choices, rounds: pd.DataFrame) -> int:
    """Let the user choose the budget at which everything is compared."""
    budgets = [int(budget) for budget in sorted(rounds["n_annotated"].unique())]
    shared = common_budgets(rounds)
    chosen = choices.one(
        Key.BUDGET,
        "Budget at which everything is compared (a click on a curve sets it too)",
        {str(budget): f"{budget:,}" for budget in budgets},
        default=str(shared[-1] if shared else budgets[-1]),
        widget="slider",
        noun="budget",
    )
    return int(chosen)


def _together(choices: Choices, rounds: pd.DataFrame) -> tuple[bool, str]:
    """Whether scenarios are averaged, and on which budgets."""
    if rounds["scenario"].nunique() < 2:
        return False, "own"
    panels = {"scenario": "One panel per scenario", "none": "All scenarios together"}
    pool = choices.one(Key.PANELS, "Panels", panels) == "none"
    grid = choices.one(
        Key.GRID, "Budgets", {key: text[:1].upper() + text[1:] for key, text in GRIDS.items()}
    )
    return pool, grid


def _highlighted(choices: Choices, rounds: pd.DataFrame, metric: str) -> tuple[str, ...] | None:
    names = sorted(rounds["strategy"].unique())
    if len(names) <= MAX_COLORS:
        return None
    means = rounds.groupby("strategy")[metric].mean()
    order = means.sort_values(ascending=not METRICS[metric].higher_is_better).index
    best = [name for name in order if name != RANDOM]
    default = sorted([RANDOM, *best[: MAX_COLORS - 1]] if RANDOM in names else best[:MAX_COLORS])
    chosen = choices.several(
        Key.HIGHLIGHT,
        "In colour",
        _same(names),
        default=default,
        most=MAX_COLORS,
        noun="strategy in colour",
        help=f"{number(len(names))} lines cannot be told apart; the others are grey.",
    )
    return tuple(chosen)


def _kinds(rounds: pd.DataFrame) -> pd.Series[str]:
    imbalanced = (rounds["setting"] == "closed") & (rounds["imbalance_ratio"] > 1)
    return rounds["setting"].mask(imbalanced, "imbalanced")


def _same(names: Sequence[str]) -> dict[str, str]:
    return {name: name for name in names}
