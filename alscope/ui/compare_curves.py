"""Compare, first tab: learning curves, and purity of open sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from alscope.charts.hover import BUDGET
from alscope.results.coverage import coverage
from alscope.results.curves import BANDS
from alscope.results.grids import common_budgets
from alscope.results.names import RANDOM
from alscope.ui import compare_data
from alscope.ui.compare_choice import AXES, View
from alscope.ui.figures import figure
from alscope.ui.state import Key
from alscope.ui.text import plain

if TYPE_CHECKING:
    import pandas as pd

    from alscope.engine.service import StudyStatus
    from alscope.ui.compare_data import Chosen

__all__ = ["show_curves", "show_purity"]

_MODE_TITLES = {"gain": "Gain over Random in {}", "rank": "Mean rank by {}"}


def show_curves(
    rounds: pd.DataFrame,
    chosen: Chosen,
    view: View,
    budget: int,
    studies: list[StudyStatus],
) -> None:
    """Mean curves with their bands, one figure per scenario or one for all of them."""
    if view.mode == "gain" and RANDOM not in chosen.strategies:
        st.info(
            "A gain needs Random among the strategies: add it on the left, or show the measure."
        )
        return
    _warn(rounds, view)
    data = compare_data.curves(chosen, view, rounds)
    if data.empty:
        st.info(_NOTHING[view.mode])
        return
    panels = sorted(data["scenario"].unique())
    columns = st.columns(2) if len(panels) > 1 else [st.container()]
    for place, scenario in enumerate(panels):
        part = rounds if view.pool else rounds[rounds["scenario"] == scenario]
        made_of = coverage(part, compare_data.planned_points(studies, part))
        with columns[place % len(columns)]:
            if len(panels) > 1:
                st.markdown(f"**{plain(scenario)}**")
            _figure(
                data[data["scenario"] == scenario],
                view,
                budget,
                f"{made_of}.",
                legend_columns=3 - len(columns),
            )


_NOTHING = {
    "absolute": "The measure is not defined at any evaluation.",
    "gain": "No seed of Random has an evaluation to hold others against.",
    "rank": "No seed has a value of every strategy at the same budget, so there are no ranks yet.",
}


def _figure(
    data: pd.DataFrame, view: View, budget: int, made_of: str, *, legend_columns: int
) -> None:
    from alscope.charts.curves import CurveLook, curve_chart
    from alscope.results.columns import METRICS

    column, x_title = AXES[view.x]
    title = _MODE_TITLES.get(view.mode, "{}").format(_lower(view))
    lowest = view.mode == "rank" or (
        view.mode == "absolute" and not METRICS[view.metric].higher_is_better
    )
    scenario = str(data["scenario"].iloc[0])
    look = CurveLook(
        log=view.log,
        best_is_low=lowest,
        turned=view.mode == "rank",
        budget=budget,
        pointing=True,
    )
    n_entries = data["label"].nunique()
    key = f"curves_{scenario}"
    figure(
        curve_chart(
            data,
            y_title=title,
            x=column,
            x_title=x_title,
            height=420 + 36 * n_entries // legend_columns,  # the legend takes its part
            look=look,
        ),
        data.reset_index(drop=True),
        key=key,
        alt=f"{title} over {x_title.lower()} on {scenario}: one line per strategy, mean over "
        f"{'seeds and scenarios' if view.pool else 'seeds'}; {BANDS[view.band]}. The numbers are "
        "in the file below.",
        stem=f"{scenario}-{view.metric}-{view.mode}-curves",
        caption=f"{made_of} {_band(data, view)}",
        on_select={BUDGET: lambda: _take_budget(key)},
        legend_columns=legend_columns,
    )


def _band(data: pd.DataFrame, view: View) -> str:
    """What the band is; that there is none where no point has several seeds."""
    if view.band != "seeds" and not data["low"].notna().any():
        return "No band."
    return f"Band: {BANDS[view.band]}."


def _take_budget(key: str) -> None:
    """Make a clicked budget the one at which everything is compared."""
    found = st.session_state[key]["selection"].get(BUDGET)
    if found:
        st.session_state[Key.BUDGET] = str(int(found[0]["n_annotated"]))


def _lower(view: View) -> str:
    """The measure's title, as it stands within a sentence."""
    title = view.measure
    if view.mode == "absolute" or title[:2].isupper():
        return title
    return title[0].lower() + title[1:]


def _warn(rounds: pd.DataFrame, view: View) -> None:
    """What a reader of the curves must know."""
    n_seeds = rounds.groupby(["scenario", "strategy"])["seed"].nunique()
    if n_seeds.max() == 1 and not view.pool and view.band not in ("none", "seeds"):
        st.info(
            "One seed has no spread, so there are no bands: a difference seen here may be luck. "
            "Add seeds to the study to see how much it varies.",
            icon=":material/casino:",
        )
    if view.pool and view.grid == "own" and _budgets_differ(rounds):
        n = len(common_budgets(rounds))
        st.warning(
            "The scenarios were evaluated at different budgets, so a step in a mean may come from "
            "a scenario that is missing there. Choose “Only budgets that all have” "
            f"({n} of them) or “All budgets, linear between evaluations” under Budgets.",
            icon=":material/rule:",
        )
    if view.x == "seconds" and rounds["contended"].any():
        share = rounds.drop_duplicates(["run_id", "round"])["contended"].mean()
        st.warning(
            f"{100 * share:.0f} % of the rounds were measured while other runs were active; their "
            "seconds are longer than alone.",
            icon=":material/timer:",
        )


def _budgets_differ(rounds: pd.DataFrame) -> bool:
    budgets = rounds.groupby("scenario")["n_annotated"].unique()
    return len({tuple(sorted(found)) for found in budgets}) > 1


def show_purity(rounds: pd.DataFrame) -> None:
    """Share of known samples in every query; of open sets only."""
    from alscope.charts.composition import purity_chart, purity_data

    rounds = rounds[rounds["setting"] == "open"]
    for scenario, part in rounds.groupby("scenario", sort=True):
        data = purity_data(part)
        st.subheader("Purity of the queries")
        figure(
            purity_chart(data, height=300 + 12 * part["strategy"].nunique()),
            data,
            key=f"purity_{scenario}",
            alt=f"Share of samples of known classes in each query on {scenario}, by strategy",
            stem=f"{scenario}-purity",
            caption=f"Share of known classes in each query on {plain(str(scenario))}, mean over "
            "seeds.",
        )
