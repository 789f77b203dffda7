"""One run on Monitor, or several: what it did, what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from alscope.engine.access import Action
from alscope.texts import without_folders
from alscope.types import RunState
from alscope.ui import service
from alscope.ui.access import refusal
from alscope.ui.cards import state_badge
from alscope.ui.notices import flash, guarded
from alscope.ui.results import rounds_of_run
from alscope.ui.state import Key
from alscope.ui.text import count, duration, percent, plain

if TYPE_CHECKING:
    from alscope.engine.runlog import LogLine
    from alscope.engine.service import RunStatus, Service, StudyStatus

__all__ = ["act_on_runs", "show_log", "show_run"]

_LEVEL = "monitor_level"
_LEVELS = ("INFO", "WARNING", "ERROR")
_SHOWN_LINES = 200
_STOPPED = (RunState.PAUSED, RunState.INTERRUPTED)
_ENDED = (RunState.FAILED, RunState.CANCELLED)
_ACTIVE = (RunState.RUNNING, RunState.QUEUED)


def show_run(study: StudyStatus) -> None:
    """Filters, what can be done with the runs they leave, and one run in detail."""
    shown = _filtered(study)
    if len(shown) < study.n_runs and not refusal(Action.STEER, study.study_id):
        st.caption(f"What can be done with {count(len(shown), 'run')}:")
        act_on_runs(study, shown, key="shown")
    run = _chosen(shown, study)
    if run is None:
        return
    with st.container(border=True), guarded("reading the run"):
        _head(run)
        act_on_runs(study, [run], key="one")
        _rounds(run)
        show_log(service.get_service().run_log(run.run_id), key=run.run_id)
        if run.traceback:
            with st.expander("Traceback"):
                st.code(without_folders(run.traceback), language="text", wrap_lines=True)


def act_on_runs(study: StudyStatus, runs: Iterable[RunStatus], *, key: str) -> None:
    """Pause, resume, cancel, retry and move some runs of a study.

    Args:
        study: Their study.
        runs: Some of its runs.
        key: Of session state, different for every such bar on the page.
    """
    if refusal(Action.STEER, study.study_id):
        return
    chosen = list(runs)
    engine = service.get_service()
    with st.container(horizontal=True), guarded("changing the runs"):
        for action in _ACTIONS:
            fit = [run for run in chosen if run.state in action.states]
            if st.button(
                action.label,
                icon=action.icon,
                key=f"monitor_{key}_{action.label}",
                disabled=not fit,
                help=f"{action.label}: {count(len(fit), 'run')}" if len(chosen) > 1 else None,
            ):
                action.do(engine, study.study_id, fit)
                flash(f"{action.label}: {count(len(fit), 'run')}.")
                st.rerun()


@dataclass(frozen=True)
class _Action:
    """A button: which runs it is for, and what it does with them."""

    label: str
    icon: str
    states: tuple[RunState, ...]
    do: Callable[[Service, str, list[RunStatus]], None]


def _ids(runs: list[RunStatus]) -> list[str]:
    return [run.run_id for run in runs]


def _move(step: int) -> Callable[[Service, str, list[RunStatus]], None]:
    def move(engine: Service, study_id: str, runs: list[RunStatus]) -> None:
        value = max(run.priority for run in runs) + step
        engine.set_priority(study_id, max(-9, min(9, value)), _ids(runs))

    return move


_ACTIONS = (
    _Action(
        "Pause",
        ":material/pause:",
        _ACTIVE,
        lambda engine, study, runs: engine.pause(study, _ids(runs)),
    ),
    _Action(
        "Resume",
        ":material/play_arrow:",
        _STOPPED,
        lambda engine, study, runs: engine.resume(study, _ids(runs)),
    ),
    _Action(
        "Cancel",
        ":material/stop:",
        (*_ACTIVE, *_STOPPED),
        lambda engine, study, runs: engine.cancel(study, _ids(runs)),
    ),
    _Action(
        "Retry",
        ":material/replay:",
        _ENDED,
        lambda engine, study, runs: engine.retry(study, _ids(runs)),
    ),
    _Action("Raise", ":material/arrow_upward:", (*_ACTIVE, *_STOPPED), _move(1)),
    _Action("Lower", ":material/arrow_downward:", (*_ACTIVE, *_STOPPED), _move(-1)),
)


def show_log(lines: tuple[LogLine, ...], *, key: str) -> None:
    """The last lines of a log from a level on; nothing is interpreted."""
    level = st.segmented_control(
        "Log from level",
        _LEVELS,
        default=_LEVELS[0],
        key=f"{_LEVEL}_{key}",
        help="INFO shows everything.",
    )
    wanted = _LEVELS[_LEVELS.index(level or _LEVELS[0]) :]
    kept = [line for line in lines if line.level in wanted]
    if not kept:
        st.caption("Nothing of this level.")
        return
    text = "\n".join(f"{line.at[:19]} {line.level:7} {line.text}" for line in kept[-_SHOWN_LINES:])
    text = without_folders(text)
    st.code(text, language="text", wrap_lines=True, height=220 if len(kept) > 8 else "content")


def _filtered(study: StudyStatus) -> list[RunStatus]:
    present = list(dict.fromkeys(run.state.value for run in study.runs))
    names = list(dict.fromkeys(run.strategy for run in study.runs))
    left, right = st.columns(2)
    states = left.multiselect(
        "Only runs that are", present, key="monitor_states", placeholder="in any state"
    )
    strategies = right.multiselect(
        "Only strategies", names, key="monitor_strategies", placeholder="all"
    )
    return [
        run
        for run in study.runs
        if (not states or run.state.value in states)
        and (not strategies or run.strategy in strategies)
    ]


def _chosen(shown: list[RunStatus], study: StudyStatus) -> RunStatus | None:
    known = {run.run_id: run for run in study.runs}
    options = {run.run_id: run for run in shown}
    current = st.session_state.get(Key.RUN)
    if current in known:
        options.setdefault(current, known[current])
    elif current is not None:
        st.session_state[Key.RUN] = None
    titles = _titles(study)
    chosen: str | None = st.selectbox(
        "Run",
        list(options),
        index=None,
        key=Key.RUN,
        format_func=titles.__getitem__,
        placeholder="Choose a run, or click on one above",
    )
    if chosen not in known:
        st.query_params.pop(Key.RUN, None)
        return None
    if st.query_params.get(Key.RUN) != chosen:
        st.query_params[Key.RUN] = chosen
    return known[chosen]


def _titles(study: StudyStatus) -> dict[str, str]:
    """Text of every run in the list, by run id.

    The state is not in it: the browser answers with the text it was shown, and a state changes.
    """
    from alscope.results.progress import run_frame

    several = len(study.config.scenarios) > 1
    return {
        str(row.run_id): f"{row.strategy} · seed {row.seed}"
        + (f" · {row.scenario}" if several else "")
        for row in run_frame(study).itertuples(index=False)
    }


def _head(run: RunStatus) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(run.strategy)}, seed {run.seed}**")
        state_badge(run.state)
        facts = [plain(run.scenario), f"round {run.round} of {run.n_rounds + 1}"]
        if run.state is RunState.RUNNING:
            facts.append(f"{plain(run.stage) or 'starting'}, {percent(run.fraction)}")
        if run.reused:
            facts.append("done before this study")
        if run.elapsed_s:
            facts.append(f"{duration(run.elapsed_s)} of work")
        if run.priority:
            facts.append(f"priority {run.priority}")
        st.caption(" · ".join(facts), width="stretch")


def _rounds(run: RunStatus) -> None:
    if not run.round:
        st.caption("Nothing is recorded yet.")
        return
    names = {
        "round": "Round",
        "n_annotated": "Labels",
        "accuracy": "Accuracy",
        "train_s": "Train, s",
        "selection_s": "Select, s",
        "aux_s": "Auxiliary, s",
        "executed_s": "Executed, s",
    }
    rounds = rounds_of_run(run)[list(names)].rename(columns=names)
    st.dataframe(
        rounds,
        hide_index=True,
        column_config={
            title: st.column_config.NumberColumn(format="%.3f")
            for title in list(names.values())[2:]
        },
        alt=f"Rounds of {run.strategy}, seed {run.seed}: labels, accuracy and seconds",
    )
