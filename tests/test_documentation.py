"""What the documentation shows works: examples run, links lead somewhere, targets exist."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

from alscope.config_io import parse_study
from tests.source import ROOT, tree

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "cache" / "README.md"]

USE_EXAMPLE = """
import numpy as np
from alscope.registry import strategies
from alscope.testing.fakes import make_view

strategy = strategies.get("gini")()
view = make_view(strategy)
chosen = strategy.select(view, 5, np.random.default_rng(0), None)
assert list(chosen.positions) == list(np.argsort(-strategy.scores(view))[:5])
"""


def block(language: str) -> str:
    """The first block of a language in the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)[0]


def test_the_study_in_the_readme_is_valid() -> None:
    study = parse_study(block("toml"))

    assert not list(study.problems())
    assert study.scenarios[0].ood_ratio == 0.4


def test_the_strategy_in_the_readme_selects_the_best_samples(tmp_path: Path) -> None:
    # In a process of its own: registering it here would add it to every catalogue test.
    program = tmp_path / "gini.py"
    program.write_text(block("python") + USE_EXAMPLE, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, program],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]

    assert not broken


def test_every_make_target_that_is_mentioned_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    mentioned = {
        name for text in texts for name in re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)
    }

    assert mentioned <= targets


def test_every_test_that_the_reliability_matrix_names_exists() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    named = re.findall(r"(tests/[\w/]+\.py)(?:::(\w+))?", text)
    missing = [
        f"{file}::{name}"
        for file, name in named
        if not (ROOT / file).is_file() or (name and name not in functions(ROOT / file))
    ]

    assert len(named) > 40
    assert not missing


def test_every_row_of_the_reliability_matrix_has_a_test() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([CEUH]\d+) \|.*$", text, re.MULTILINE)
    untested = re.findall(r"^\| ([CEUH]\d+) \|(?!.*tests/).*$", text, re.MULTILINE)

    assert len(rows) == len(set(rows))
    assert not untested


def functions(path: Path) -> set[str]:
    """Names of all functions and classes in a file."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(tree(path)) if isinstance(node, kinds)}
