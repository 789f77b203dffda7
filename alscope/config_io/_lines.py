"""Which line of a TOML document each key is on.

`tomllib` returns values without positions. This scanner walks a document that `tomllib` has already
accepted, so it may assume that the document is well formed; it understands tables, arrays of
tables, dotted and quoted keys, inline tables, nested arrays and the four kinds of string.
"""

from __future__ import annotations

import re
from bisect import bisect_right

__all__ = ["key_lines", "line_of"]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\])*"|\'[^\']*\'', re.DOTALL
)
_PLAIN = re.compile(r"[^,\]}#\r\n]+")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")
_SIMPLE = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}


def key_lines(text: str) -> dict[str, int]:
    """Line (1-based) of every key, table and array element, by path: `scenarios[0].n_rounds`.

    Args:
        text: A TOML document that `tomllib.loads` accepts.
    """
    return _Scanner(text).scan()


def line_of(path: str, lines: dict[str, int]) -> int | None:
    """Line of a key, or of the innermost table or list around it that is in the document."""
    while path:
        if path in lines:
            return lines[path]
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return None


class _Scanner:
    """One walk over a document; `at` is the next character to read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[str, int] = {}
        self.counts: dict[str, int] = {}
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def scan(self) -> dict[str, int]:
        table = ""
        self.blank()
        while self.at < len(self.text):
            if self.text.startswith("[[", self.at):
                table = self.header(array=True)
            elif self.text[self.at] == "[":
                table = self.header(array=False)
            else:
                self.pair(table)
            self.blank()
        return self.lines

    def blank(self) -> None:
        match = _BLANK.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def note(self, path: str) -> None:
        self.lines.setdefault(path, bisect_right(self.starts, self.at))

    def header(self, *, array: bool) -> str:
        width = 2 if array else 1
        start = self.at
        self.at += width
        *parents, last = self.key()
        self.at += width
        path = ""
        for name in parents:
            path = self.inside(_join(path, name))
        path = _join(path, last)
        end, self.at = self.at, start
        self.note(path)
        if array:
            self.counts[path] = self.counts.get(path, -1) + 1
            path = self.inside(path)
            self.note(path)
        self.at = end
        return path

    def inside(self, path: str) -> str:
        """The table a header goes on in: the last element of an array of tables."""
        return f"{path}[{self.counts[path]}]" if path in self.counts else path

    def key(self) -> list[str]:
        names = []
        while True:
            self.blank()
            names.append(self.name())
            self.blank()
            if self.text[self.at] != ".":
                return names
            self.at += 1

    def name(self) -> str:
        quoted = self.text[self.at] in "\"'"
        match = (_STRING if quoted else _BARE).match(self.text, self.at)
        if match is None:  # tomllib accepted the document, so this is a fault of the scanner
            raise ValueError(f"no key at character {self.at}")
        self.at = match.end()
        return _unquote(match.group()) if quoted else match.group()

    def pair(self, table: str) -> None:
        start = self.at
        path = table
        for name in self.key():
            path = _join(path, name)
            end, self.at = self.at, start
            self.note(path)
            self.at = end
        self.at += 1  # the equals sign
        self.blank()
        self.value(path)

    def value(self, path: str) -> None:
        character = self.text[self.at]
        if character == "[":
            self.array(path)
        elif character == "{":
            self.inline(path)
        else:
            pattern = _STRING if character in "\"'" else _PLAIN
            match = pattern.match(self.text, self.at)
            self.at = match.end() if match else self.at + 1

    def array(self, path: str) -> None:
        self.at += 1
        self.blank()
        index = 0
        while self.text[self.at] != "]":
            self.note(f"{path}[{index}]")
            self.value(f"{path}[{index}]")
            index += 1
            self.separator()
        self.at += 1

    def inline(self, path: str) -> None:
        self.at += 1
        self.blank()
        while self.text[self.at] != "}":
            self.pair(path)
            self.separator()
        self.at += 1

    def separator(self) -> None:
        self.blank()
        if self.text[self.at] == ",":
            self.at += 1
            self.blank()


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _unquote(raw: str) -> str:
    if raw[0] == "'":
        return raw[1:-1]
    return _ESCAPE.sub(_unescape, raw[1:-1])


def _unescape(match: re.Match[str]) -> str:
    short, long, simple = match.groups()
    if simple is not None:
        return _SIMPLE.get(simple, simple)
    return chr(int(short or long, 16))
