"""The part of Build that chooses strategies and their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import streamlit as st

from alscope.config import StrategySpec
from alscope.engine.presets import PRESETS
from alscope.params import params_of
from alscope.registry import strategies
from alscope.ui.forms import changed, field_widget, fields_form, remember
from alscope.ui.state import Key
from alscope.ui.text import plain

__all__ = ["add_strategy", "choose_strategies", "fill_strategies", "strategy_form"]

_FIRST = PRESETS["essentials"]

_GROUPS = (
    "baseline",
    "uncertainty",
    "diversity",
    "hybrid",
    "posterior",
    "learned",
    "imbalance",
    "open_set",
)
_PREFIX = Key.STRATEGY_FORM


def strategy_form(unusable: Mapping[str, str]) -> tuple[StrategySpec, ...]:
    """A checklist by group, with parameters; returns the chosen strategies.

    Args:
        unusable: Strategies that cannot run in the scenarios, and why; they cannot be chosen.
    """
    sets = {title: names for title, names in _sets().items() if names or title == "None"}
    st.caption("Tick only the strategies of:")
    with st.container(horizontal=True):
        for title, names in sets.items():
            st.button(
                title, on_click=choose_strategies, args=(names,), key=f"{_PREFIX}_preset_{title}"
            )
    for group in _groups():
        st.markdown(f"**{group.replace('_', ' ').capitalize()}**")
        for name in _members(group):
            _checkbox(name, unusable.get(name, ""))
    ticked = [name for name in _ordered() if st.session_state[_key(name)]]
    gone = [name for name in ticked if name in unusable]
    if gone:
        st.caption(f":material/block: Not run, because they cannot be: {plain(', '.join(gone))}")
    chosen = [name for name in ticked if name not in unusable]
    specs = _parameters(chosen)
    return (*specs, *_variants(specs))


def fill_strategies(specs: tuple[StrategySpec, ...]) -> None:
    """Set the checklist to a study's strategies."""
    choose_strategies(tuple(spec.name for spec in specs))
    seen: set[str] = set()
    more = []
    for spec in specs:
        if spec.name in seen:
            more.append(asdict(spec))
        else:
            seen.add(spec.name)
            _fill_params(spec)
    st.session_state[Key.MORE_STRATEGIES] = more


def _fill_params(spec: StrategySpec) -> None:
    cls = strategies.get(spec.name)
    for meta in params_of(cls):
        value = spec.params.get(meta.name, meta.default)
        st.session_state[f"{_PREFIX}_{spec.name}_{meta.name}"] = value
    st.session_state[f"{_PREFIX}_{spec.name}_candidates"] = spec.candidates


def choose_strategies(names: tuple[str, ...]) -> None:
    """Tick these strategies and no others, before the checklist is drawn."""
    for name in strategies:
        st.session_state[_key(name)] = name in names


def add_strategy(name: str) -> None:
    """Tick one strategy more, before the checklist is drawn."""
    for other in strategies:
        st.session_state.setdefault(_key(other), other in _FIRST.names)
    st.session_state[_key(name)] = True


def _sets() -> dict[str, tuple[str, ...]]:
    """The strategies of every preset by its title, none and all."""
    named = {preset.title: preset.names for preset in PRESETS.values() if not preset.is_everything}
    return {**named, "All": strategies.names(), "None": ()}


def _checkbox(name: str, reason: str) -> None:
    info = strategies.info(name)
    summary = info.get("summary", "")
    st.checkbox(
        f"**{plain(str(info.get('title', name)))}** · {plain(str(summary))}",
        key=remember(_key(name), name in _FIRST.names),
        disabled=bool(reason),
        help=f":material/block: {plain(reason)}" if reason else None,
        width="stretch",
        wrap=True,
        persist_state="session",
    )


def _parameters(chosen: list[str]) -> list[StrategySpec]:
    if not chosen:
        return []
    specs = []
    with st.expander("Parameters of the chosen strategies"):
        for name in chosen:
            st.markdown(f"**{plain(str(strategies.info(name).get('title', name)))}**")
            specs.append(_one(name))
            st.button(
                "Add this as a variant",
                key=f"{_PREFIX}_{name}_add",
                on_click=_add_variant,
                args=(specs[-1],),
                help="Keeps these parameters, so that you can choose others beside them.",
                type="tertiary",
            )
    return specs


def _one(name: str) -> StrategySpec:
    cls = strategies.get(name)
    prefix = f"{_PREFIX}_{name}"
    own = [meta.name for meta in params_of(cls)]
    params = fields_form(cls, prefix=prefix, only=own, n_columns=3) if own else {}
    candidates = field_widget(StrategySpec, "candidates", prefix=prefix)
    return StrategySpec(name=name, params=changed(cls, params), candidates=candidates)


def _add_variant(spec: StrategySpec) -> None:
    st.session_state[Key.MORE_STRATEGIES] = [*_more(), asdict(spec)]


def _variants(specs: list[StrategySpec]) -> list[StrategySpec]:
    """Variants that were added and are still wanted."""
    variants = [StrategySpec(**item) for item in _more()]
    if not variants:
        return []
    kept = st.multiselect(
        "Variants",
        range(len(variants)),
        default=range(len(variants)),
        format_func=lambda index: variants[index].title,
        key=f"{_PREFIX}_variants_{len(variants)}",
        help="Remove the ones that are not wanted.",
    )
    if len(kept) < len(variants):
        st.session_state[Key.MORE_STRATEGIES] = [asdict(variants[index]) for index in kept]
        st.rerun()
    return [variant for variant in variants if variant not in specs]


def _more() -> list[dict[str, Any]]:
    stored: list[dict[str, Any]] = st.session_state.get(Key.MORE_STRATEGIES, [])
    return stored


def _groups() -> list[str]:
    present = {str(strategies.info(name).get("group", "other")) for name in strategies}
    return [group for group in _GROUPS if group in present] + sorted(present - set(_GROUPS))


def _members(group: str) -> list[str]:
    return [name for name in strategies if strategies.info(name).get("group", "other") == group]


def _ordered() -> list[str]:
    return [name for group in _groups() for name in _members(group)]


def _key(name: str) -> str:
    return f"{_PREFIX}_use_{name}"
