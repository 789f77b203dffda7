"""Inspect, tab Point: one sample through the rounds of every strategy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from alscope.results.picks import picks_frame
from alscope.results.predictions import life_frame
from alscope.ui import service
from alscope.ui.figures import figure
from alscope.ui.inspect_choice import key_of
from alscope.ui.inspect_data import predictions_of, queries_of, samples_of, trial_of
from alscope.ui.inspect_tiles import class_name, show_tiles
from alscope.ui.notices import tell_unknown
from alscope.ui.text import number, percent, plain
from alscope.ui.urlstate import publish

if TYPE_CHECKING:
    import pandas as pd

    from alscope.results.trial import Trial
    from alscope.ui.inspect_choice import Focus

__all__ = ["show_point"]


def show_point(focus: Focus) -> None:
    """What the model thought of one sample before every query, and who picked it when."""
    queries = queries_of(focus.trial)
    if not len(queries):
        st.info("Picks were not stored for this run.", icon=":material/inventory_2:")
        return
    sample = _choose_sample(focus, queries)
    trial, reason = trial_of(focus)
    samples, reason = samples_of(focus) if trial else (None, reason)
    if trial is not None and sample >= trial.scenario.labels.size:
        st.info(f"The training part has {trial.scenario.labels.size:,} samples, numbered from 0.")
        return
    left, right = st.columns([1, 4])
    with left:
        own = queries[queries["strategy"] == focus.a]
        thought = predictions_of(focus.run_of(focus.a), focus.round)
        row = picks_frame(np.array([sample]), queries=own, predictions=thought)
        show_tiles(row, trial=trial, samples=samples)
        if reason:
            st.caption(f"It cannot be shown: {plain(reason.rstrip('.'))}.")
    with right:
        _show_life(focus, queries, trial, sample)


def _choose_sample(focus: Focus, queries: pd.DataFrame) -> int:
    """The sample of the address, else the first choice of strategy A."""
    key = key_of("sample")
    own = queries[(queries["strategy"] == focus.a) & (queries["round"] == focus.round)]
    default = int((own if len(own) else queries)["sample"].iloc[0])
    asked = st.query_params.get("sample")
    if asked is not None and not (asked.isdecimal() and len(asked) < 10):
        tell_unknown([asked], "sample", [])
        asked = None
    written = st.session_state.get(f"url_{key}")
    if key not in st.session_state or (asked is not None and [asked] != written):
        st.session_state[key] = int(asked) if asked is not None else default
    sample = st.number_input("Sample", min_value=0, step=1, key=key, width=220)
    publish(key, [str(sample)], param="sample")
    return int(sample)


def _show_life(focus: Focus, queries: pd.DataFrame, trial: Trial | None, sample: int) -> None:
    runs = [focus.run_of(strategy) for strategy in focus.strategies]
    life = life_frame(service.get_service().runs, filter(None, runs), sample)
    bought = queries[queries["sample"] == sample]
    if len(life):
        _show_confidence(focus, life)
    elif not len(bought):
        st.info(
            "No query of this trial recorded this sample: it was labeled from the start, is not "
            "part of the pool, or predictions were not stored for these runs."
        )
        return
    rows = [_row(strategy, life, bought, trial, focus) for strategy in focus.strategies]
    st.table(
        rows,
        hide_index=True,
        border="horizontal",
        alt=f"Sample {sample} by strategy: when it was picked, and what the model said in round "
        f"{focus.round}",
    )
    st.caption(
        "The model of every strategy before the query. Place: by the strategy's own score among "
        "all candidates, 1 is the first; strategies that weigh whole batches have none."
    )


def _show_confidence(focus: Focus, life: pd.DataFrame) -> None:
    from alscope.charts.rounds import round_chart, round_data

    data = round_data(life, "confidence")
    if not len(data):
        st.info("The models gave no finite confidence.")
        return
    figure(
        round_chart(
            data,
            "confidence",
            title="Confidence",
            front=focus.front,
            round=focus.round,
        ),
        data,
        key="inspect_life",
        alt="Confidence of the model's prediction for this sample before every query, by strategy",
        stem=f"sample-{int(life['sample'].iloc[0])}-seed{focus.seed}",
        caption="A line ends with the query that bought the sample.",
    )


def _row(
    strategy: str, life: pd.DataFrame, bought: pd.DataFrame, trial: Trial | None, focus: Focus
) -> dict[str, Any]:
    names = trial.class_names if trial else ()
    own = life[(life["strategy"] == strategy) & (life["round"] == focus.round)]
    picked = bought[bought["strategy"] == strategy]
    row = own.iloc[0] if len(own) else None
    when = "not picked"
    if len(picked):
        when = f"round {picked['round'].iloc[0]}, choice {picked['rank'].iloc[0] + 1}"
    place = "" if row is None or math.isnan(row["place"]) else f"{number(row['place'] + 1)}"
    return {
        "Strategy": f"**{plain(strategy)}**" if strategy in focus.front else plain(strategy),
        "Picked": when,
        "Says": "" if row is None else plain(class_name(int(row["predicted"]), names)),
        "Confidence": "" if row is None else percent(float(row["confidence"])),
        "Place": place,
    }
