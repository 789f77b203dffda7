"""What Monitor shows of one study: the part that refreshes itself."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import streamlit as st

from alscope.texts import without_folders
from alscope.types import RunState
from alscope.ui import service
from alscope.ui.cards import study_state
from alscope.ui.downloads import show_downloads
from alscope.ui.figures import figure
from alscope.ui.monitor_run import show_run
from alscope.ui.notices import guarded
from alscope.ui.results import curves_of
from alscope.ui.state import Key
from alscope.ui.text import count, duration, duration_range, number, percent, plain

if TYPE_CHECKING:
    import pandas as pd

    from alscope.engine.service import StudyStatus

__all__ = ["live", "show_failures", "signature"]

STALLED_S = 60.0
_ROOMY = 1500
"""Runs up to which each has a cell of its own."""
_GRID = "monitor_grid"

Signature = tuple[str, bool, int]


def signature(study: StudyStatus) -> Signature:
    """What decides about the buttons and messages around the live part."""
    return (study_state(study).value, study.n_active > 0, study.n_failed)


def live(study_id: str, drawn: Signature) -> None:
    """The part that refreshes itself: numbers, grid of runs, one run, learning curves.

    Args:
        study_id: The study.
        drawn: `signature` when the rest of the page was drawn; if it is another one now, the whole
            page is drawn again.
    """
    with guarded("reading the study"):
        study = service.get_service().study(study_id)
        if signature(study) != drawn:
            st.rerun()
        _metrics(study)
        # Who waits for a download gives no sign of life, and there is nothing to worry about.
        if not show_downloads(service.get_service().data_root):
            _stalled(study)
        _runs(study)
        show_run(study)
        _curves(study)
        _timeline(study)


def show_failures(study: StudyStatus) -> None:
    """Failed and damaged runs with their reason."""
    failed = [run for run in study.runs if run.state is RunState.FAILED]
    if failed:
        st.header(f"{count(len(failed), 'failed run')}")
    for run in failed[:20]:
        st.error(
            f"{plain(run.strategy)}, seed {run.seed}, {plain(run.scenario)}: {plain(run.message)}",
            icon=":material/error:",
        )
        if run.traceback:
            with st.expander(f"Traceback of {plain(run.strategy)}, seed {run.seed}"):
                st.code(without_folders(run.traceback), language="text", wrap_lines=True)
    if len(failed) > 20:
        st.caption(f"and {len(failed) - 20} more")
    _show_hindrances(study)
    for run in study.runs:
        if run.damaged:
            st.warning(f"{plain(run.strategy)}, seed {run.seed}: {plain(run.damaged)}")


def _show_hindrances(study: StudyStatus) -> None:
    """Why runs that are not at fault do not go on, such as a full disk; each reason once."""
    waiting = [run for run in study.runs if run.state in {RunState.PAUSED, RunState.INTERRUPTED}]
    for message, n in Counter(run.message for run in waiting if run.message).items():
        st.warning(f"{count(n, 'run')} cannot go on: {plain(message)}", icon=":material/warning:")


def _metrics(study: StudyStatus) -> None:
    from alscope.results.progress import labels_per_second

    speed = labels_per_second(study)
    numbers = {
        "Done": f"{study.n_done} / {study.n_runs}",
        "Running": str(study.count(RunState.RUNNING)),
        "Failed": str(study.n_failed),
        "Labels / s": "-" if speed is None else number(speed, 1),
        "Time left": _time_left(study),
    }
    with st.container(horizontal=True):
        for label, value in numbers.items():
            st.metric(label, value, border=True, width="content", help=_HELP.get(label))
    st.progress(study.fraction, text=f"{percent(study.fraction)} of the work")


_HELP = {
    "Labels / s": "Labels bought per second of work on recorded rounds, initial sets left out.",
    "Time left": "From measured rounds; the range is their spread. See the page on Build and "
    "Monitor in the documentation.",
}


def _time_left(study: StudyStatus) -> str:
    if not study.n_active:
        return "-"
    left = service.get_service().remaining(study.study_id)
    return "not known yet" if left is None else duration_range(left.low, left.high)


def _stalled(study: StudyStatus) -> None:
    silent = [
        (age, run)
        for run in study.runs
        if run.state is RunState.RUNNING
        and (age := run.heartbeat_age_s) is not None
        and age > STALLED_S
    ]
    if not silent:
        return
    age, run = min(silent, key=lambda one: one[0])  # of seeds that take turns, one keeps the others
    others = len(silent) - 1
    also = f", and of {count(others, 'other run')} for longer" if others else ""
    st.warning(
        f"{plain(run.strategy)}, seed {run.seed}: no sign of life for {duration(age)} "
        f"(last: {plain(run.stage) or 'starting'}){also}. If it stays so, cancel and retry; "
        "recorded rounds are kept.",
        icon=":material/hourglass_empty:",
    )


def _runs(study: StudyStatus) -> None:
    from alscope.results.progress import run_frame

    st.header("Runs")
    runs = run_frame(study)
    titles = list(dict.fromkeys(runs["scenario"]))
    if len(titles) > 1:
        with st.expander(f"{count(len(titles), 'scenario')}, by number"):
            st.markdown("\n".join(f"{place}. {plain(t)}" for place, t in enumerate(titles, 1)))
    if len(runs) > _ROOMY:
        _counted(runs, study)
    else:
        _cells(runs, study)


def _cells(runs: pd.DataFrame, study: StudyStatus) -> None:
    from alscope.charts.progress import CELL, SYMBOLS, run_grid_chart

    counts = runs["state"].value_counts()
    states = [state for state in SYMBOLS if state in counts]
    words = ", ".join(f"{counts[state]} {state}" for state in states)
    figure(
        run_grid_chart(runs, chosen=st.session_state.get(Key.RUN) or ""),
        runs,
        key=_GRID,
        alt=f"State of every run, strategies by scenarios and seeds: {words}. The list below "
        "chooses a run.",
        stem=f"{study.name} runs",
        caption=" · ".join(f"{SYMBOLS[state]} {counts[state]} {state}" for state in states)
        + ". A click on a run shows it below.",
        on_select={CELL: _follow_click},
        legend_columns=4,
    )


def _follow_click() -> None:
    """The clicked run is the one shown below."""
    from alscope.charts.progress import CELL

    selection: Any = st.session_state.get(_GRID)
    cells = selection.get("selection", {}).get(CELL, []) if selection else []
    if cells and "run_id" in cells[0]:
        st.session_state[Key.RUN] = cells[0]["run_id"]


def _counted(runs: pd.DataFrame, study: StudyStatus) -> None:
    from alscope.charts.progress import count_chart
    from alscope.results.progress import count_frame

    counts = count_frame(runs)
    figure(
        count_chart(counts),
        counts,
        key="monitor_counts",
        alt="Share of the runs that are done, strategies by scenarios",
        stem=f"{study.name} runs",
        caption=f"{number(len(runs))} runs are too many for a cell each: done runs of all seeds; "
        "✕ counts failed ones.",
    )


def _curves(study: StudyStatus) -> None:
    if not any(run.round for run in study.runs):
        st.caption("The learning curve appears with the first evaluation.")
        return
    from alscope.charts.curves import curve_chart, curve_data

    st.header("Learning curves so far" if study.n_active else "Learning curves")
    curves = curves_of(study)
    scenarios = sorted(curves["scenario"].unique())
    scenario = scenarios[0]
    if len(scenarios) > 1:  # one at a time: every chart costs a tenth of a second at every refresh
        scenario = st.selectbox("Scenario of the curves", scenarios, key="monitor_scenario")
    data = curve_data(curves[curves["scenario"] == scenario])
    figure(
        curve_chart(
            data,
            y_title="Accuracy",
            x_title="Annotated samples",
            height=400 + 16 * len(study.config.strategies),  # the legend takes its part
        ),
        data,
        key="monitor_curve",
        alt=f"Mean accuracy over annotated samples on {scenario}, one line per strategy, "
        "the band from the smallest to the largest seed",
        stem=f"{study.name} {scenario} curves",
        caption="Mean over the seeds that have come so far; the band is from the smallest to the "
        "largest.",
    )


def _timeline(study: StudyStatus) -> None:
    from alscope.charts.progress import timeline_chart
    from alscope.results.progress import timeline_frame

    bars = timeline_frame(study)
    if bars.empty or len(bars) > _ROOMY:
        return
    with st.expander("Timeline"):
        figure(
            timeline_chart(bars),
            bars,
            key="monitor_timeline",
            alt=f"When each run was worked on, in {count(int(bars['lane'].max()), 'lane')}",
            stem=f"{study.name} timeline",
            caption="A lane for each run that was at work at the same time; seeds that take turns "
            "in one worker have a lane each. A pause in between is part of its bar.",
        )
