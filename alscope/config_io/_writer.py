"""From a study to a TOML text."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from alscope.config import StudyConfig
from alscope.errors import ConfigError, Problem

__all__ = ["write_study"]


def write_study(study: StudyConfig) -> str:
    """A TOML text that `parse_study` turns into an equal study; defaults are left out.

    Args:
        study: A valid study.

    Raises:
        ConfigError: If a parameter cannot be expressed in TOML (None, objects).
    """
    head = {"name": study.name, **_changed(study, ("description", "schema"))}
    simple = all(not spec.params and spec.candidates is None for spec in study.strategies)
    if simple:
        head["strategies"] = [spec.name for spec in study.strategies]
    head["seeds"] = list(study.seeds)
    blocks = [_pairs(head)]
    for name in ("backbone", "train"):
        changed = _changed(getattr(study, name))
        if changed:
            blocks.append(f"[{name}]\n{_pairs(changed)}")
    blocks += [f"[[scenarios]]\n{_pairs(_changed(item))}" for item in study.scenarios]
    if not simple:
        blocks += [f"[[strategies]]\n{_pairs(_changed(item))}" for item in study.strategies]
    return "\n".join(blocks)


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
