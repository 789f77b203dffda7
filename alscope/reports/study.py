"""The report of a study: chosen blocks under a title, as HTML, Markdown or LaTeX."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from alscope import __version__
from alscope.config import StudyConfig
from alscope.errors import StoreError, UnknownNameError
from alscope.reports.blocks import BLOCKS
from alscope.reports.document import Document
from alscope.reports.files import ExportFile
from alscope.reports.html import as_html
from alscope.reports.latex import as_latex, figure_pdfs
from alscope.reports.markdown import as_markdown
from alscope.reports.results import Results
from alscope.results.checks import require_comparable
from alscope.results.columns import METRICS
from alscope.results.conditions import conditions
from alscope.results.frames import classes_frame, rounds_frame
from alscope.store.runs import RunStore

__all__ = ["FORMATS", "ReportOptions", "report_files", "study_document", "study_results"]

FORMATS: Mapping[str, Callable[[Document], str]] = {
    "html": as_html,
    "md": as_markdown,
    "tex": as_latex,
}
"""Ending of the file -> what makes its text."""


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """What a person wants of a report.

    Attributes:
        title: Heading; "" takes the name of the study.
        authors: Under the title.
        notes: Before the first section; paragraphs are parted by empty lines.
        blocks: Keys of `BLOCKS`; None: all.
    """

    title: str = ""
    authors: str = ""
    notes: str = ""
    blocks: Sequence[str] | None = None


def study_results(
    study: StudyConfig,
    runs: RunStore,
    run_ids: Iterable[str],
    *,
    metric: str = "accuracy",
    band: str = "ci95",
) -> Results:
    """Read what a report shows.

    Args:
        study: What was asked.
        runs: The run store.
        run_ids: Runs to read.
        metric: One of `METRICS`.
        band: One of `BANDS`.

    Raises:
        StoreError: If nothing was measured yet, or a record cannot be read.
        UnknownNameError: If there is no such metric.
        IncomparableError: If results of different data would be mixed.
    """
    if metric not in METRICS:
        raise UnknownNameError("metric", metric, METRICS)
    ids = list(run_ids)
    rounds = rounds_frame(runs, ids)
    if rounds.empty:
        raise StoreError(f"study {study.name!r} has no results yet; run it first")
    require_comparable(rounds)
    return Results(study, rounds, classes_frame(runs, ids), conditions(runs, ids), metric, band)


def study_document(results: Results, options: ReportOptions) -> Document:
    """The report as a value, for one of `FORMATS`.

    Raises:
        UnknownNameError: If there is no such block.
    """
    chosen = list(BLOCKS) if options.blocks is None else list(options.blocks)
    for name in chosen:
        if name not in BLOCKS:
            raise UnknownNameError("block", name, BLOCKS)
    sections = [
        section for name in BLOCKS if name in chosen for section in BLOCKS[name][1](results)
    ]
    return Document(
        title=options.title or results.study.name,
        authors=options.authors,
        notes=options.notes,
        sections=sections,
        made_by=f"ALScope {__version__}",
    )


def report_files(make: Callable[[], Document], stem: str) -> list[ExportFile]:
    """The forms of a report.

    Args:
        make: Makes the document when somebody asks for a form of it.
        stem: Of the file names; legal on every system.
    """
    return [
        ExportFile(
            "Web page",
            f"{stem}.html",
            "text/html",
            "One file with interactive charts that opens without a network; print it for a PDF",
            lambda: as_html(make()).encode(),
        ),
        ExportFile(
            "Markdown",
            f"{stem}.md",
            "text/markdown",
            "Texts and tables",
            lambda: as_markdown(make()).encode(),
        ),
        ExportFile(
            "LaTeX",
            f"{stem}-latex.zip",
            "application/zip",
            "A section with booktabs tables, and its figures as PDF",
            lambda: _latex_archive(make(), f"{stem}.tex"),
        ),
    ]


def _latex_archive(document: Document, name: str) -> bytes:
    files = {name: as_latex(document).encode(), **figure_pdfs(document)}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            archive.writestr(zipfile.ZipInfo(path), data, zipfile.ZIP_DEFLATED)
    return stream.getvalue()
