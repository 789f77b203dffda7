"""Names of classes: one form, a natural order, and what is suspicious about them."""

from __future__ import annotations

import unicodedata
from collections import defaultdict

from alscope.data.importing._findings import Collector
from alscope.data.importing._limits import Limits, name_problem, shown

__all__ = ["checked_names", "normalized"]

_LIKE_MISSING = frozenset({"nan", "na", "n/a", "null", "none", "?", "-", "unknown", "nil"})


def normalized(names: set[str], collect: Collector) -> dict[str, str]:
    """Each name in the Unicode form NFC, so that what looks the same is the same."""
    normal = {name: unicodedata.normalize("NFC", name) for name in names}
    changed = sorted(name for name, new in normal.items() if name != new)
    if changed:
        collect.changes.append(f"normalized {len(changed):,} class names (Unicode NFC)")
        collect.add(
            "info",
            "names_normalized",
            "class names are written in another Unicode form; normalized (NFC)",
            where=changed,
            count=len(changed),
        )
    return normal


def checked_names(names: set[str], limits: Limits, collect: Collector) -> list[str]:
    """Class names in label order: numeric if all are integers, else alphabetic."""
    if len(names) > limits.classes:
        collect.add(
            "error",
            "too_many_classes",
            f"there are {len(names):,} classes, at most {limits.classes:,} work; is it the right "
            "column?",
        )
        names = set(sorted(names)[: limits.classes])
    ordered = sorted(names, key=int) if all(map(_is_integer, names)) else sorted(names)
    for name in ordered:
        problem = name_problem(name, limits)
        if problem:
            collect.add(
                "error", "class_name", f"the class name {shown(name)!r} {problem}; rename it"
            )
    _report_similar(ordered, collect)
    _report_missing(ordered, collect)
    return ordered


def _is_integer(name: str) -> bool:
    # Only the usual way of writing one, so that no two names are the same number.
    return name.isascii() and name.removeprefix("-").isdecimal() and str(int(name[:30])) == name


def _report_similar(names: list[str], collect: Collector) -> None:
    alike: dict[str, list[str]] = defaultdict(list)
    for name in names:
        alike[" ".join(unicodedata.normalize("NFKC", name).casefold().split())].append(name)
    groups = [group for group in alike.values() if len(group) > 1]
    if groups:
        collect.add(
            "warning",
            "similar_classes",
            "class names differ only in case or spaces; they stay different classes: correct the "
            "source if they are one",
            where=[" / ".join(map(repr, group)) for group in groups],
            count=len(groups),
        )


def _report_missing(names: list[str], collect: Collector) -> None:
    missing = [name for name in names if name.strip().casefold() in _LIKE_MISSING]
    if missing:
        collect.add(
            "warning",
            "label_like_missing",
            "class names look like a missing label; they are taken as names",
            where=missing,
            count=len(missing),
        )
