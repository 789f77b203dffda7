"""Build: data, strategies and protocol of an experiment, and what it will cost."""

from __future__ import annotations

import streamlit as st

from alscope.config import BackboneConfig, ScenarioConfig, StrategySpec, StudyConfig, TrainConfig
from alscope.data.protocols import DataRoot
from alscope.engine.presets import PRESETS
from alscope.ui import service, shell
from alscope.ui.build_files import NAME, file_actions, load_form, show_changes
from alscope.ui.build_grid import choose_scenarios
from alscope.ui.build_link import fill_preset, follow_link, preset_of, publish_link
from alscope.ui.build_start import resources_form, start_buttons
from alscope.ui.build_summary import show_composition, show_plan
from alscope.ui.forms import remember
from alscope.ui.notices import guarded
from alscope.ui.protocol_form import backbone_form, paper_button, seeds_form, train_form
from alscope.ui.scenario_form import scenario_form
from alscope.ui.strategy_form import strategy_form
from alscope.ui.text import plain

shell.enter()


def presets(dataset: str, root: DataRoot) -> None:
    """Whole studies to begin with, on the data set of the form."""
    st.caption("Begin with a whole study (scenarios, strategies and seeds):")
    with st.container(horizontal=True):
        for preset in PRESETS.values():
            st.button(
                preset.title,
                key=f"build_preset_{preset.key}",
                icon=":material/bolt:",
                help=plain(preset.refusal(dataset)) or preset.summary,
                disabled=bool(preset.refusal(dataset)),
                on_click=fill_preset,
                args=(preset.key, dataset, root),
            )


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


def strategies(
    scenarios: tuple[ScenarioConfig, ...], backbone: BackboneConfig
) -> tuple[StrategySpec, ...]:
    """The checklist; what cannot run in the scenarios cannot be chosen."""
    return strategy_form(engine.unusable(scenarios, backbone))


engine = service.get_service()
root = engine.data_root
follow_link(root)

st.title("Build an experiment")
st.markdown(
    "Every strategy runs on every scenario with every seed, from the same starts. "
    "Nothing is computed until you press Start."
)
form, side = st.columns([5, 3], gap="large")
with form:
    offered = st.container()
    st.header("1 · Scenarios")
    scenario = scenario_form(root, page="build")
    chosen = choose_scenarios(scenario, root)
    with offered:
        presets(scenario.dataset, root)
    st.header("2 · Strategies")
    checklist = st.container()
    st.header("3 · Protocol")
    title, seeds, backbone, train = protocol(scenario.dataset)
    with checklist:
        specs = strategies(chosen, backbone)
    st.header("4 · Resources")
    resources_form()
    study = StudyConfig(
        name=title,
        scenarios=chosen,
        strategies=specs,
        seeds=seeds,
        backbone=backbone,
        train=train,
    )
preset = preset_of(study, root)
publish_link(study, preset)
with side, st.container(border=True), guarded("planning the study"):
    st.subheader("Summary")
    if preset is not None:
        st.caption(f":material/bolt: Preset {preset.title}: {preset.summary}")
    plan = show_plan(study)
    start_buttons(study, plan)
    show_changes(study)
    st.subheader("Configuration")
    file_actions(study, preset)
    load_form()
    st.subheader("Classes at the start")
    show_composition(chosen[0], root, seed=seeds[0])
