"""Forms made from dataclasses: their fields become widgets, the widgets become values.

The text, range and choices of a widget come from `alscope.params`; a strategy or backbone that is
added later gets its form without a line here. Values live in session state under
`<prefix>_<field>`, so a draft survives a page change and a file can fill it in.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import streamlit as st

from alscope.params import Param, params_of

__all__ = ["carry_over", "changed", "field_widget", "fields_form", "fill", "remember"]

_DRAWN_ON = "drawn_on_"


def remember(key: str, default: Any) -> str:
    """Give a widget's key its first value; returns the key.

    Widgets get their default this way and not as an argument, because Streamlit objects to an
    argument for a key that a loaded file has set.
    """
    if key not in st.session_state:
        st.session_state[key] = default
    return key


def carry_over(prefix: str, page: str) -> None:
    """Let a form that two pages show say on this one what it said on the other.

    To Streamlit the same key on another page is another widget: shown right after the first one,
    it would begin with its own default. Values that are assigned are kept.

    Args:
        prefix: Of the session-state keys.
        page: Where the form is about to be drawn.
    """
    if st.session_state.get(f"{_DRAWN_ON}{prefix}") == page:
        return
    for key in list(st.session_state):
        if isinstance(key, str) and key.startswith(f"{prefix}_"):
            st.session_state[key] = st.session_state[key]
    st.session_state[f"{_DRAWN_ON}{prefix}"] = page


def fields_form(
    cls: type,
    *,
    prefix: str,
    only: Iterable[str] | None = None,
    labels: Mapping[str, str] | None = None,
    n_columns: int = 2,
) -> dict[str, Any]:
    """Widgets for the fields of a dataclass, in its order.

    Args:
        cls: A dataclass whose fields have defaults.
        prefix: Of the session-state keys.
        only: Names of the fields to show; None: all.
        labels: Texts for fields whose name does not make a good one.
        n_columns: Widgets side by side on a wide screen.

    Returns:
        The value of each shown field.
    """
    wanted = None if only is None else set(only)
    names = [
        field.name for field in dataclasses.fields(cls) if wanted is None or field.name in wanted
    ]
    columns = st.columns(n_columns, vertical_alignment="bottom")
    values = {}
    for place, name in enumerate(names):
        with columns[place % len(columns)]:
            values[name] = field_widget(
                cls, name, prefix=prefix, label=(labels or {}).get(name, "")
            )
    return values


def field_widget(cls: type, name: str, *, prefix: str, label: str = "") -> Any:
    """The widget of one field; returns its value."""
    kind, optional = _kind(cls, name)
    meta = _meta(cls, name)
    key = remember(f"{prefix}_{name}", meta.default)
    label = label or _label(meta)
    help_text = _help(meta) or None
    if meta.choices is not None:
        return st.selectbox(label, meta.choices, key=key, help=help_text, persist_state="session")
    return _draw(kind)(meta, label=label, key=key, help_text=help_text, optional=optional)


def fill(prefix: str, value: Any) -> None:
    """Set the widgets of a form to a dataclass instance's fields, before they are drawn."""
    for field in dataclasses.fields(value):
        st.session_state[f"{prefix}_{field.name}"] = getattr(value, field.name)


def changed(cls: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that differ from the defaults.

    A configuration lists only these, so that the same choice always has the same content address.
    """
    defaults = {field.name: field.default for field in dataclasses.fields(cls)}
    return {name: value for name, value in values.items() if value != defaults[name]}


def _draw(kind: type) -> Callable[..., Any]:
    widgets: dict[type, Callable[..., Any]] = {bool: _checkbox, int: _integer, float: _real}
    return widgets.get(kind, _text)


def _checkbox(meta: Param, *, label: str, key: str, help_text: str | None, optional: bool) -> bool:
    return st.checkbox(label, key=key, help=help_text, persist_state="session")


def _integer(
    meta: Param, *, label: str, key: str, help_text: str | None, optional: bool
) -> int | None:
    low = None if meta.low is None else int(meta.low)
    high = None if meta.high is None else int(meta.high)
    value: Any = None if optional else "min"
    number: int | None = st.number_input(
        label,
        low,
        high,
        value,
        1,
        key=key,
        help=help_text,
        placeholder="no limit" if optional else None,
        persist_state="session",
    )
    return number


def _real(
    meta: Param, *, label: str, key: str, help_text: str | None, optional: bool
) -> float | None:
    low = None if meta.low is None else float(meta.low)
    high = None if meta.high is None else float(meta.high)
    value: Any = None if optional else "min"
    number: float | None = st.number_input(
        label,
        low,
        high,
        value,
        _step(meta),
        format="%g",
        key=key,
        help=help_text,
        placeholder="none" if optional else None,
        persist_state="session",
    )
    return number


def _text(meta: Param, *, label: str, key: str, help_text: str | None, optional: bool) -> str:
    return st.text_input(label, key=key, help=help_text, persist_state="session") or ""


def _step(meta: Param) -> float:
    """A tenth of the default's magnitude: 0.0001 for a learning rate of 0.001."""
    default = float(meta.default or 0.0)
    return float(f"{default / 10:.0e}") if default else 0.05


def _label(meta: Param) -> str:
    words = meta.name.replace("_", " ").removeprefix("n ")
    unit = f" ({meta.unit})" if meta.unit else ""
    return words[:1].upper() + words[1:] + unit


def _help(meta: Param) -> str:
    paper = f" The paper uses {meta.paper}." if meta.paper else ""
    return f"{meta.help}{paper}".strip()


def _meta(cls: type, name: str) -> Param:
    for meta in params_of(cls):
        if meta.name == name:
            return meta
    default = next(field.default for field in dataclasses.fields(cls) if field.name == name)
    return Param(name=name, default=default)


def _kind(cls: type, name: str) -> tuple[type, bool]:
    """The plain type of a field, and whether it may be None."""
    hint = typing.get_type_hints(cls)[name]
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        inner = [part for part in typing.get_args(hint) if part is not type(None)]
        return inner[0], len(inner) < len(typing.get_args(hint))
    return hint, False
