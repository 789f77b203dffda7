"""Inspect, tab Map: all samples in a plane, what A and B picked, and a box that shows samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from alscope.results.picks import first_pickers, picks_frame
from alscope.results.projection import METHODS, N_FITTED, density_frame, has_umap
from alscope.ui.figures import download_frame
from alscope.ui.inspect_choice import choose
from alscope.ui.inspect_data import plane_of, predictions_of, queries_of, samples_of, trial_of
from alscope.ui.inspect_tiles import show_tiles
from alscope.ui.text import count, plain

if TYPE_CHECKING:
    import pandas as pd

    from alscope.results.trial import Samples, Trial
    from alscope.ui.inspect_choice import Focus

__all__ = ["show_map"]

COLORS = {"class": "true class", "round": "round picked by A", "first": "first picker"}
BOXED = 24
"""Samples of the box that are shown."""


def show_map(focus: Focus) -> None:
    """The plane and the samples in the box."""
    trial, reason = trial_of(focus)
    samples, reason = samples_of(focus) if trial else (None, reason)
    if trial is None or samples is None:
        st.info(
            f"The map is drawn from the samples themselves: {plain(reason.rstrip('.'))}.",
            icon=":material/map:",
        )
        return
    first, second = st.columns(2)
    with first:
        methods = {key: title for key, title in METHODS.items() if key == "pca" or has_umap()}
        hint = "" if has_umap() else "UMAP is offered when umap-learn is installed"
        method = choose("proj", "Projection", methods, "pca", hint=hint)
    with second:
        color = choose("color", "Color", COLORS, "class")
    plane = plane_of(samples, trial, method)
    points = _points(focus, trial, plane, color)
    left, right = st.columns([3, 2])
    with left:
        box = _draw(focus, samples, points, color)
    with right:
        _show_box(focus, trial, samples, points, box)


def _points(focus: Focus, trial: Trial, plane: Any, color: str) -> pd.DataFrame:
    """x, y, sample and what the colour says, one row per sample."""
    import pandas as pd

    from alscope.charts.plane import NOT_PICKED

    rows = trial.rows
    points = pd.DataFrame({"x": plane[:, 0], "y": plane[:, 1], "sample": rows})
    if color == "class":
        return points.assign(group=trial.true_names(rows))
    queries = queries_of(focus.trial)
    if color == "round":
        own = queries[(queries["strategy"] == focus.a) & (queries["round"] <= focus.round)]
        named = own.assign(group=[f"round {number}" for number in own["round"]])
    else:
        named = first_pickers(queries, upto=focus.round).rename(columns={"strategy": "group"})
    points = points.merge(named[["sample", "group"]], on="sample", how="left")
    return points.assign(group=points["group"].fillna(NOT_PICKED))


def _picked(focus: Focus, points: pd.DataFrame) -> pd.DataFrame:
    """What A and B picked until now: x, y, sample, who, round."""
    import pandas as pd

    queries = queries_of(focus.trial)
    until = queries[queries["round"] <= focus.round]
    sets = [until[until["strategy"] == side].set_index("sample")["round"] for side in focus.front]
    a, b = sets[0], sets[1] if len(sets) > 1 else sets[0].iloc[:0]
    parts = (
        ("A only", a[~a.index.isin(b.index)]),
        ("B only", b[~b.index.isin(a.index)]),
        ("both", a[a.index.isin(b.index)]),
    )
    frame = pd.concat(
        [
            pd.DataFrame({"sample": rows.index, "round": rows.to_numpy(), "who": who})
            for who, rows in parts
        ],
        ignore_index=True,
    )
    return points[["x", "y", "sample"]].merge(frame, on="sample")


def _draw(focus: Focus, samples: Samples, points: pd.DataFrame, color: str) -> Any:
    from alscope.charts.plane import map_chart

    dense = len(points) > N_FITTED
    picked = _picked(focus, points)
    both = "both" if focus.b else focus.a
    titles = {"A only": focus.a if not focus.b else f"{focus.a} only", "both": both}
    titles["B only"] = f"{focus.b} only"
    ground = density_frame(points[["x", "y"]].to_numpy()) if dense else points
    chart = map_chart(
        ground,
        picked,
        coloring="first picker" if color == "first" else color,
        density=dense,
        titles=titles,
    )
    box = st.altair_chart(
        chart,
        key="inspect_map",
        on_select="rerun",
        selection_mode="brush",
        alt=f"Map of {len(points)} samples; rings mark what {' and '.join(focus.front)} picked. "
        "Drag a box to see the samples in it.",
    )
    what = {"image": "pixels", "text": "weighted words"}.get(samples.modality, "features")
    drawn = "density of all, picked ones as rings" if dense else "every one a point"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"{count(len(points), 'sample')} by their {what}, {drawn}; picked until round "
            f"{focus.round}, seed {focus.seed}. Drag a box to see the samples in it.",
            width="stretch",
        )
        download_frame(points, key="inspect_map", stem=f"map-seed{focus.seed}")
    return box


def _show_box(focus: Focus, trial: Trial, samples: Samples, points: pd.DataFrame, box: Any) -> None:
    from alscope.charts.plane import BRUSH

    sides = (box.selection.get(BRUSH) or {}) if box else {}
    if not {"x", "y"} <= sides.keys():
        st.info("Drag a box on the map to see its samples here.", icon=":material/select:")
        return
    inside = points[points["x"].between(*sides["x"]) & points["y"].between(*sides["y"])]
    if not len(inside):
        st.info("No sample is in the box.")
        return
    queries = queries_of(focus.trial)
    own = queries[(queries["strategy"] == focus.a) & (queries["round"] <= focus.round)]
    shown = picks_frame(
        inside["sample"].to_numpy(),
        queries=own,
        predictions=predictions_of(focus.run_of(focus.a), focus.round),
    )
    shown = shown.sort_values(["round", "sample"], ascending=[False, True], kind="stable")
    st.markdown(
        f"**{count(len(inside), 'sample')} in the box**, {int((shown['round'] >= 0).sum())} of "
        f"them picked by {plain(focus.a)}"
        + (f"; the first {BOXED}:" if len(inside) > BOXED else ":")
    )
    show_tiles(shown.head(BOXED), trial=trial, samples=samples)
