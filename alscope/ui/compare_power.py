"""Compare: how many seeds a difference needs, and a button that adds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from alscope.engine.access import Action
from alscope.results.columns import METRICS
from alscope.results.power import MAX_SEEDS, Hint, power_hint, spreads
from alscope.results.tables import RANDOM
from alscope.ui import nav, service
from alscope.ui.access import refusal
from alscope.ui.figures import download_frame
from alscope.ui.notices import flash, guarded
from alscope.ui.state import Key
from alscope.ui.text import count, plain

if TYPE_CHECKING:
    import pandas as pd

    from alscope.engine.service import StudyStatus

__all__ = ["show_power"]

_MOST = 50
"""Seeds that one press of the button adds at most."""


def show_power(rounds: pd.DataFrame, metric: str, studies: list[StudyStatus]) -> None:
    """Seeds for a gap at the present spread, and a button that adds them.

    Args:
        rounds: From `rounds_frame`, of the chosen scenarios, strategies and seeds.
        metric: One of `METRICS`.
        studies: The studies that the rounds come from.
    """
    names = sorted(rounds["strategy"].unique())
    baseline = RANDOM if RANDOM in names else names[0] if names else ""
    table = spreads(rounds, metric, baseline=baseline)
    if not len(table):
        st.info(
            "How many seeds a difference needs can be said once two strategies have complete runs "
            "with two common seeds."
        )
    else:
        _show_hint(table, metric, baseline)
    if studies:
        _show_button(table, studies)


def _show_hint(table: pd.DataFrame, metric: str, baseline: str) -> None:
    shares = METRICS[metric].title.lower()
    gap = st.slider(
        f"Difference in area ({shares}) that matters to you",
        min_value=0.001,
        max_value=0.1,
        value=0.01,
        step=0.001,
        format="%.3f",
        key=Key.GAP,
        help="Area under the budget curve is the mean height of the curve; 0.01 of accuracy is one "
        "percentage point on average over all budgets.",
    )
    hint = power_hint(table, gap)
    seeds = int(table["n"].max())
    st.markdown(
        f"With the present spread, a gap of {gap:.3f} needs about **{_seeds(hint.n)}** for 80 % "
        f"power; you have {count(seeds, 'seed')}."
    )
    st.caption(_details(hint, table, baseline))
    with st.expander("Spread of every comparison"):
        st.dataframe(
            table,
            hide_index=True,
            alt="Standard deviation of the paired differences in area, by scenario and strategy",
        )
        download_frame(table, key="spreads", stem=f"spread-{metric}")


def _details(hint: Hint, table: pd.DataFrame, baseline: str) -> str:
    several = (
        f" With Holm over {count(hint.n_comparisons, 'comparison')}: up to "
        f"{_seeds(hint.n_corrected)}."
        if hint.n_comparisons > 1
        else ""
    )
    return (
        f"Paired two-sided t-test at 0.05 against {plain(baseline)}; the differences with the same "
        f"seed have a standard deviation of {hint.std:.4f} (pooled over "
        f"{count(len(table), 'comparison')}). Few seeds say little about a spread: between "
        f"{_seeds(hint.n_low)} and {_seeds(hint.n_high)} are compatible with it.{several} The "
        f"sign-flip test needs {hint.n_sign_flip} seeds to reach 0.05 at all."
    )


def _seeds(n: int) -> str:
    return f"{MAX_SEEDS:,} seeds or more" if n >= MAX_SEEDS else count(n, "seed")


def _show_button(table: pd.DataFrame, studies: list[StudyStatus]) -> None:
    by_id = {study.study_id: study for study in studies}
    wanted = power_hint(table, st.session_state[Key.GAP]).n if len(table) else 6
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = next(iter(by_id))
        if len(by_id) > 1:
            chosen = st.selectbox(
                "Study",
                list(by_id),
                key=Key.MORE_SEEDS_STUDY,
                format_func=lambda item: by_id[item].name,
            )
        study = by_id[chosen]
        missing = wanted - len(study.config.seeds)
        number = st.number_input(
            "Seeds to add",
            min_value=1,
            max_value=_MOST,
            value=min(max(missing, 1), _MOST),
            key=f"{Key.MORE_SEEDS}_{chosen}_{missing}",  # a new gap suggests a new number
            width=140,
        )
        reason = refusal(Action.START)
        pressed = st.button(
            f"Add {count(int(number), 'seed')}",
            icon=":material/playlist_add:",
            disabled=bool(reason),
            help=plain(reason) or None,
        )
    n_runs = len(study.config.runs()) // max(len(study.config.seeds), 1) * int(number)
    st.caption(
        f"Makes a study like {plain(study.name)} with more seeds: {count(n_runs, 'new run')}. Runs "
        "that exist are not repeated."
    )
    if pressed:
        with guarded("adding seeds"):
            larger = service.get_service().add_seeds(chosen, int(number))
            flash(f"Added {count(int(number), 'seed')}: {count(n_runs, 'new run')}.")
            nav.go("monitor", exp=larger)
