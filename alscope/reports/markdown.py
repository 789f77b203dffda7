"""A report as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from alscope.reports.document import Code, Document, Figure, Items, Part, Row, Table, Text

__all__ = ["as_markdown"]

_SIGNS = re.compile(r"([\\`*_\[\]<>#|~$])")
_MARKS = {"": "{}", "best": "**{}**", "tied": "{} (tied)"}


def as_markdown(document: Document) -> str:
    """The report; of figures, what they show is said.

    Args:
        document: Its texts are escaped.
    """
    lines = [f"# {_plain(document.title)}", ""]
    if document.authors:
        lines += [_plain(document.authors), ""]
    for paragraph in document.notes.split("\n\n"):
        if paragraph.strip():
            lines += [_plain(paragraph), ""]
    for section in document.sections:
        lines += [f"{'#' * (section.level + 1)} {_plain(section.title)}", ""]
        for part in section.parts:
            lines += [*_part(part), ""]
    return "\n".join([*lines, f"Made with {_plain(document.made_by)}."]) + "\n"


def _part(part: Part) -> Iterator[str]:
    if isinstance(part, Text):
        yield _plain(part.text)
    elif isinstance(part, Items):
        yield from (f"- {_plain(item)}" for item in part.items)
    elif isinstance(part, Table):
        yield from _table(part)
    elif isinstance(part, Figure):
        yield f"*Figure {part.name}: {_plain(part.caption)}*"
    else:
        yield from _code(part)


def _table(table: Table) -> Iterator[str]:
    yield f"| {' | '.join(_plain(cell) for cell in table.head)} |"
    rules = ("---" if place in table.words else "---:" for place in range(len(table.head)))
    yield f"|{'|'.join(rules)}|"
    yield from (_row(table, row) for row in table.rows)
    yield ""
    yield _plain(table.caption)


def _row(table: Table, row: Row) -> str:
    cells = (_MARKS[mark].format(_plain(cell)) for cell, mark in table.marks(row))
    return f"| {' | '.join(cells)} |"


def _code(code: Code) -> Iterator[str]:
    longest = max((len(run) for run in re.findall("`+", code.text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}{code.language}"
    yield code.text.rstrip("\n")
    yield fence


def _plain(text: str) -> str:
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))
