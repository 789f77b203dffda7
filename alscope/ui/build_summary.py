"""The part of Build that says what would happen: size, time, problems, and who is in the pool."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import streamlit as st

from alscope.config import ScenarioConfig, StudyConfig
from alscope.data.pools import pool_summary
from alscope.data.protocols import DataRoot
from alscope.errors import ALScopeError, ConfigError, Problem
from alscope.ui import service
from alscope.ui.build_files import fill_build
from alscope.ui.notices import show_problems
from alscope.ui.scenario_form import at_hand
from alscope.ui.text import count, duration_range, plain, size

if TYPE_CHECKING:
    from alscope.engine.service import Plan

__all__ = ["show_composition", "show_plan"]

_SHOWN_BUDGETS = 4


def show_plan(study: StudyConfig) -> Plan | None:
    """Size, time and pitfalls of a study, or everything wrong with it.

    Returns:
        The plan; None if the study cannot be started.
    """
    try:
        plan = service.get_service().preview(study)
    except ConfigError as error:
        problems = [_readable(problem, study) for problem in error.problems]
        show_problems(problems, f"**{count(len(problems), 'problem')} to solve before starting**")
        return None
    st.markdown(_size(study, plan))
    if plan.time is not None and plan.time.borrowed:
        with st.expander(f"{count(len(plan.time.borrowed), 'rate')} judged by something else"):
            st.markdown("\n".join(f"- {plain(words)}" for words in plan.time.borrowed))
    _checklist(plan)
    for remark in plan.remarks:
        st.info(f"{plain(remark[:1].upper() + remark[1:])}.", icon=":material/info:")
    return plan


def _checklist(plan: Plan) -> None:
    """The questions that decide whether a comparison is worth its time, each with its remedy."""
    passed = sum(pitfall.passed for pitfall in plan.pitfalls)
    st.markdown(f"**Checklist** · {passed} of {len(plan.pitfalls)}")
    for pitfall in plan.pitfalls:
        icon = ":green[:material/check_circle:]" if pitfall.passed else ":orange[:material/error:]"
        answer = "yes" if pitfall.passed else "no"
        st.markdown(f"{icon} {plain(pitfall.question)} **{answer}**")
        if pitfall.passed:
            continue
        st.caption(f"{plain(pitfall.why[:1].upper() + pitfall.why[1:])}.")
        if pitfall.mended is not None:
            st.button(
                pitfall.mend,
                key=f"build_mend_{pitfall.key}",
                icon=":material/build:",
                type="tertiary",
                on_click=fill_build,
                args=(pitfall.mended,),
            )


def show_composition(scenario: ScenarioConfig, root: DataRoot, *, seed: int) -> None:
    """Samples of each class at the start of the first trial."""
    try:
        summary = pool_summary(scenario, root) if at_hand(scenario, root) else None
    except ALScopeError:
        return  # the plan has listed why
    if summary is None:
        st.caption("The classes can be counted once the data set is here.")
        return
    from alscope.engine.service import composition

    try:
        rows = composition(scenario, summary, seed=seed)
    except ConfigError:
        return  # the plan has listed why
    totals = {name: sum(row[name] for row in rows) for name in ("initial", "pool", "test")}
    st.caption(
        f"{totals['initial']:,} samples are annotated at the start, {totals['pool']:,} wait in "
        f"the pool, {totals['test']:,} test the model (seed {seed})."
    )
    everything_known = all(row["known"] for row in rows)
    columns = {"Class": "class_name", "Start": "initial", "Pool": "pool", "Test": "test"}
    if not everything_known:
        columns["Known"] = "known"
    st.dataframe(
        [{title: row[name] for title, name in columns.items()} for row in rows],
        column_config={"Class": st.column_config.TextColumn(pinned=True)},
        hide_index=True,
        alt="Samples of each class in the initial set, the pool and the test set",
    )


def _size(study: StudyConfig, plan: Plan) -> str:
    lines = [
        f"**{count(plan.n_runs, 'run')}** = "
        f"{count(len(study.scenarios), 'scenario')} x "
        f"{count(len(study.strategies), 'strategy', 'strategies')} x "
        f"{count(len(study.seeds), 'seed')}",
        f"{count(plan.n_trainings, 'training')} to do, {plan.n_evaluations:,} points on curves",
    ]
    if plan.n_done:
        lines.insert(1, f"{plan.n_done:,} of the runs are done already and will be used")
    budgets = dict.fromkeys(_budget(scenario) for scenario in study.scenarios)
    lines += [f"Budget: {budget}" for budget in list(budgets)[:_SHOWN_BUDGETS]]
    if len(budgets) > _SHOWN_BUDGETS:
        lines.append(f"and {count(len(budgets) - _SHOWN_BUDGETS, 'other budget')}")
    lines.append(_time(plan))
    if plan.n_done < plan.n_runs:
        lines.append(f"Disk: about {size(plan.disk_bytes)} of records; models lie in the cache")
    return "\n".join(f"- {line}" for line in lines)


def _budget(scenario: ScenarioConfig) -> str:
    return (
        f"{scenario.n_initial:,} + {scenario.n_rounds:,} x {scenario.query_size:,} = "
        f"**{count(scenario.budget, 'label')}** per run"
    )


def _time(plan: Plan) -> str:
    if plan.n_done == plan.n_runs:
        return "Nothing left to compute"
    if plan.seconds is None:
        return "Time: unknown until this network was run or calibrated here; see Resources"
    assert plan.time is not None
    judged = (
        f"from {count(plan.time.n_rounds, 'round')} of {count(plan.time.n_runs, 'run')} measured "
        "on this machine"
        if plan.time.n_rounds
        else "a first guess from the calibration of this machine"
    )
    return (
        f"Time: **{duration_range(*plan.seconds)}** with {count(plan.workers, 'run')} at a time, "
        f"{judged}"
    )


def _readable(problem: Problem, study: StudyConfig) -> Problem:
    """The problem with places that a reader of the form recognizes."""
    path = problem.path
    if len(study.scenarios) == 1:
        path = path.removeprefix("scenarios[0].")

    def title(match: re.Match[str]) -> str:
        index = int(match.group(1))
        return study.strategies[index].name if index < len(study.strategies) else match.group(0)

    path = re.sub(r"^strategies\[(\d+)\]", title, path)
    return Problem(path, problem.message, problem.line)
