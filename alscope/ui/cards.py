"""Small pieces that several pages show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from alscope.types import RunState
from alscope.ui import nav, service
from alscope.ui.notices import flash
from alscope.ui.text import count, plain

if TYPE_CHECKING:
    from alscope.charts.spec import AnyChart
    from alscope.config import StudyConfig
    from alscope.engine.service import StudyStatus

__all__ = [
    "STATES",
    "empty_state",
    "show_chart",
    "start_and_watch",
    "state_badge",
    "study_facts",
    "study_state",
]

STATES = {
    RunState.QUEUED: ("gray", ":material/schedule:"),
    RunState.RUNNING: ("blue", ":material/autorenew:"),
    RunState.PAUSED: ("orange", ":material/pause_circle:"),
    RunState.INTERRUPTED: ("orange", ":material/power_off:"),
    RunState.DONE: ("green", ":material/check_circle:"),
    RunState.FAILED: ("red", ":material/error:"),
    RunState.CANCELLED: ("gray", ":material/cancel:"),
}
"""Colour and icon of each state; the word is always shown beside them."""


def study_state(study: StudyStatus) -> RunState:
    """The state of a study; "running" also in the moment between two of its runs."""
    begun = any(run.round for run in study.runs)
    if study.n_active and begun:
        return RunState.RUNNING
    return RunState(study.state)


def state_badge(state: RunState | str) -> None:
    """A state as colour, icon and word."""
    color, icon = STATES[RunState(state)]
    st.badge(RunState(state).value, icon=icon, color=color)  # type: ignore[arg-type]


def study_facts(study: StudyStatus) -> str:
    """`digits · 7 strategies · 3 seeds`."""
    config = study.config
    titles = list(dict.fromkeys(plain(scenario.title) for scenario in config.scenarios))
    scenarios = ", ".join(titles[:3])
    if len(titles) > 3:
        scenarios += f" and {len(titles) - 3} more"
    if len(config.scenarios) > len(titles):
        scenarios += f" ({count(len(config.scenarios), 'scenario')})"
    strategies = count(len(config.strategies), "strategy", "strategies")
    return f"{scenarios} · {strategies} · {count(len(config.seeds), 'seed')}"


def show_chart(
    chart: AnyChart,
    *,
    alt: str,
    key: str | None = None,
    on_select: Mapping[str, Callable[[], None]] | None = None,
    legend_columns: int = 2,
) -> None:
    """A chart with its text alternative, and a legend that leaves a phone room for the lines.

    Args:
        chart: From `alscope.charts`.
        alt: What is to be seen, in words.
        key: Of session state; keeps the highlighted lines when the data change.
        on_select: Name of a selection of the chart -> what to call when it changes; the selection
            is then in `st.session_state[key]`.
        legend_columns: Of the legend below the chart; one where the chart is narrow.
    """
    from altair import Undefined

    from alscope.charts.spec import ChartParts

    legend = {
        "columns": legend_columns,
        "orient": "bottom",
        "symbolOpacity": 1,
        "symbolSize": 300,
        "labelLimit": 0,
    }
    listening: dict[str, Any] = {}
    if on_select:
        calls = tuple(on_select.values())
        listening = {
            "on_select": lambda: [call() for call in calls],
            "selection_mode": list(on_select),
        }
    if isinstance(chart, ChartParts):
        spec = {**chart.spec, "config": {"legend": legend}, "datasets": chart.frames}
        st.vega_lite_chart(spec=spec, width="stretch", key=key, alt=alt, **listening)
        return
    shown: Any = chart
    # Streamlit objects to a description and an `alt` on one chart.
    shown = shown.configure_legend(**legend)
    shown["description"] = Undefined
    st.altair_chart(shown, key=key, alt=alt, **listening)


def empty_state(message: str) -> None:
    """What to do where there is nothing to show yet."""
    with st.container(border=True):
        st.markdown(message)
        with st.container(horizontal=True):
            nav.link("home", "Start the demo study from Home")
            nav.link("build", "Build an experiment")


def start_and_watch(study: StudyConfig) -> None:
    """Submit a study and show it on Monitor.

    Raises:
        ConfigError: If it cannot run; nothing is started then.
    """
    study_id = service.get_service().submit(study)
    flash(f"Started {count(len(study.runs()), 'run')}.")
    nav.go("monitor", exp=study_id)
