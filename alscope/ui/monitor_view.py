"""What Monitor shows of one study."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from alscope.types import RunState
from alscope.ui import service
from alscope.ui.cards import STATES, show_chart, study_state
from alscope.ui.downloads import show_downloads
from alscope.ui.notices import guarded
from alscope.ui.results import rounds_of
from alscope.ui.text import count, duration, percent, plain

if TYPE_CHECKING:
    from alscope.engine.service import RunStatus, StudyStatus

__all__ = ["live", "remaining_s", "show_failures", "signature"]

STALLED_S = 60.0


def signature(study: StudyStatus) -> tuple[str, int, int]:
    """What decides about the buttons and messages around the live part."""
    return (study_state(study).value, study.n_active > 0, study.n_failed)


def remaining_s(study: StudyStatus) -> float | None:
    """Seconds of work left, judged by this study's own rounds; None before the first one."""
    spent = sum(run.elapsed_s for run in study.runs)
    recorded = sum(run.round / (run.n_rounds + 1) for run in study.runs)
    if not recorded or not study.n_active:
        return None
    left = sum(1 - run.fraction for run in study.runs if not run.state.is_final)
    return left * spent / recorded / max(1, study.count(RunState.RUNNING))


def live(study_id: str, drawn: tuple[str, int, int]) -> None:
    """The part that refreshes itself: numbers, grid of runs, learning curve.

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
        _grids(study)
        _curves(study)


def show_failures(study: StudyStatus) -> None:
    """Failed and damaged runs with their reason."""
    failed = [run for run in study.runs if run.state is RunState.FAILED]
    if failed:
        st.subheader(f"{count(len(failed), 'failed run')}")
    for run in failed[:20]:
        st.error(
            f"{plain(run.strategy)}, seed {run.seed}, {plain(run.scenario)}: {plain(run.message)}",
            icon=":material/error:",
        )
        if run.traceback:
            with st.expander(f"Traceback of {plain(run.strategy)}, seed {run.seed}"):
                st.code(run.traceback, language="text", wrap_lines=True)
    if len(failed) > 20:
        st.caption(f"and {len(failed) - 20} more")
    for run in study.runs:
        if run.damaged:
            st.warning(f"{plain(run.strategy)}, seed {run.seed}: {plain(run.damaged)}")


def _metrics(study: StudyStatus) -> None:
    left = remaining_s(study)
    numbers = {
        "Done": f"{study.n_done} / {study.n_runs}",
        "Running": str(study.count(RunState.RUNNING)),
        "Failed": str(study.n_failed),
        "Time left, about": "-" if left is None else duration(left),
    }
    with st.container(horizontal=True):
        for label, value in numbers.items():
            st.metric(label, value, border=True, width=170)
    st.progress(study.fraction, text=f"{percent(study.fraction)} of the work")


def _stalled(study: StudyStatus) -> None:
    for run in study.runs:
        age = run.heartbeat_age_s
        if run.state is RunState.RUNNING and age is not None and age > STALLED_S:
            st.warning(
                f"{plain(run.strategy)}, seed {run.seed}: no sign of life for {duration(age)} "
                f"(last: {plain(run.stage) or 'starting'}). If it stays so, cancel and retry; "
                "recorded rounds are kept.",
                icon=":material/hourglass_empty:",
            )


def _grids(study: StudyStatus) -> None:
    st.subheader("Runs")
    for scenario in dict.fromkeys(run.scenario for run in study.runs):
        runs = [run for run in study.runs if run.scenario == scenario]
        if len(study.config.scenarios) > 1:
            st.markdown(f"**{plain(scenario)}**")
        st.table(
            _grid(runs),
            hide_index=True,
            border="horizontal",
            alt=f"State of every run on {scenario}: strategies by seeds",
        )


def _grid(runs: list[RunStatus]) -> list[dict[str, str]]:
    rows: dict[str, dict[str, str]] = {}
    for run in runs:
        row = rows.setdefault(run.strategy, {"Strategy": plain(run.strategy)})
        row[f"Seed {run.seed}"] = _cell(run)
    return list(rows.values())


def _cell(run: RunStatus) -> str:
    color, icon = STATES[run.state]
    words = run.state.value
    if run.state is RunState.RUNNING:
        words = percent(run.fraction)
    elif run.round and not run.state.is_final:
        words = f"{words} ({percent(run.fraction)})"
    return f":{color}[{icon}] {words}"


def _curves(study: StudyStatus) -> None:
    if not any(run.round for run in study.runs):
        st.caption("The learning curve appears with the first evaluation.")
        return
    from alscope.charts.curves import curve_chart, curve_data
    from alscope.results.curves import curve_frame

    st.subheader("Learning curves so far" if study.n_active else "Learning curves")
    curves = curve_frame(rounds_of([study]), band="minmax")
    height = 400 + 16 * len(study.config.strategies)  # the legend takes its part
    for scenario, frame in curves.groupby("scenario", sort=True):
        if curves["scenario"].nunique() > 1:
            st.markdown(f"**{plain(str(scenario))}**")
        show_chart(
            curve_chart(
                curve_data(frame), y_title="Accuracy", x_title="Annotated samples", height=height
            ),
            alt=f"Mean accuracy over annotated samples on {scenario}, one line per strategy, "
            "the band from the smallest to the largest seed",
        )
