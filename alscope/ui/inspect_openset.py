"""Inspect, tab Open set: what unknown classes cost, and whether the model saw them coming."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import streamlit as st

from alscope.results.openset import auroc, ood_histogram, openset_frame, tradeoff_frame
from alscope.ui.figures import figure
from alscope.ui.inspect_data import predictions_of, queries_of, trial_of
from alscope.ui.text import count, plain

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from alscope.ui.inspect_choice import Focus

__all__ = ["show_open_set"]

MEASURES = {
    "purity": ("Purity of the query", "Known share"),
    "recall": ("Recall of known samples", "Share of the pool's known"),
    "wasted": ("Wasted labels so far", "Labels"),
}


def show_open_set(focus: Focus) -> None:
    """Purity, recall, waste, and the OOD score of known and unknown candidates."""
    if not focus.is_open:
        st.info(
            "Every class of this scenario is known, so purity is 1 and nothing is wasted. Choose "
            "an open-set scenario above, or build one.",
            icon=":material/lock_open:",
        )
        return
    trial, _ = trial_of(focus)
    n_known = None
    if trial is not None:
        n_known = int((~trial.unknown(trial.scenario.split.pool)).sum())
    table = openset_frame(focus.trial, n_known_pool=n_known)
    places = [*st.columns(2), *st.columns(2)]
    for place, measure in zip(places, MEASURES, strict=False):
        with place:
            _show_measure(focus, table, measure)
    with places[-1]:
        _show_tradeoff(focus)
    for place, side in zip(st.columns(len(focus.front)), focus.front, strict=True):
        with place:
            _show_scores(focus, side)


def _show_measure(focus: Focus, table: pd.DataFrame, measure: str) -> None:
    from alscope.charts.rounds import round_chart, round_data

    title, axis = MEASURES[measure]
    st.header(title)
    data = round_data(table, measure)
    if not len(data):
        st.info("This needs the data set on this machine.")
        return
    figure(
        round_chart(
            data,
            measure,
            title=axis,
            front=focus.front,
            round=focus.round,
            zero=measure == "wasted",
        ),
        data,
        key=f"inspect_{measure}",
        alt=f"{title} over the rounds, by strategy",
        stem=f"{measure}-seed{focus.seed}",
        caption=f"Seed {focus.seed}.",
    )


def _show_tradeoff(focus: Focus) -> None:
    from alscope.charts.picked import tradeoff_chart

    st.header("Purity against accuracy")
    data = tradeoff_frame(focus.every_round)
    if not len(data):
        st.info("This needs a run that spent its whole budget.")
        return
    figure(
        tradeoff_chart(data, front=focus.front, height=340),
        data,
        key="inspect_tradeoff",
        alt="Known share of everything bought against final accuracy, one point per strategy",
        stem="purity-accuracy",
        caption="Means over seeds of complete runs. Pure queries need not be the useful ones.",
    )


def _show_scores(focus: Focus, side: str) -> None:
    from alscope.charts.picked import ood_chart

    st.header(f"OOD score: {plain(side)}, round {focus.round}")
    predictions = predictions_of(focus.run_of(side), focus.round)
    if predictions is None:
        st.info("Predictions were not stored for this run.", icon=":material/inventory_2:")
        return
    scores, unknown, source = _kinds(focus, side, predictions)
    data = ood_histogram(scores, unknown)
    value = auroc(scores, unknown)
    told = "" if math.isnan(value) else f" AUROC {value:.3f} (0.5: no better than chance)."
    figure(
        ood_chart(data),
        data,
        key=f"inspect_ood_{side}",
        alt="Distribution of the OOD score, one minus the largest class probability, over "
        f"candidates of known and of unknown classes, {side}, round {focus.round}",
        stem=f"ood-score-{side}-seed{focus.seed}-round{focus.round}",
        caption=f"{count(scores.size, 'candidate')} {source}.{told} The score is one minus the "
        "largest class probability of the target model, whatever the strategy goes by.",
    )


def _kinds(
    focus: Focus, side: str, predictions: pd.DataFrame
) -> tuple[NDArray[np.float64], NDArray[np.bool_], str]:
    """Scores, whether each sample is of an unknown class, and how that is known."""
    trial, _ = trial_of(focus)
    if trial is not None:
        samples = predictions["sample"].to_numpy()
        return predictions["ood_score"].to_numpy(), trial.unknown(samples), "with their true kind"
    queries = queries_of(focus.trial)
    asked = queries[(queries["strategy"] == side) & (queries["round"] >= focus.round)]
    seen = predictions.merge(asked[["sample", "known"]], on="sample")
    return (
        seen["ood_score"].to_numpy(),
        ~seen["known"].to_numpy(dtype=bool),
        "that were annotated later; of others the kind is not known on this machine",
    )
