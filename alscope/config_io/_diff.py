"""What differs between two studies, setting by setting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from alscope.config import StudyConfig
from alscope.config_io._writer import study_table

__all__ = ["Change", "study_changes"]


@dataclass(frozen=True)
class Change:
    """One setting that differs.

    Attributes:
        path: Where it is: `train.lr`, `scenarios[0].n_rounds`.
        before: Its value as JSON; "" where it had its default or was not there.
        after: The same, after.
    """

    path: str
    before: str
    after: str


def study_changes(before: StudyConfig, after: StudyConfig) -> tuple[Change, ...]:
    """Every setting that differs; strategies and seeds as what was removed and added."""
    old, new = study_table(before), study_table(after)
    changes = [
        *_members(
            "strategies",
            [spec.title for spec in before.strategies],
            [spec.title for spec in after.strategies],
        ),
        *_members("seeds", list(before.seeds), list(after.seeds)),
    ]
    if len(before.scenarios) != len(after.scenarios):
        counts = (str(len(before.scenarios)), str(len(after.scenarios)))
        changes.append(Change("number of scenarios", *counts))
    flat_old, flat_new = dict(_leaves(old, "")), dict(_leaves(new, ""))
    changes += [
        Change(path, flat_old.get(path, ""), flat_new.get(path, ""))
        for path in dict.fromkeys((*flat_old, *flat_new))
        if flat_old.get(path) != flat_new.get(path)
    ]
    return tuple(changes)


def _members(path: str, before: list[Any], after: list[Any]) -> Iterator[Change]:
    gone = [item for item in before if item not in after]
    come = [item for item in after if item not in before]
    if gone or come:
        yield Change(path, ", ".join(map(str, gone)), ", ".join(map(str, come)))
    elif before != after:
        yield Change(path, ", ".join(map(str, before)), ", ".join(map(str, after)))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            if path or key not in {"strategies", "seeds"}:
                yield from _leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    else:
        yield path, value if isinstance(value, str) else json.dumps(value)
