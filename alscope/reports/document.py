"""A report as a value: sections of texts, tables, figures and code, without any markup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import altair as alt
import pandas as pd

__all__ = ["Code", "Document", "Figure", "Items", "Part", "Row", "Section", "Table", "Text"]

Mark = Literal["", "best", "tied"]


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Items:
    """A list of sentences."""

    items: Sequence[str]


@dataclass(frozen=True)
class Row:
    """A row of a table, and whether it is the best or tied with it."""

    cells: Sequence[str]
    mark: Mark = ""


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes:
        head: Titles of the columns.
        rows: Rows with as many cells.
        caption: What it shows and how to read it.
        words: Places of the columns that hold words; the others hold numbers.
        marked: Places of the cells that show the mark of their row.
    """

    head: Sequence[str]
    rows: Sequence[Row]
    caption: str
    words: Sequence[int] = (0,)
    marked: Sequence[int] = (0,)

    def marks(self, row: Row) -> list[tuple[str, Mark]]:
        """The cells of a row, each with its mark."""
        shown = set(self.marked)
        return [(cell, row.mark if i in shown else "") for i, cell in enumerate(row.cells)]


@dataclass(frozen=True, eq=False)
class Figure:
    """A chart.

    Attributes:
        chart: From `alscope.charts`.
        data: The plotted frame.
        alt: What is to be seen, in words.
        caption: What it is made of.
        name: Stem of a file, unique in the document.
    """

    chart: alt.TopLevelMixin
    data: pd.DataFrame
    alt: str
    caption: str
    name: str


@dataclass(frozen=True)
class Code:
    """Lines to be copied."""

    text: str
    language: str


Part = Text | Items | Table | Figure | Code


@dataclass(frozen=True)
class Section:
    """A heading and what is under it.

    Attributes:
        title: The heading.
        parts: In order.
        level: 1 for a section, 2 for a part of the section before it.
    """

    title: str
    parts: Sequence[Part]
    level: int = 1


@dataclass(frozen=True)
class Document:
    """A report.

    Attributes:
        title: Of a person.
        authors: Of a person; may be empty.
        notes: Of a person; paragraphs are parted by empty lines.
        sections: In order.
        made_by: Program and version.
    """

    title: str
    authors: str
    notes: str
    sections: Sequence[Section]
    made_by: str

    @property
    def figures(self) -> list[Figure]:
        """All figures, in order."""
        return [part for section in self.sections for part in section.parts if type(part) is Figure]
