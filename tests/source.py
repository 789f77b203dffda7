"""Reading the project's own source: modules, imports, calls, string literals."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = [
    "ROOT",
    "Import",
    "called",
    "engine_files",
    "imports",
    "module_name",
    "tree",
    "view_files",
]

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Import:
    """One imported module.

    Attributes:
        module: Absolute dotted name of what is imported.
        line: Line number.
        at_import: Whether it happens when the file is imported, not inside a function.
    """

    module: str
    line: int
    at_import: bool


def engine_files() -> tuple[Path, ...]:
    """Every module of the package."""
    return tuple(sorted((ROOT / "alscope").rglob("*.py")))


def view_files() -> tuple[Path, ...]:
    """The app and its pages."""
    return (ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py")))


def module_name(path: Path) -> str:
    """Dotted name of a file: `alscope.engine.loop`; a package by its own name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(path: Path) -> Iterator[Import]:
    """Everything a file imports, except under `if TYPE_CHECKING`.

    `from alscope import engine` counts as `alscope.engine`.
    """
    return _imports(tree(path).body, at_import=True)


def called(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call with the dotted name of what is called: `np.random.seed`, `print`."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            name = _dotted(node.func)
            if name:
                yield name, node


def _imports(body: list[ast.stmt], *, at_import: bool) -> Iterator[Import]:
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            yield from _imports(node.orelse, at_import=at_import)
        elif isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, at_import) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from _from(node, at_import=at_import)
        else:
            deferred = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from _imports(_statements(node), at_import=at_import and not deferred)


def _from(node: ast.ImportFrom, *, at_import: bool) -> Iterator[Import]:
    assert node.level == 0, "imports are absolute"
    assert node.module
    for alias in node.names:
        inner = f"{node.module}.{alias.name}"
        is_module = (ROOT / inner.replace(".", "/")).with_suffix(".py").exists() or (
            ROOT / inner.replace(".", "/") / "__init__.py"
        ).exists()
        yield Import(inner if is_module else node.module, node.lineno, at_import)


def _statements(node: ast.AST) -> list[ast.stmt]:
    found: list[ast.stmt] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            found.append(child)
        elif isinstance(child, ast.excepthandler | ast.match_case):
            found.extend(_statements(child))
    return found


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = _dotted(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return ""
