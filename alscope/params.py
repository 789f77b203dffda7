"""Metadata of a dataclass field: range, choices, unit and help, for validation and for forms."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from alscope.errors import Problem, nearest
from alscope.hashing import LATER

__all__ = ["Param", "check_fields", "make_floats", "param", "params_of"]

_KEY = "alscope"


@dataclass(frozen=True)
class Param:
    """What a form and a validator need to know about one field.

    Attributes:
        name: Field name.
        default: Default value.
        low: Smallest legal value, inclusive.
        high: Largest legal value, inclusive.
        choices: Legal values of a closed set, in the order to show.
        unit: Unit for display.
        help: One sentence for people.
        paper: Value used by the paper that introduced the method, if it differs or matters.
    """

    name: str
    default: Any
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] | None = None
    unit: str = ""
    help: str = ""
    paper: str = ""


def param(
    default: Any,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[Any] | None = None,
    unit: str = "",
    help: str = "",
    paper: str = "",
    later: bool = False,
) -> Any:
    """A dataclass field with the metadata of `Param`.

    A field that was added `later`, when results existed already, is left out of digests at its
    default, so that those results keep their identity.
    """
    meta = Param(
        name="",
        default=default,
        low=low,
        high=high,
        choices=tuple(choices) if choices is not None else None,
        unit=unit,
        help=help,
        paper=paper,
    )
    return dataclasses.field(default=default, metadata={_KEY: meta, LATER: later})


def params_of(cls: type) -> tuple[Param, ...]:
    """The fields of a dataclass that were declared with `param`, in order."""
    found = []
    for field in dataclasses.fields(cls):
        meta = field.metadata.get(_KEY)
        if meta is not None:
            found.append(dataclasses.replace(meta, name=field.name))
    return tuple(found)


def make_floats(value: Any) -> None:
    """Turn whole numbers in fields of a frozen dataclass whose default is a float into floats.

    1 and 1.0 are equal, but their digests differ: keys and random streams would differ too.
    """
    for field in dataclasses.fields(value):
        given = getattr(value, field.name)
        if isinstance(field.default, float) and type(given) is int:
            object.__setattr__(value, field.name, float(given))


def check_fields(value: Any, path: str = "") -> Iterator[Problem]:
    """Every field of a dataclass instance whose value is outside its declared range or choices.

    Args:
        value: A dataclass instance.
        path: Prefix for the reported key.
    """
    prefix = f"{path}." if path else ""
    for meta in params_of(type(value)):
        message = _complaint(meta, getattr(value, meta.name))
        if message:
            yield Problem(f"{prefix}{meta.name}", message)


def _complaint(meta: Param, given: Any) -> str:
    if given is None:
        return "" if meta.default is None else "needs a value, not nothing"
    if meta.choices is not None and given not in meta.choices:
        guess = nearest(str(given), [str(choice) for choice in meta.choices])
        hint = f"; did you mean {guess!r}?" if guess else ""
        return f"is {given!r}, but must be one of {', '.join(map(str, meta.choices))}{hint}"
    if meta.low is None and meta.high is None:
        return ""
    if isinstance(given, bool) or not isinstance(given, int | float):
        return f"is {given!r}, but must be a number"
    if given != given:
        return "is NaN, but must be a number"
    if meta.low is not None and given < meta.low:
        return f"is {given}, but must be at least {meta.low:g}"
    if meta.high is not None and given > meta.high:
        return f"is {given}, but must be at most {meta.high:g}"
    return ""
