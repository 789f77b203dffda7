"""Names and messages of strangers on pages, in logs and on terminals (rows H7 and H12)."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alscope.data.own import own_folder
from alscope.data.protocols import DataRoot
from alscope.engine.runlog import worker_log
from alscope.errors import ALScopeError
from alscope.store.owners import Owners
from alscope.store.runs import RunStore
from alscope.store.studies import StudyStore
from alscope.texts import LogFormatter, visible, without_folders
from alscope.ui.text import file_stem, plain

_PARTS = (
    "..", "../..", "..\\..", "/", "\\", "C:", "C:\\x", "\\\\host\\share", "~", "~root", "$HOME",
    "%2e%2e", "%2e%2e%2f", "%00", "\x00", "\n", "\r\n", "\x1b[2J", "\u202e", "\u2028",
    "\ud800", "con", "nul",
    "lpt1", "com1.txt", "aux", ".", ".git", ".trash", "-rf", "--help", "<b>",
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))", "![x](http://evil.example/x)", "`", "$x$", ":red[x]",
    "'; DROP TABLE x",
    "{{7*7}}", "${7*7}", "%s%n", "\N{FULLWIDTH FULL STOP}" * 2, "a" * 10_000,
    "\N{ZERO WIDTH SPACE}",
    "\N{CYRILLIC SMALL LETTER A}dmin", "e\u0301", " ", "",
)  # fmt: skip
NAMES = (
    *_PARTS,
    *(f"a/{part}" for part in _PARTS),
    *(f"{part}/a" for part in _PARTS),
    *(f"{part}.json" for part in _PARTS),
    *(unquote(part) for part in _PARTS),
)


def test_there_are_two_hundred_hostile_names() -> None:
    assert len(set(NAMES)) >= 180


@pytest.mark.parametrize("name", sorted(set(NAMES)), ids=lambda name: ascii(name)[:30])
def test_no_name_becomes_a_path_outside_or_one_that_is_no_id(tmp_path: Path, name: str) -> None:
    root = DataRoot(tmp_path / "data", tmp_path / "cache", allow_download=False)
    runs, studies = RunStore(tmp_path / "runs"), StudyStore(tmp_path / "studies")
    before = sorted(tmp_path.rglob("*"))

    for use in (
        lambda: own_folder(root, name),
        lambda: runs.path_of(name),
        lambda: studies.load(name),
        lambda: studies.set_desired(name, "paused"),
        lambda: Owners(tmp_path / "owners").claim("study", name, "eve"),
    ):
        try:
            found = use()
        except ALScopeError:
            continue
        assert found is None or Path(found).resolve().is_relative_to(tmp_path)
    assert "/" not in file_stem(name)
    assert len(file_stem(name)) <= 40
    outside = [path for path in tmp_path.rglob("*") if path.parts[len(tmp_path.parts)] != "owners"]
    assert sorted(outside) == before


@pytest.mark.slow
@given(st.text())
def test_markdown_interprets_nothing_of_a_text(text: str) -> None:
    shown = plain(text)

    for place, letter in enumerate(shown):
        if letter in "`*_[]<>#~|$:":
            assert shown[place - 1] == "\\"
    assert visible(shown) == shown
    assert "\n" not in shown


def test_marks_that_turn_a_text_around_are_written_out() -> None:
    assert plain("invoice\u202egpj.exe") == "invoice\\\\u202egpj.exe"
    assert plain("a\x00b\x1b[2J") == "a\\\\x00b\\\\x1b\\[2J"


def test_letters_of_all_scripts_and_pictures_stay() -> None:
    text = "Ünïcödé 標籤 تجربة 👩‍🔬"

    assert plain(text) == text


def test_errors_do_not_say_whose_computer_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ALSCOPE_CACHE", str(tmp_path / "cache"))
    home = Path.home()
    inside = f'  File "{home}/.venv/lib/python3.11/site-packages/numpy/core.py", line 7, in f'

    assert without_folders(inside) == '  File "numpy/core.py", line 7, in f'
    assert (
        without_folders(f"{tmp_path}/cache/runs/x is broken") == "$ALSCOPE_CACHE/runs/x is broken"
    )
    assert str(home) not in without_folders(f"{home}/data.csv is broken") or len(home.parts) == 1


def logged(message: str, *values: object, error: BaseException | None = None) -> list[str]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LogFormatter("%(asctime)s %(levelname)s %(message)s"))
    exc_info = None if error is None else (type(error), error, None)
    record = logging.LogRecord("x", logging.WARNING, "f", 1, message, values, exc_info)
    handler.handle(record)
    return stream.getvalue().splitlines()


@given(st.text())
def test_a_message_is_one_line_of_the_log_whatever_is_in_it(text: str) -> None:
    lines = logged("study %s is left out", text)

    assert len(lines) == 1
    assert visible(lines[0]) == lines[0]


def test_no_exception_can_forge_a_line_of_the_log(tmp_path: Path) -> None:
    forged = "\n2026-01-01 00:00:00,000 ERROR the disk is on fire"
    lines = logged("failed", error=ValueError(f"bad value{forged}"))
    (tmp_path / "worker-1.log").write_text("\n".join(lines) + "\n", encoding="utf-8")

    assert [line.level for line in worker_log(tmp_path)] == ["WARNING"] * len(lines)
    assert len(lines) > 2
