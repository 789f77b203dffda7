"""The address of Build: a preset, data sets and strategies, so that a form can be sent.

`/build?preset=lowbudget&data=ag_news` fills the form. The address names the preset for as long as
the form says just what the preset says, so a link never means something else than it shows; the
whole configuration is never in the address, a file is.
"""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from alscope.config import ScenarioConfig, StudyConfig
from alscope.data.lookup import dataset_names
from alscope.data.protocols import DataRoot
from alscope.engine.presets import PRESETS, Preset
from alscope.errors import ALScopeError, ConfigError
from alscope.registry import strategies
from alscope.ui.build_files import fill_build
from alscope.ui.notices import flash, show_problems, tell_unknown
from alscope.ui.scenario_form import fill_scenario
from alscope.ui.state import Key
from alscope.ui.strategy_form import choose_strategies

__all__ = ["fill_preset", "follow_link", "preset_of", "publish_link"]

_KEYS = (Key.PRESET, Key.SCENARIO, Key.STRATEGY)
_FOLLOWED = "build_followed"


def follow_link(root: DataRoot) -> None:
    """Fill the form from the address, once for each address; say what of it is unknown."""
    asked = tuple(tuple(st.query_params.get_all(key)) for key in _KEYS)
    if not any(asked) or asked == st.session_state.get(_FOLLOWED):
        return
    st.session_state[_FOLLOWED] = asked
    presets, data, names = asked
    known_data, unknown_data = _matched(data, dataset_names(root))
    tell_unknown(unknown_data, "data set", dataset_names(root))
    known_presets, unknown_presets = _matched(presets[:1], tuple(PRESETS))
    tell_unknown(unknown_presets, "preset", tuple(PRESETS))
    known_names, unknown_names = _matched(names, strategies.names())
    tell_unknown(unknown_names, "strategy", strategies.names())
    if known_presets:
        _fill(PRESETS[known_presets[0]], known_data or [ScenarioConfig().dataset], root)
    elif known_data:
        fill_scenario(ScenarioConfig(dataset=known_data[0]))
    if known_names:
        choose_strategies(tuple(known_names))


def fill_preset(key: str, dataset: str, root: DataRoot) -> None:
    """Callback: fill the form with a preset."""
    _fill(PRESETS[key], [dataset], root)


def preset_of(study: StudyConfig, root: DataRoot) -> Preset | None:
    """The preset that a study is on its data sets, whatever its name; None if it is none."""
    for preset in PRESETS.values():
        try:
            made = _study(preset, _datasets(study), root)
        except ALScopeError:
            continue
        if _unordered(made) == _unordered(replace(study, name=made.name)):
            return preset
    return None


def _unordered(study: StudyConfig) -> tuple[StudyConfig, frozenset[str]]:
    """The study and its strategies apart: their order is that of the checklist."""
    return replace(study, strategies=()), frozenset(spec.title for spec in study.strategies)


def publish_link(study: StudyConfig, preset: Preset | None) -> None:
    """Write what the form says to the address."""
    data = list(_datasets(study))
    wanted = {Key.PRESET: [preset.key] if preset else [], Key.SCENARIO: data, Key.STRATEGY: []}
    for key, values in wanted.items():
        if st.query_params.get_all(key) != values:
            if values:
                st.query_params[key] = values
            elif key in st.query_params:
                del st.query_params[key]
    st.session_state[_FOLLOWED] = tuple(tuple(values) for values in wanted.values())


def _datasets(study: StudyConfig) -> tuple[str, ...]:
    return tuple(dict.fromkeys(scenario.dataset for scenario in study.scenarios))


def _matched(asked: tuple[str, ...], valid: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Names that are meant, whether written with `_`, `-` or neither; and those that are none."""
    plain = {name.replace("_", "").replace("-", ""): name for name in valid}
    found = {text: plain.get(text.lower().replace("_", "").replace("-", "")) for text in asked}
    return [name for name in found.values() if name], [t for t, name in found.items() if not name]


def _study(preset: Preset, datasets: tuple[str, ...], root: DataRoot) -> StudyConfig:
    """The preset on several data sets: their scenarios one after the other."""
    made = [preset.study(dataset, root).study for dataset in datasets]
    return replace(made[0], scenarios=tuple(s for study in made for s in study.scenarios))


def _fill(preset: Preset, datasets: list[str], root: DataRoot) -> None:
    try:
        fill_build(_study(preset, tuple(datasets), root))
    except ConfigError as error:
        show_problems(error.problems, "**The preset does not fit:**")
        return
    left_out = preset.study(datasets[0], root).left_out
    words = "; ".join(f"{out.strategy} ({out.reason})" for out in left_out)
    flash(f"{preset.title} is filled in." + (f" Left out: {words}." if words else ""))
