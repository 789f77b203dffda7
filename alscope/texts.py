"""Texts of strangers and errors, made fit to be shown or logged."""

from __future__ import annotations

import logging
import os
import re
import unicodedata
from functools import cache
from pathlib import Path

__all__ = ["LogFormatter", "log_to_stderr", "visible", "without_folders"]

# Line and paragraph separators, and marks that turn the direction of what follows.
_TURNING = frozenset(
    "\u2028\u2029\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_PACKAGES = re.compile(r"""(?<=["'\s(])[^"'\n]*?[/\\](?:site|dist)-packages[/\\]""")


def visible(text: str, *, keep: str = "") -> str:
    """The text with control characters spelled out: nothing moves a cursor or ends a line.

    Args:
        text: Any text.
        keep: Control characters that stay as they are.
    """
    return "".join(
        letter if letter in keep or not _is_control(letter) else _spelled(letter) for letter in text
    )


def without_folders(text: str) -> str:
    """The text without what tells whose computer it is: `~`, `$ALSCOPE_CACHE`, `.` for the project.

    Files of installed packages are named from the package on.
    """
    text = _PACKAGES.sub("", text)
    for folder, short in _folders(os.environ.get("ALSCOPE_CACHE"), os.environ.get("ALSCOPE_DATA")):
        text = text.replace(folder, short)
    return text


class LogFormatter(logging.Formatter):
    """One line per message, and tracebacks indented: no text can look like a line of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base's name
        """The message, with control characters written out."""
        record.message = visible(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:  # noqa: N802 - the base's name
        """The traceback, indented."""
        text = super().formatException(ei)  # type: ignore[arg-type]
        return "\n".join(f"    {visible(line)}" for line in text.split("\n"))


def log_to_stderr(level: int, form: str) -> None:
    """Let all loggers write to standard error, unless somebody else takes care of them."""
    handler = logging.StreamHandler()
    handler.setFormatter(LogFormatter(form))
    logging.basicConfig(level=level, handlers=[handler])


def _is_control(letter: str) -> bool:
    return letter in _TURNING or unicodedata.category(letter) in {"Cc", "Cs"}


def _spelled(letter: str) -> str:
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


@cache
def _folders(*named: str | None) -> tuple[tuple[str, str], ...]:
    """Folders of this computer and what to say instead, the longest first."""
    found = [(Path(__file__).parents[1], "."), (Path.home(), "~")]
    found += [
        (Path(folder).expanduser(), f"${variable}")
        for folder, variable in zip(named, ("ALSCOPE_CACHE", "ALSCOPE_DATA"), strict=True)
        if folder
    ]
    short = [(str(path.resolve()), text) for path, text in found if len(path.resolve().parts) > 1]
    return tuple(sorted(short, key=lambda pair: -len(pair[0])))
