"""From a study to a plain table, and to a TOML text."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from alscope.config import StudyConfig
from alscope.errors import ConfigError, Problem

__all__ = ["study_table", "write_toml"]


def study_table(study: StudyConfig) -> dict[str, Any]:
    """The study as a plain table; defaults are left out, the schema number is not."""
    table: dict[str, Any] = {
        "schema": study.schema,
        "name": study.name,
        **_changed(study, ("description",)),
        "seeds": list(study.seeds),
    }
    for name in ("backbone", "train"):
        table[name] = _changed(getattr(study, name))
    table["scenarios"] = [_changed(item) for item in study.scenarios]
    simple = all(not spec.params and spec.candidates is None for spec in study.strategies)
    table["strategies"] = (
        [spec.name for spec in study.strategies]
        if simple
        else [_changed(item) for item in study.strategies]
    )
    return {key: _plain(value, key) for key, value in table.items() if value not in ({}, [])}


def write_toml(study: StudyConfig) -> str:
    """A TOML text that is read as an equal study; defaults are left out.

    Args:
        study: A valid study.

    Raises:
        ConfigError: If a parameter cannot be expressed in TOML (None, objects).
    """
    table = study_table(study)
    # Simple values first: in TOML everything after a header belongs to its table.
    blocks = [_pairs({key: value for key, value in table.items() if not _is_table(value)})]
    for key, value in table.items():
        if isinstance(value, dict):
            blocks.append(f"[{key}]\n{_pairs(value)}")
        elif _is_table(value):
            blocks += [f"[[{key}]]\n{_pairs(item)}" for item in value]
    return "\n".join(blocks)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and bool(value) and isinstance(value[0], dict)
    )


def _plain(value: Any, path: str) -> Any:
    """The value as lists and tables of texts, numbers and booleans."""
    if isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item, path) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item, f"{path}.{key}") for key, item in value.items()}
    raise ConfigError([Problem(path, f"is {value!r}, which cannot be written down; remove it")])


def _changed(value: Any, names: tuple[str, ...] | None = None) -> dict[str, Any]:
    changed = {}
    for field in dataclasses.fields(value):
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        given = getattr(value, field.name)
        if (names is None or field.name in names) and given != default:
            changed[field.name] = given
    return changed


def _pairs(table: Mapping[str, Any]) -> str:
    return "".join(f"{_key(key)} = {_value(item, key)}\n" for key, item in table.items())


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _text(key)


def _value(value: Any, path: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item, path) for item in value)}]"
    if isinstance(value, Mapping):
        inner = ", ".join(
            f"{_key(key)} = {_value(item, f'{path}.{key}')}" for key, item in value.items()
        )
        return f"{{ {inner} }}" if inner else "{}"
    raise ConfigError([Problem(path, f"is {value!r}, which cannot be written as TOML; remove it")])


_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def _text(value: str) -> str:
    return '"' + re.sub(r'["\\\x00-\x1f\x7f]', _escaped, value) + '"'


def _escaped(match: re.Match[str]) -> str:
    character = match.group()
    return _SHORT.get(character) or f"\\u{ord(character):04x}"
