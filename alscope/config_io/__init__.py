"""Studies as files: read with line numbers and all problems at once, write what was changed.

    study = read_study(Path("study.toml"))       # or .yaml, .yml
    text = write_study(study)                    # or form="yaml"

A key that no version knows is an error, not a remark: a misspelt `quey_size` would otherwise run
for an hour with the default.
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from alscope.config import StudyConfig
from alscope.config_io._diff import Change, study_changes
from alscope.config_io._lines import key_lines, line_of
from alscope.config_io._reader import StudyReader
from alscope.config_io._writer import write_toml
from alscope.config_io._yaml import load_yaml, write_yaml
from alscope.errors import ConfigError, Problem

__all__ = [
    "FORMS",
    "Change",
    "form_of",
    "locate",
    "parse_study",
    "read_study",
    "read_text",
    "study_changes",
    "study_from_dict",
    "write_study",
]

FORMS = ("toml", "yaml")
"""How a study can be written down; both say the same."""

MAX_BYTES = 64 * 1024
MAX_DEPTH = 8

# A key of a hundred parts or more; tomllib needs time quadratic in their number, so it comes first.
_ENDLESS_KEY = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*"|'[^'\n]*')[ \t]*+\.[ \t]*+){100}""")


def read_study(path: Path | str) -> StudyConfig:
    """The study in a file: YAML if its name ends in .yaml or .yml, else TOML.

    Args:
        path: A UTF-8 file of at most 64 kB.

    Raises:
        ConfigError: With every problem found and the line it is on.
    """
    return parse_study(read_text(path), form=form_of(path))


def form_of(path: Path | str) -> str:
    """One of `FORMS`, by the end of a file's name."""
    return "yaml" if Path(path).suffix.lower() in {".yaml", ".yml"} else "toml"


def write_study(study: StudyConfig, *, form: str = "toml") -> str:
    """A text that `parse_study` turns into an equal study; defaults are left out.

    Args:
        study: A valid study.
        form: One of `FORMS`.

    Raises:
        ConfigError: If a parameter cannot be written down (None, objects).
    """
    return write_yaml(study) if form == "yaml" else write_toml(study)


def read_text(path: Path | str) -> str:
    """The text of a study file, within the size limit.

    Raises:
        ConfigError: If the file cannot be read, is too large or is not UTF-8.
    """
    try:
        with Path(path).open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise _refused(f"cannot read {str(path)!r:.300}: {reason}") from error
    _check_size(len(raw))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise _refused(
            f"byte {error.start} is not UTF-8 text; save the file as UTF-8", line
        ) from error


def parse_study(
    text: str,
    *,
    check: Callable[[StudyConfig], Iterable[Problem]] | None = None,
    form: str = "toml",
) -> StudyConfig:
    """The study in a text.

    Args:
        text: The document; keys are the fields of `StudyConfig`. `strategies` holds names or
            tables; `seeds` holds a list, or a number n for the seeds 0 to n - 1.
        check: Finds what only registries and data can tell (`Service.problems`), so that it is
            reported together with everything else.
        form: One of `FORMS`.

    Raises:
        ConfigError: With every problem found and the line it is on.
    """
    document, lines = _load(text, form)
    reader = StudyReader()
    study = reader.study(document, check)
    if reader.problems:
        raise ConfigError(_located(reader.problems, lines()))
    return study


def study_from_dict(document: dict[str, Any]) -> StudyConfig:
    """The study in what `StudyConfig.to_dict` made, checked like a file of unknown origin.

    Args:
        document: JSON values; null stands for a setting that is left out.

    Raises:
        ConfigError: With every problem found.
    """
    _check_depth(document)
    reader = StudyReader()
    study = reader.study(_without_nulls(document))
    if reader.problems:
        raise ConfigError(reader.problems)
    return study


def locate(problems: Iterable[Problem], text: str, *, form: str = "toml") -> tuple[Problem, ...]:
    """The problems with the lines of a text attached, sorted by line.

    Args:
        problems: With paths such as `scenarios[0].query_size`.
        text: The document the configuration was read from.
        form: One of `FORMS`.
    """
    return _located(problems, _load(text, form)[1]())


def _located(problems: Iterable[Problem], lines: dict[str, int]) -> tuple[Problem, ...]:
    found = [
        dataclasses.replace(problem, line=problem.line or line_of(problem.path, lines))
        for problem in problems
    ]
    return tuple(sorted(found, key=lambda problem: problem.line or 0))


def _load(text: str, form: str) -> tuple[dict[str, Any], Callable[[], dict[str, int]]]:
    """The document, and what finds the line of every key in it."""
    _check_size(len(text.encode("utf-8", "surrogatepass")))
    if form == "yaml":
        document, lines = load_yaml(text, max_depth=MAX_DEPTH)
        return document, lambda: lines
    return _load_toml(text), lambda: key_lines(text)


def _load_toml(text: str) -> dict[str, Any]:
    if _ENDLESS_KEY.search(text):
        raise _refused(f"is nested more than {MAX_DEPTH} levels deep")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax(str(error), text) from error
    except RecursionError as error:
        raise _refused(f"is nested more than {MAX_DEPTH} levels deep") from error
    except ValueError as error:  # integers of more than 4300 digits, impossible dates
        raise _refused(f"holds a value that cannot be read: {error}") from error
    _check_depth(document)
    return document


def _syntax(message: str, text: str) -> ConfigError:
    place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", message)
    line = None
    if place is not None:
        line = int(place.group(1)) if place.group(1) else max(1, len(text.splitlines()))
        message = message[: place.start()]
    return _refused(f"not valid TOML: {message}", line)


def _check_size(n_bytes: int) -> None:
    if n_bytes > MAX_BYTES:
        raise _refused(f"is larger than {MAX_BYTES // 1024} kB; a study needs a few hundred bytes")


def _check_depth(document: dict[str, Any]) -> None:
    # A loop, not a recursion: dotted keys can nest deeper than the interpreter's stack.
    waiting: list[tuple[Any, int]] = [(document, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise _refused(f"is nested more than {MAX_DEPTH} levels deep")
        if isinstance(value, dict):
            waiting.extend((item, depth + 1) for item in value.values())
        elif isinstance(value, list):
            waiting.extend((item, depth + 1) for item in value)


def _without_nulls(value: Any) -> Any:
    """The value as TOML would hold it: there is no null."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _refused(message: str, line: int | None = None) -> ConfigError:
    return ConfigError([Problem("", message, line)])
