"""From a TOML document to a study, with every problem found."""

from __future__ import annotations

import datetime
import math
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from alscope.config import (
    BackboneConfig,
    ScenarioConfig,
    StrategySpec,
    StudyConfig,
    TrainConfig,
)
from alscope.errors import Problem, nearest
from alscope.params import check_fields

__all__ = ["StudyReader"]

MAX_SEEDS = 1000
_MAX_INTEGER = 2**53  # exact as a float everywhere it may travel, JSON included

T = TypeVar("T")


class StudyReader:
    """Turns a document into a study, collecting problems; wrong values become defaults."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.broken: set[str] = set()
        """Tables in which something has the wrong key or type."""

    def study(
        self,
        document: dict[str, Any],
        check: Callable[[StudyConfig], Iterable[Problem]] | None = None,
    ) -> StudyConfig:
        """The study a document describes; it may be used only if `problems` is empty after."""
        study = self._study(document)
        self.problems.extend(_semantic(study, self.broken))
        if check is not None:
            self.problems.extend(self._further(check(study)))
        return study

    def _further(self, found: Iterable[Problem]) -> Iterator[Problem]:
        """What is new and does not follow from a value that stands in for an unreadable one."""
        tables = tuple(f"{path}." for path in self.broken if path)
        for problem in found:
            stands_in = problem.path.startswith(tables) or problem.path in self.broken
            if problem not in self.problems and (
                not stands_in or problem.path.endswith(".dataset")
            ):
                yield problem

    def _study(self, document: dict[str, Any]) -> StudyConfig:
        parts: dict[str, Any] = {}
        plain = dict(document)
        for name, read in (
            ("scenarios", self._scenarios),
            ("strategies", self._strategies),
            ("seeds", self._seeds),
        ):
            if name in plain:
                parts[name] = read(plain.pop(name))
        for name, cls in (("backbone", BackboneConfig), ("train", TrainConfig)):
            if name in plain:
                parts[name] = self._table(cls, plain.pop(name), name)
        parts = {name: part for name, part in parts.items() if part is not None}
        return self._record(StudyConfig, plain, "", parts)

    def _scenarios(self, value: Any) -> tuple[ScenarioConfig, ...] | None:
        if not self._expect(value, list, "scenarios", "tables: write [[scenarios]]"):
            return None
        return tuple(
            self._table(ScenarioConfig, item, f"scenarios[{index}]") or ScenarioConfig()
            for index, item in enumerate(value)
        )

    def _strategies(self, value: Any) -> tuple[StrategySpec, ...] | None:
        if not self._expect(value, list, "strategies", 'names, such as ["random", "margin"]'):
            return None
        return tuple(self._strategy(item, index) for index, item in enumerate(value))

    def _strategy(self, value: Any, index: int) -> StrategySpec:
        path = f"strategies[{index}]"
        if isinstance(value, str):
            return StrategySpec(name=value)
        # Stands in for one that cannot be read, equal to no other, so that places stay right.
        missing: dict[str, Any] = {"name": f"?{index}"}
        if not isinstance(value, dict):
            self._wrong(path, f"is {_shown(value)}, but must be a name or a table with a name")
            return StrategySpec(**missing)
        if "name" not in value:
            self._wrong(path, 'has no name; add name = "..."')
            return self._record(StrategySpec, value, path, missing)
        return self._record(StrategySpec, value, path, {} if _is(value["name"], str) else missing)

    def _seeds(self, value: Any) -> tuple[int, ...] | None:
        if _is(value, int):
            if 1 <= value <= MAX_SEEDS:
                return tuple(range(value))
            self._wrong(
                "seeds",
                f"is {_digits(value)}, but a number of seeds is between 1 and {MAX_SEEDS}",
            )
            return None
        if isinstance(value, list) and len(value) > MAX_SEEDS:
            self._wrong("seeds", f"holds {len(value)} seeds, but at most {MAX_SEEDS} are allowed")
            return None
        seeds: tuple[int, ...] | None = self._convert(value, tuple[int, ...], "seeds")
        return seeds

    def _table(self, cls: type[T], value: Any, path: str) -> T | None:
        if not isinstance(value, dict):
            self._wrong(path, f"is {_shown(value)}, but must be a table of settings")
            return None
        return self._record(cls, value, path, {})

    def _record(self, cls: type[T], table: dict[str, Any], path: str, given: dict[str, Any]) -> T:
        """A dataclass from a table; `given` holds the fields that were read already."""
        hints = typing.get_type_hints(cls)
        fields = dict(given)
        for key, value in table.items():
            where = f"{path}.{key}" if path else key
            if key not in hints:
                self._unknown(key, tuple(hints), where, path)
                continue
            if value is None:  # YAML has a word for nothing
                if not _may_be_none(hints[key]):
                    self._wrong(where, "has no value; write one, or remove the key")
                continue
            converted = self._convert(value, hints[key], where)
            if converted is not None:
                fields[key] = converted
        return cls(**fields)

    def _unknown(self, key: str, valid: tuple[str, ...], where: str, table: str) -> None:
        guess = nearest(key, valid)
        hint = f"did you mean {guess!r}?" if guess else f"known: {', '.join(valid)}"
        self.problems.append(Problem(where, f"is not a setting; {hint}"))
        self.broken.add(table)

    def _convert(self, value: Any, hint: Any, path: str) -> Any:
        """The value as the field wants it, or None after reporting why it cannot be."""
        origin = typing.get_origin(hint)
        if origin is types.UnionType or origin is typing.Union:
            hint = next(item for item in typing.get_args(hint) if item is not type(None))
            origin = typing.get_origin(hint)
        if origin is tuple:
            return self._sequence(value, typing.get_args(hint)[0], path)
        if origin is not None:  # the only other generic field is Mapping[str, Any]
            return self._mapping(value, path)
        if not _is(value, hint):
            self._wrong(path, f"is {_shown(value)}, but must be {_WORDS[hint]}")
            return None
        complaint = _number_complaint(value)
        if complaint:
            self._wrong(path, complaint)
            return None
        return float(value) if hint is float else value

    def _sequence(self, value: Any, item: type, path: str) -> tuple[Any, ...] | None:
        if not self._expect(value, list, path, f"{_PLURALS[item]}"):
            return None
        converted = [
            self._convert(entry, item, f"{path}[{index}]") for index, entry in enumerate(value)
        ]
        return None if None in converted else tuple(converted)

    def _mapping(self, value: Any, path: str) -> dict[str, Any] | None:
        if not isinstance(value, dict):
            self._wrong(path, f"is {_shown(value)}, but must be a table of settings")
            return None
        for where, leaf in _leaves(value, path):
            complaint = "has no value" if leaf is None else _number_complaint(leaf)
            if isinstance(leaf, datetime.date | datetime.time):
                complaint = f"is {_shown(leaf)}, but must be a number, a text or a list"
            if complaint:
                self._wrong(where, complaint)
        return value

    def _expect(self, value: Any, kind: type, path: str, content: str) -> bool:
        if isinstance(value, kind):
            return True
        self._wrong(path, f"is {_shown(value)}, but must be a list of {content}")
        return False

    def _wrong(self, path: str, message: str) -> None:
        self.problems.append(Problem(path, message))
        self.broken.add(path.split(".")[0])


_WORDS = {
    str: "a text in quotes",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}
_PLURALS = {str: "texts in quotes", int: "whole numbers"}


def _is(value: Any, kind: type) -> bool:
    # In Python true is an integer; in a study file `seeds = true` is a mistake.
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float) if kind is float else isinstance(value, kind)


def _may_be_none(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {_digits(value)}"
    if isinstance(value, str):
        return f"the text {value!r}" if len(value) <= 40 else f"the text {value[:40]!r}..."
    if isinstance(value, list):
        return "a list"
    return "a table" if isinstance(value, dict) else "a date or time"


def _digits(value: float) -> str:
    # Python refuses to print integers of more than 4300 digits.
    return str(value) if abs(value) < 10**30 else "of more than 30 digits"


def _number_complaint(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"is {value}, but must be a finite number"
    if isinstance(value, int) and abs(value) > _MAX_INTEGER:
        return f"is {_digits(value)}, but whole numbers must lie within 2^53"
    return ""


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def _semantic(study: StudyConfig, broken: set[str]) -> Iterator[Problem]:
    """Problems of the values; where a value could not be read, only those of single fields.

    A misspelt `setting = "open"` would otherwise be blamed on every other open-set key.
    """
    tables: dict[str, Any] = {"train": study.train}
    tables |= {f"scenarios[{i}]": item for i, item in enumerate(study.scenarios)}
    tables |= {f"strategies[{i}]": item for i, item in enumerate(study.strategies)}
    single = {
        problem
        for path, table in tables.items()
        if path in broken
        for problem in check_fields(table, path)
    }
    for problem in study.problems():
        inside = {path for path in broken & tables.keys() if problem.path.startswith(path)}
        if not inside or problem in single:
            yield problem
