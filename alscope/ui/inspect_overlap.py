"""Inspect, tab Overlap: do strategies buy the same samples?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import streamlit as st

from alscope.results.overlap import BETWEEN_SEEDS, chance_overlap, overlap_frame, overlap_rounds
from alscope.ui.figures import figure
from alscope.ui.inspect_choice import choose
from alscope.ui.inspect_data import queries_of
from alscope.ui.text import count, plain

if TYPE_CHECKING:
    from alscope.ui.inspect_choice import Focus

__all__ = ["show_overlap"]

SPANS = {"so_far": "everything bought so far", "query": "this query alone"}


def show_overlap(focus: Focus) -> None:
    """Jaccard indices between strategies, and over the rounds against strategy A."""
    from alscope.charts.picked import overlap_chart

    queries = queries_of(focus.rounds)
    if not len(queries):
        st.info("Picks were not stored for this study.", icon=":material/inventory_2:")
        return
    if len(focus.strategies) < 2 and focus.rounds["seed"].nunique() < 2:
        st.info("Overlap needs two strategies or two seeds; this study has one of each.")
        return
    only = choose("span", "Compare", SPANS, "so_far") == "query"
    data = overlap_frame(queries, upto=focus.round, only=only)
    if len(data):
        figure(
            overlap_chart(data, front=focus.front),
            data,
            key="inspect_overlap",
            alt="Matrix of the mean Jaccard index between the sets that strategies bought; the "
            "diagonal compares seeds of one strategy",
            stem=f"overlap-round{focus.round}",
            caption=_caption(focus, only=only),
        )
    _show_rounds(focus, only=only)


def _caption(focus: Focus, *, only: bool) -> str:
    rows = focus.rounds[focus.rounds["round"] == focus.round]
    asked = focus.rounds[focus.rounds["round"] <= focus.round]
    size = int(rows["query_size"].max())
    if not only:
        size = int(asked.groupby("run_id")["query_size"].sum().max())
    n_pool = int(focus.rounds.loc[focus.rounds["round"] == 0, "n_pool"].max())
    chance = chance_overlap(size, n_pool)
    told = "" if math.isnan(chance) else f" Two random sets of {size:,} would share {chance:.2f}."
    return (
        f"Shared / united samples, mean over {count(focus.rounds['seed'].nunique(), 'seed')} up to "
        f"round {focus.round}. Outlined: the same strategy on other seeds, the reference for "
        f"chance of the start.{told}"
    )


def _show_rounds(focus: Focus, *, only: bool) -> None:
    from alscope.charts.rounds import round_chart, round_data

    st.header(f"Overlap with {plain(focus.a)} over the rounds")
    data = round_data(overlap_rounds(queries_of(focus.rounds), focus.a, only=only), "jaccard")
    if not len(data):
        st.info("No other strategy has a run with the same seed.")
        return
    others = [focus.b] if focus.b else focus.strategies
    figure(
        round_chart(
            data,
            "jaccard",
            title="Jaccard index",
            front=others,
            reference=BETWEEN_SEEDS if (data["strategy"] == BETWEEN_SEEDS).any() else "",
            round=focus.round,
            zero=True,
        ),
        data,
        key="inspect_overlap_rounds",
        alt=f"Mean Jaccard index of every strategy with {focus.a} over the rounds",
        stem=f"overlap-with-{focus.a}",
        caption=f"Mean over the seeds that both have. “{BETWEEN_SEEDS}”: {plain(focus.a)} against "
        "itself, started from other initial sets.",
    )
