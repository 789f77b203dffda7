"""Imports go down the levels of docs/architecture.md, and torch stays out of the web process."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

from alscope.registry import strategies
from tests.source import (
    ROOT,
    Import,
    engine_files,
    imports,
    module_name,
    tree,
    view_files,
)

HEAVY = {"torch", "torchvision", "transformers", "datasets", "sklearn"}

# What docs/architecture.md allows besides: inputs are computed by `learn`, and declare with it.
INPUTS, LEARN, DECLARATIONS = "alscope.inputs", "alscope.learn", "alscope.learn.protocols"

# The doors of the engine for pages, interface and command line.
ENGINE_DOORS = {
    "alscope.engine.checkup",
    "alscope.engine.service",
    "alscope.engine.access",
    "alscope.engine.access_rules",
    "alscope.engine.defaults",
    "alscope.engine.presets",
    "alscope.engine.grid",
}

FILES = engine_files() + view_files()
BY_NAME = {module_name(path): path for path in FILES}


@cache
def levels() -> dict[str, tuple[int, int]]:
    """Room -> (level, place within the level), read from the document.

    The place counts on level 0 only, where a module may import those listed before it.
    """
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    found = {"app": (10, 0), "pages": (10, 0), "alscope.__main__": (10, 0)}
    for level, rooms in re.findall(r"^ ?(\d+)  (.*)$", text, flags=re.MULTILINE):
        group = re.search(r"alscope\.\{(.*)\}", rooms)
        names = re.findall(r"\w+", group[1]) if group else re.findall(r"alscope\.(\w+)", rooms)
        for place, name in enumerate(names):
            found[f"alscope.{name}"] = (int(level), place if level == "0" else 0)
    return found


def room(module: str) -> str:
    """The room a module is in: `alscope.engine.loop` -> `alscope.engine`."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "alscope" else parts[0]


def may_import(importer: str, imported: str) -> bool:
    """Whether the levels allow it; the package itself only lists public names."""
    here, there = room(importer), room(imported)
    if here == there or "alscope" in (here, there):
        return True
    (level, place), (other, other_place) = levels()[here], levels()[there]
    return other < level or (level == other == 0 and other_place < place)


def is_exception(importer: str, found: Import) -> bool:
    """Whether a sideways import is one that the document names."""
    sideways = (room(importer), room(found.module)) == (INPUTS, LEARN)
    return sideways and (found.module.startswith(DECLARATIONS) or not found.at_import)


def is_light(path: Path) -> bool:
    """Whether the web process may import it: all but training, networks, and the worker's engine.

    What the doors of the engine import is covered with them.
    """
    name = module_name(path)
    if room(name) == "alscope.engine":
        return name in ENGINE_DOORS | {"alscope.engine.control", "alscope.engine.plan"}
    if room(name) == LEARN:
        return name == DECLARATIONS
    private = path.stem.startswith("_") and path.stem != "__init__"
    return not (room(name) == "alscope.backbones" and private)


def loads_torch(path: Path) -> bool:
    """Whether importing a file imports a heavy package, itself or through its imports."""
    seen, todo = {path}, [path]
    while todo:
        early = {found.module for found in imports(todo.pop()) if found.at_import}
        if HEAVY & {name.split(".")[0] for name in early}:
            return True
        below = {BY_NAME[name] for name in early & BY_NAME.keys()} - seen
        seen |= below
        todo += below
    return False


def test_imports_go_down_the_levels() -> None:
    wrong = [
        f"{module_name(path)}:{found.line} imports {found.module}"
        for path in FILES
        for found in imports(path)
        if found.module.split(".")[0] in {"alscope", "app", "pages"}
        and not may_import(module_name(path), found.module)
        and not is_exception(module_name(path), found)
    ]

    assert not wrong


def test_every_room_of_the_package_has_a_level_and_every_level_has_rooms() -> None:
    rooms = {room(module_name(path)) for path in engine_files()} - {"alscope"}

    assert rooms == {name for name in levels() if name.startswith("alscope.")}


def test_only_the_interface_imports_streamlit() -> None:
    users = {
        room(module_name(path))
        for path in engine_files()
        if any(found.module.split(".")[0] == "streamlit" for found in imports(path))
    }

    assert users <= {"alscope.ui"}


def test_pages_interface_and_command_line_enter_the_engine_by_its_doors() -> None:
    wrong = [
        f"{module_name(path)}:{found.line} imports {found.module}"
        for path in FILES
        if room(module_name(path)) in {"app", "pages", "alscope.ui", "alscope.cli"}
        for found in imports(path)
        if room(found.module) == "alscope.engine" and found.module not in ENGINE_DOORS
    ]

    assert not wrong


def test_importing_a_light_module_never_imports_torch() -> None:
    assert not [module_name(path) for path in FILES if is_light(path) and loads_torch(path)]


def test_training_and_engine_name_no_strategy() -> None:
    # The demo study and the presets name their strategies; nothing else may.
    files = [
        path
        for path in engine_files()
        if room(module_name(path)) in {"alscope.learn", "alscope.engine"}
        and module_name(path) not in {"alscope.engine.defaults", "alscope.engine.presets"}
    ]
    wrong = [
        f"{module_name(path)}:{node.lineno} says {node.value!r}"
        for path in files
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and node.value in strategies.names()
    ]

    assert not wrong


WEB_PROCESS = """
import importlib, pkgutil, sys
import alscope, alscope.inputs, alscope.engine.service, alscope.charts, alscope.results
from alscope.registry import backbones, datasets, strategies
assert len(strategies) and len(datasets) and len(backbones)
for package in (alscope.charts, alscope.results):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
print(sorted({"torch", "torchvision", "transformers", "datasets", "sklearn"} & set(sys.modules)))
"""


def test_what_the_web_process_imports_leaves_torch_out() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WEB_PROCESS], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.stdout.strip(), done.stderr) == ("[]", "")
