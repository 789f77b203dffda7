"""The part of Build that reads and writes study files, and says what changed since the last."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from alscope.config import StrategySpec, StudyConfig
from alscope.config_io import MAX_BYTES, form_of, parse_study, study_changes, write_study
from alscope.data.own import PREFIX
from alscope.errors import ConfigError, Problem
from alscope.registry import backbones, datasets, strategies
from alscope.ui.build_grid import fill_grid
from alscope.ui.notices import flash, show_problems
from alscope.ui.protocol_form import fill_protocol
from alscope.ui.scenario_form import fill_scenario
from alscope.ui.state import Key
from alscope.ui.strategy_form import fill_strategies
from alscope.ui.text import count, file_stem, plain

if TYPE_CHECKING:
    from alscope.engine.presets import Preset

__all__ = ["NAME", "file_actions", "fill_build", "load_form", "remember_study", "show_changes"]

NAME = f"{Key.PROTOCOL_FORM}_name"
_PROBLEMS = f"{Key.UPLOAD}_problems"
_MIME = {"toml": "application/toml", "yaml": "application/yaml"}


def file_actions(study: StudyConfig, preset: Preset | None) -> None:
    """Download the study, and the command that runs the same in a terminal."""
    stem = file_stem(study.name)
    with st.container(horizontal=True):
        for form, mime in _MIME.items():
            st.download_button(
                form.upper(),
                write_study(study, form=form).encode(),
                file_name=f"{stem}.{form}",
                mime=mime,
                icon=":material/download:",
                on_click="ignore",
                help="The whole configuration; what has its default is left out.",
                key=f"build_download_{form}",
            )
    st.caption("The same from a terminal; the button at the right copies it:")
    st.code(_command(study, preset, stem), language="bash", wrap_lines=True)


def _command(study: StudyConfig, preset: Preset | None, stem: str) -> str:
    """A preset needs no file, as long as it is one on one data set."""
    data = {scenario.dataset for scenario in study.scenarios}
    if preset is None or len(data) > 1:
        return f"alscope run {stem}.toml"
    return f"alscope run --preset {preset.key} --dataset {shlex.quote(data.pop())}"


def load_form() -> None:
    """Upload a study file; everything wrong with it is listed."""
    st.file_uploader(
        "Load TOML or YAML (at most 64 kB)",
        type=["toml", "yaml", "yml"],
        key=Key.UPLOAD,
        max_upload_size=1,
        on_change=_load,
    )
    problems = st.session_state.get(_PROBLEMS)
    if problems:
        show_problems(problems, "**The file was not loaded:**")


def show_changes(study: StudyConfig) -> None:
    """What differs from the configuration that was loaded or started last."""
    reference: StudyConfig | None = st.session_state.get(Key.REFERENCE)
    if reference is None:
        return
    if _by_title(reference) == _by_title(study):
        # The order of the checklist is none of the user's doing.
        reference = replace(reference, strategies=study.strategies)
    changes = study_changes(reference, study)
    if not changes:
        return
    with st.expander(f"{count(len(changes), 'change')} since {plain(reference.name)}"):
        st.dataframe(
            [
                {"Setting": one.path, "Before": one.before or "-", "Now": one.after or "-"}
                for one in changes
            ],
            hide_index=True,
            alt="Settings that differ from the configuration loaded or started last",
        )
        st.caption("A dash is a setting at its default, or nothing.")


def _by_title(study: StudyConfig) -> list[StrategySpec]:
    return sorted(study.strategies, key=lambda spec: spec.title)


def remember_study(study: StudyConfig) -> None:
    """Later changes are listed against this study."""
    st.session_state[Key.REFERENCE] = study


def fill_build(study: StudyConfig) -> None:
    """Set all widgets of Build to a study; before they are drawn."""
    st.session_state[NAME] = study.name
    fill_scenario(fill_grid(study.scenarios))
    fill_strategies(study.strategies)
    fill_protocol(study)


def _load() -> None:
    """Callback of the upload: fill the form, or keep what is wrong for the next drawing."""
    st.session_state[_PROBLEMS] = None
    file = st.session_state.get(Key.UPLOAD)
    if file is None:
        return
    try:
        study = _checked(file.getvalue(), form_of(file.name))
    except ConfigError as error:
        st.session_state[_PROBLEMS] = error.problems
    else:
        fill_build(study)
        remember_study(study)
        flash(f"Loaded {study.name!r}.")


def _checked(raw: bytes, form: str) -> StudyConfig:
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
    return parse_study(text, form=form, check=_unknown_names)


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
