"""Inspect, tab Picks: the samples of a query, and the ones that everybody or nobody bought."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from alscope.results.picks import picked_by_every, picked_by_none, picks_frame
from alscope.ui.figures import download_frame
from alscope.ui.inspect_choice import choose
from alscope.ui.inspect_data import (
    predictions_of,
    queries_of,
    samples_of,
    trial_of,
    with_origin,
)
from alscope.ui.inspect_tiles import class_name, show_tiles
from alscope.ui.text import count, plain

if TYPE_CHECKING:
    import pandas as pd

    from alscope.results.trial import Trial
    from alscope.ui.inspect_choice import Focus

__all__ = ["show_picks", "tell_absent"]

PAGE = 24
"""Tiles on a page."""

SETS = {
    "query": "This query",
    "all": "Everything bought so far",
    "every": "Picked by every strategy",
    "none": "Never picked by anyone",
}
SORTS = {
    "choice": ("the strategy's choice", ["round", "rank"], True),
    "score": ("score", ["score"], False),
    "confident": ("confidence, high first", ["confidence"], False),
    "doubt": ("confidence, low first", ["confidence"], True),
    "sample": ("number", ["sample"], True),
}
ANY = "any"


def tell_absent(reason: str) -> None:
    """Say why samples cannot be shown; what was recorded still is."""
    if reason:
        st.warning(
            f"The samples themselves cannot be shown: {plain(reason.rstrip('.'))}. Numbers and "
            "everything that was recorded are shown.",
            icon=":material/hide_image:",
        )


def show_picks(focus: Focus) -> None:
    """The samples that one or two strategies picked."""
    queries = queries_of(focus.trial)
    if not len(queries):
        st.info("Picks were not stored for this run.", icon=":material/inventory_2:")
        return
    trial, _ = trial_of(focus)
    first, second, third = st.columns(3)
    with first:
        which = choose("of", "Show", SETS, "query")
    with second:
        sort = choose("sort", "Sort by", {key: item[0] for key, item in SORTS.items()}, "choice")
    with third:
        kind = choose("class", "Class", _classes(focus, queries, trial), ANY)
    sides = focus.front if which in ("query", "all") else focus.front[:1]
    for place, side in zip(st.columns(len(sides)), sides, strict=True):
        with place:
            if len(sides) > 1:
                st.header(plain(side))
            _show_side(focus, side, which, sort, kind)


def _show_side(focus: Focus, side: str, which: str, sort: str, kind: str) -> None:
    trial, reason = trial_of(focus)
    samples, reason = samples_of(focus) if trial else (None, reason)
    picks = _picks(focus, side, which)
    if picks is None:
        return
    picks = with_origin(picks, focus)
    _, columns, ascending = SORTS[sort]
    picks = _of_class(picks, kind).sort_values(
        [*columns, "sample"], ascending=[ascending] * len(columns) + [True], kind="stable"
    )
    if not len(picks):
        st.info("No sample is in this selection.")
        return
    n_pages = -(-len(picks) // PAGE)
    page = 1
    if n_pages > 1:
        page = st.pagination(n_pages, key=f"inspect_page_{side}_{which}_{kind}")
    if side == focus.a:
        tell_absent(reason)
    shown = picks.iloc[(page - 1) * PAGE : page * PAGE]
    show_tiles(shown, trial=trial, samples=samples)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_caption(focus, side, which, picks), width="stretch")
        stem = f"picks-{side}-seed{focus.seed}-round{focus.round}"
        download_frame(picks, key=f"inspect_picks_{side}", stem=stem)


def _picks(focus: Focus, side: str, which: str) -> pd.DataFrame | None:
    """The samples of a set with answers and thoughts; None if it cannot be known (and why)."""
    queries = queries_of(focus.trial)
    own = queries[queries["strategy"] == side]
    predictions = predictions_of(focus.run_of(side), focus.round)
    if which == "query":
        chosen = own.loc[own["round"] == focus.round, "sample"].to_numpy()
        if predictions is None and chosen.size:
            st.info("Predictions were not stored for this run; classes and scores were.")
        return picks_frame(chosen, queries=own, predictions=predictions)
    if which == "all":
        return _all_picks(focus, side, own)
    if which == "every":
        chosen = picked_by_every(queries, focus.strategies, upto=focus.round)
        return picks_frame(chosen, queries=own, predictions=predictions)
    first = predictions_of(focus.run_of(side), 0)
    if first is None:
        st.info("Predictions were not stored for this run, so nobody knows who else was there.")
        return None
    if first["sample"].isin(own.loc[own["round"] == 0, "sample"]).all():
        st.info("This study was imported in its compact form, without those that nobody picked.")
        return None
    chosen = picked_by_none(queries, first["sample"].to_numpy(), upto=focus.round)
    return picks_frame(chosen, queries=own.iloc[:0], predictions=predictions)


def _all_picks(focus: Focus, side: str, own: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    parts = []
    for number in range(focus.round + 1):
        chosen = own.loc[own["round"] == number, "sample"].to_numpy()
        thought = predictions_of(focus.run_of(side), number)
        parts.append(picks_frame(chosen, queries=own, predictions=thought))
    return pd.concat(parts, ignore_index=True)


def _classes(focus: Focus, queries: pd.DataFrame, trial: Trial | None) -> dict[str, str]:
    names = trial.class_names if trial else ()
    labels = sorted(queries.loc[queries["known"], "label"].unique())
    titles = {ANY: "any"} | {str(label): class_name(label, names) for label in labels}
    if focus.is_open:
        titles["unknown"] = "unknown classes"
    return titles


def _of_class(picks: pd.DataFrame, kind: str) -> pd.DataFrame:
    if kind == ANY:
        return picks
    if kind == "unknown":
        return picks[~picks["known"] & (picks["round"] >= 0)]
    return picks[picks["label"] == int(kind)]


def _caption(focus: Focus, side: str, which: str, picks: pd.DataFrame) -> str:
    n = count(len(picks), "sample")
    until = f"by the end of round {focus.round}, seed {focus.seed}"
    if which == "every":
        return f"{n} that all {len(focus.strategies)} strategies had bought {until}."
    if which == "none":
        return f"{n} of the recorded candidates that nobody had bought {until}."
    said = picks[picks["predicted"] >= 0]
    right = int((said["predicted"] == said["label"]).sum())
    share = f" The model was right about {right} of {len(said)} before." if len(said) else ""
    when = f"in round {focus.round}" if which == "query" else until
    return f"{n} bought by {plain(side)} {when}.{share}"
