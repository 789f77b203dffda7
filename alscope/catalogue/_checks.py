"""What the project's tests prove about a strategy: their names are sentences."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

from alscope.registry import strategies

__all__ = ["Check", "checks", "conformance"]

_ROOT = Path(__file__).resolve().parents[2]
_FOLDER = _ROOT / "tests" / "strategies"
_SUITE = _ROOT / "alscope" / "testing" / "strategies.py"


class Check(NamedTuple):
    """One test."""

    sentence: str
    """What it says."""
    file: str
    """Where it is, relative to the project."""


def checks(name: str) -> tuple[Check, ...]:
    """The tests of the files that import a strategy.

    They are looked up in the checkout; an installation without its tests has none to show.

    Raises:
        UnknownNameError: If there is no such strategy.
    """
    module = strategies.get(name).__module__
    return tuple(
        Check(_sentence(test), path.relative_to(_ROOT).as_posix())
        for path, modules, tests in _files()
        if module in modules
        for test in tests
    )


@cache
def conformance() -> tuple[Check, ...]:
    """The tests that every strategy has to pass, those of plug-ins included."""
    tree = ast.parse(_SUITE.read_text(encoding="utf-8"))
    file = _SUITE.relative_to(_ROOT).as_posix()
    return tuple(
        Check(_sentence(node.name), file)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


@cache
def _files() -> tuple[tuple[Path, frozenset[str], tuple[str, ...]], ...]:
    return tuple(_read(path) for path in sorted(_FOLDER.glob("test_*.py")))


def _read(path: Path) -> tuple[Path, frozenset[str], tuple[str, ...]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = {
        node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module
    }
    tests = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    return path, frozenset(modules), tuple(tests)


def _sentence(test: str) -> str:
    words = test.removeprefix("test_").replace("_", " ")
    return f"{words[:1].upper()}{words[1:]}."
