"""Inspect, tab Balance: classes of what was bought against the pool, and over the rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from alscope.results.balance import balance_frame, shares_frame
from alscope.ui.figures import figure
from alscope.ui.inspect_data import classes_of, trial_of
from alscope.ui.text import number, plain

if TYPE_CHECKING:
    import pandas as pd

    from alscope.results.trial import Trial
    from alscope.ui.inspect_choice import Focus

__all__ = ["show_balance"]

SHOWN_CLASSES = 30
"""Classes in one chart; of more, those whose shares differ most from the pool."""


def show_balance(focus: Focus) -> None:
    """Classes of the query against the pool; imbalance and the worst class over the rounds."""
    trial, reason = trial_of(focus)
    if trial is None:
        st.warning(
            f"The pool's classes are not known here: {plain(reason)}. What was bought is shown "
            "without them.",
            icon=":material/database_off:",
        )
    for place, side in zip(st.columns(len(focus.front)), focus.front, strict=True):
        with place:
            _show_shares(focus, side, trial)
    every_round = focus.every_round
    table = balance_frame(classes_of(every_round[every_round["seed"] == focus.seed]))
    first, second = st.columns(2)
    with first:
        _show_ratio(focus, table)
    with second:
        _show_worst(focus, table)


def _show_shares(focus: Focus, side: str, trial: Trial | None) -> None:
    from alscope.charts.picked import shares_chart

    st.header(f"Classes bought by {plain(side)} in round {focus.round}")
    classes = classes_of(focus.trial)
    data = shares_frame(
        classes[classes["strategy"] == side],
        round=focus.round,
        class_names=trial.class_names if trial else (),
        pool_counts=trial.pool_counts() if trial else None,
    )
    if not len(data):
        st.info("Nothing of a known class was bought in this round.")
        return
    shown = _most_different(data)
    figure(
        shares_chart(shown),
        shown,
        key=f"inspect_shares_{side}",
        alt=f"Share of every known class in the pool, in the query of round {focus.round} by "
        f"{side}, and in its labeled set",
        stem=f"classes-{side}-seed{focus.seed}-round{focus.round}",
        caption=f"Known classes only; seed {focus.seed}."
        + ("" if len(shown) == len(data) else f" The {SHOWN_CLASSES} most uneven of all classes."),
    )


def _most_different(data: pd.DataFrame) -> pd.DataFrame:
    if data["class_index"].nunique() <= SHOWN_CLASSES:
        return data
    spread = data.groupby("class_index")["share"].agg(lambda item: item.max() - item.min())
    kept = spread.sort_values(ascending=False, kind="stable").index[:SHOWN_CLASSES]
    return data[data["class_index"].isin(kept)]


def _show_ratio(focus: Focus, table: pd.DataFrame) -> None:
    from alscope.charts.rounds import round_chart, round_data

    st.header("Imbalance of the labeled set")
    data = round_data(table, "imbalance_ratio")
    missing = table[table["strategy"].isin(focus.front) & (table["round"] == focus.round)]
    absent = "; ".join(
        f"{plain(row['strategy'])} has no sample of {row['n_missing']} classes"
        for row in missing.to_dict("records")
        if row["n_missing"]
    )
    if not len(data):
        st.info("Some class has no labeled sample in every round, so there is no ratio.")
        return
    figure(
        round_chart(
            data,
            "imbalance_ratio",
            title="Largest / smallest",
            front=focus.front,
            round=focus.round,
        ),
        data,
        key="inspect_ratio",
        alt="Largest divided by smallest class of the labeled set over the rounds, by strategy",
        stem=f"imbalance-seed{focus.seed}",
        caption="No point where a class has no labeled sample." + (f" {absent}." if absent else ""),
    )


def _show_worst(focus: Focus, table: pd.DataFrame) -> None:
    from alscope.charts.rounds import round_chart, round_data

    st.header("Recall of the worst class")
    data = round_data(table, "worst_recall")
    if not len(data):
        st.info("No class was tested.")
        return
    now = table[(table["strategy"] == focus.a) & (table["round"] == focus.round)]
    said = f" {plain(focus.a)}: {number(now['worst_recall'].iloc[0])}." if len(now) else ""
    figure(
        round_chart(
            data, "worst_recall", title="Worst test recall", front=focus.front, round=focus.round
        ),
        data,
        key="inspect_worst",
        alt="Smallest test recall of a class over the rounds, by strategy",
        stem=f"worst-recall-seed{focus.seed}",
        caption=f"Before the query of the round.{said}",
    )
