"""A report as a section of a LaTeX document; the figures are PDF files beside it."""

from __future__ import annotations

from collections.abc import Iterator

from alscope.charts.render import render
from alscope.reports.document import Document, Figure, Items, Part, Row, Table, Text
from alscope.results.latex import escape

__all__ = ["as_latex", "figure_pdfs"]

_HEADINGS = {1: "subsection", 2: "subsubsection"}
_MARKS = {"": "{}", "best": r"\textbf{{{}}}", "tied": r"\underline{{{}}}"}


def as_latex(document: Document) -> str:
    r"""A `\section` to be put into a paper.

    Args:
        document: Its texts are escaped.
    """
    lines = [
        r"% needs \usepackage{booktabs} and \usepackage{graphicx}",
        f"% made with {escape(document.made_by)}",
        rf"\section{{{escape(document.title)}}}",
        "",
    ]
    if document.authors:
        lines += [rf"\textit{{{escape(document.authors)}}}", ""]
    for paragraph in document.notes.split("\n\n"):
        if paragraph.strip():
            lines += [escape(paragraph.strip()), ""]
    for section in document.sections:
        lines += [rf"\{_HEADINGS[section.level]}{{{escape(section.title)}}}", ""]
        for part in section.parts:
            lines += [*_part(part), ""]
    return "\n".join(lines)


def figure_pdfs(document: Document) -> dict[str, bytes]:
    """The figures that `as_latex` includes, by file name."""
    return {f"{figure.name}.pdf": render(figure.chart, "pdf") for figure in document.figures}


def _part(part: Part) -> Iterator[str]:
    if isinstance(part, Text):
        yield escape(part.text)
    elif isinstance(part, Items):
        yield r"\begin{itemize}"
        yield from (rf"\item {escape(item)}" for item in part.items)
        yield r"\end{itemize}"
    elif isinstance(part, Table):
        yield from _table(part)
    elif isinstance(part, Figure):
        yield from _figure(part)
    else:
        # Not verbatim: a line of the code could end that environment.
        yield r"\begin{flushleft}\footnotesize\ttfamily"
        yield from (rf"\mbox{{}}{escape(line)}\\" for line in _lines(part.text))
        yield r"\end{flushleft}"


def _table(table: Table) -> Iterator[str]:
    align = "".join("l" if place in table.words else "r" for place in range(len(table.head)))
    yield r"\begin{table}"
    yield r"\centering\footnotesize"
    yield r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
    yield rf"\begin{{tabular}}{{{align}}}"
    yield r"\toprule"
    yield " & ".join(escape(cell) for cell in table.head) + r" \\"
    yield r"\midrule"
    yield from (_row(table, row) for row in table.rows)
    yield r"\bottomrule"
    yield r"\end{tabular}}"
    yield rf"\caption{{{escape(table.caption)}}}"
    yield r"\end{table}"


def _row(table: Table, row: Row) -> str:
    cells = (_MARKS[mark].format(escape(cell)) for cell, mark in table.marks(row))
    return " & ".join(cells) + r" \\"


def _figure(figure: Figure) -> Iterator[str]:
    yield r"\begin{figure}"
    yield r"\centering"
    yield rf"\includegraphics[width=\linewidth]{{{figure.name}.pdf}}"
    yield rf"\caption{{{escape(figure.caption)}}}"
    yield rf"\label{{fig:{figure.name}}}"
    yield r"\end{figure}"


def _lines(text: str) -> list[str]:
    return text.rstrip("\n").split("\n")
