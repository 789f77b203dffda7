"""`alscope report`: a study as a document."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from alscope.cli._commands import find_study, open_service
from alscope.cli._terminal import put
from alscope.errors import ConfigError, Problem

if TYPE_CHECKING:
    from alscope.reports.document import Document

__all__ = ["add_report", "report"]

_FORMATS = ("html", "md", "tex")


def add_report(parser: argparse.ArgumentParser) -> None:
    """Arguments of `alscope report`."""
    parser.add_argument(
        "--format",
        choices=_FORMATS,
        help="html: one file that needs no network; md: Markdown; tex: a LaTeX section, with its "
        "figures as PDF files beside it (default: the ending of --out, else md)",
    )
    parser.add_argument("--out", metavar="FILE", type=Path, help="the file (default: print it)")
    parser.add_argument("--title", default="", help="heading (default: the name of the study)")
    parser.add_argument("--authors", default="", help="under the title")
    parser.add_argument("--notes", default="", help="before the first section")
    parser.add_argument("--metric", default="accuracy", help="measure (default: accuracy)")
    parser.add_argument(
        "--blocks", metavar="A,B", help="parts of the report, separated by commas (default: all)"
    )


def report(arguments: argparse.Namespace) -> int:
    """`alscope report STUDY [--format html|md|tex] [--out FILE]`."""
    from alscope.reports.study import FORMATS, ReportOptions, study_document, study_results

    options = ReportOptions(
        title=arguments.title,
        authors=arguments.authors,
        notes=arguments.notes,
        blocks=arguments.blocks.split(",") if arguments.blocks is not None else None,
    )
    kind = _format(arguments)
    with open_service(arguments, executor="serial") as service:
        status = find_study(service, arguments.study)
        run_ids = [run.run_id for run in status.runs]
        results = study_results(status.config, service.runs, run_ids, metric=arguments.metric)
    document = study_document(results, options)
    text = FORMATS[kind](document)
    if arguments.out is None:
        put(text.rstrip("\n"))
        return 0
    _write(arguments.out, text, document, with_figures=kind == "tex")
    put(f"written to {arguments.out}")
    return 0


def _format(arguments: argparse.Namespace) -> str:
    if arguments.format:
        return str(arguments.format)
    ending = arguments.out.suffix.lstrip(".").lower() if arguments.out else ""
    if ending and ending not in _FORMATS:
        said = f"{arguments.out.name!r} ends in none of .html, .md, .tex; say which with --format"
        raise ConfigError([Problem("--out", said)])
    return ending or "md"


def _write(path: Path, text: str, document: Document, *, with_figures: bool) -> None:
    from alscope.reports.latex import figure_pdfs
    from alscope.store.outputs import write_result

    files = {path.name: text.encode()}
    if with_figures:
        files |= figure_pdfs(document)
    for name, data in files.items():
        write_result(path.parent / name, data)
