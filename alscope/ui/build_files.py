"""The part of Build that reads and writes study files."""

from __future__ import annotations

import streamlit as st

from alscope.config import ScenarioConfig, StudyConfig
from alscope.config_io import MAX_BYTES, parse_study, write_study
from alscope.data.own import PREFIX
from alscope.errors import ConfigError, Problem
from alscope.registry import backbones, datasets, strategies
from alscope.ui.notices import flash, show_problems
from alscope.ui.protocol_form import fill_protocol
from alscope.ui.scenario_form import fill_scenario
from alscope.ui.state import Key
from alscope.ui.strategy_form import fill_strategies
from alscope.ui.text import file_stem

__all__ = ["NAME", "file_actions", "fill_build", "load_form", "more_scenarios"]

NAME = f"{Key.PROTOCOL_FORM}_name"
_PROBLEMS = f"{Key.UPLOAD}_problems"


def file_actions(study: StudyConfig) -> None:
    """Download the study, and the command that runs the file."""
    name = f"{file_stem(study.name)}.toml"
    st.download_button(
        "Download TOML",
        write_study(study).encode(),
        file_name=name,
        mime="application/toml",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
    )
    st.caption("The same from a terminal:")
    st.code(f"alscope run {name}", language="bash")


def load_form() -> None:
    """Upload a study file; everything wrong with it is listed."""
    st.file_uploader(
        "Load TOML (at most 64 kB)",
        type=["toml"],
        key=Key.UPLOAD,
        max_upload_size=1,
        on_change=_load,
    )
    problems = st.session_state.get(_PROBLEMS)
    if problems:
        show_problems(problems, "**The file was not loaded:**")


def fill_build(study: StudyConfig) -> None:
    """Set all widgets of Build to a study; before they are drawn."""
    st.session_state[NAME] = study.name
    fill_scenario(study.scenarios[0])
    st.session_state[Key.MORE_SCENARIOS] = list(study.scenarios[1:])
    fill_strategies(study.strategies)
    fill_protocol(study)


def more_scenarios() -> list[ScenarioConfig]:
    """Scenarios of the study beside the one in the form."""
    stored: list[ScenarioConfig] = st.session_state.get(Key.MORE_SCENARIOS, [])
    return stored


def _load() -> None:
    """Callback of the upload: fill the form, or keep what is wrong for the next drawing."""
    st.session_state[_PROBLEMS] = None
    file = st.session_state.get(Key.UPLOAD)
    if file is None:
        return
    try:
        study = _checked(file.getvalue())
    except ConfigError as error:
        st.session_state[_PROBLEMS] = error.problems
    else:
        fill_build(study)
        flash(f"Loaded {study.name!r}.")


def _checked(raw: bytes) -> StudyConfig:
    """The study in an uploaded file.

    Raises:
        ConfigError: With every problem found.
    """
    if len(raw) > MAX_BYTES:
        raise ConfigError([Problem("", f"is larger than {MAX_BYTES // 1024} kB")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = Problem("", f"byte {error.start} is not UTF-8 text; save the file as UTF-8")
        raise ConfigError([problem]) from error
    study = parse_study(text)
    problems = [*study.problems(), *_unknown_names(study)]
    if problems:
        raise ConfigError(problems)
    return study


def _unknown_names(study: StudyConfig) -> list[Problem]:
    """Names without which the form cannot be filled in."""
    wanted = [("backbone.name", backbones, study.backbone.name)]
    wanted += [
        (f"scenarios[{index}].dataset", datasets, scenario.dataset)
        for index, scenario in enumerate(study.scenarios)
    ]
    wanted += [
        (f"strategies[{index}].name", strategies, spec.name)
        for index, spec in enumerate(study.strategies)
    ]
    return [
        Problem(path, f"is {name!r}; known: {', '.join(registry)}")
        for path, registry, name in wanted
        if name not in registry and not name.startswith(PREFIX)
    ]
