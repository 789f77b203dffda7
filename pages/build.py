"""Build: data, strategies and protocol of an experiment, and what it will cost."""

from __future__ import annotations

import streamlit as st

from alscope.config import BackboneConfig, ScenarioConfig, StudyConfig, TrainConfig
from alscope.data.protocols import DataRoot
from alscope.ui import service, shell
from alscope.ui.build_files import NAME, file_actions, load_form, more_scenarios
from alscope.ui.build_summary import show_composition, show_plan
from alscope.ui.cards import start_and_watch
from alscope.ui.forms import remember
from alscope.ui.notices import guarded
from alscope.ui.protocol_form import backbone_form, paper_button, seeds_form, train_form
from alscope.ui.scenario_form import scenario_form
from alscope.ui.state import Key
from alscope.ui.strategy_form import strategy_form
from alscope.ui.text import plain

shell.enter()


def add_scenario(scenario: ScenarioConfig) -> None:
    """Callback: keep the scenario of the form beside the ones kept before."""
    st.session_state[Key.MORE_SCENARIOS] = [*more_scenarios(), scenario]


def remove_scenario(index: int) -> None:
    """Callback: drop a kept scenario."""
    kept = more_scenarios()
    st.session_state[Key.MORE_SCENARIOS] = kept[:index] + kept[index + 1 :]


def scenarios(root: DataRoot) -> tuple[ScenarioConfig, ...]:
    """The scenario of the form, and those kept beside it."""
    current = scenario_form(root)
    kept = more_scenarios()
    st.button(
        "Add this scenario and describe another",
        icon=":material/add:",
        on_click=add_scenario,
        args=(current,),
        disabled=current in kept,
        help="The study then compares the strategies on several scenarios.",
    )
    for index, scenario in enumerate(kept):
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.markdown(f"{plain(scenario.title)} · {scenario.budget:,} labels")
            st.button(
                "Remove",
                key=f"remove_scenario_{index}",
                icon=":material/delete:",
                type="tertiary",
                on_click=remove_scenario,
                args=(index,),
            )
    return (current, *(scenario for scenario in kept if scenario != current))


def protocol(dataset: str) -> tuple[str, tuple[int, ...], BackboneConfig, TrainConfig]:
    """Name, seeds, network and training."""
    name = st.text_input(
        "Name of the study",
        key=remember(NAME, "my study"),
        max_chars=80,
        persist_state="session",
    )
    seeds = seeds_form()
    paper_button(dataset)
    return name or "", seeds, backbone_form(dataset), train_form()


engine = service.get_service()
root = engine.data_root

st.title("Build an experiment")
st.markdown(
    "Every strategy runs on every scenario with every seed, from the same starts. "
    "Nothing is computed until you press Start."
)
form, side = st.columns([5, 3], gap="large")
with form:
    st.header("1 · Scenario")
    chosen = scenarios(root)
    st.header("2 · Strategies")
    specs = strategy_form()
    st.header("3 · Protocol")
    title, seeds, backbone, train = protocol(chosen[0].dataset)
    study = StudyConfig(
        name=title,
        scenarios=chosen,
        strategies=specs,
        seeds=seeds,
        backbone=backbone,
        train=train,
    )
with side, st.container(border=True), guarded("planning the study"):
    st.subheader("Summary")
    ready = show_plan(study)
    if st.button(
        "Start", type="primary", icon=":material/play_arrow:", disabled=not ready, width="stretch"
    ):
        with guarded("starting the study"):
            start_and_watch(study)
    file_actions(study)
    st.subheader("Classes at the start")
    show_composition(chosen[0], root, seed=seeds[0])
with side:
    load_form()
