"""`alscope bundle` and `alscope import-bundle`: studies that travel."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from alscope.cli._commands import find_study, open_service
from alscope.cli._terminal import put

if TYPE_CHECKING:
    from alscope.store.bundle import ImportReport

__all__ = ["add_bundle", "add_import_bundle", "bundle", "import_study"]


def add_bundle(parser: argparse.ArgumentParser) -> None:
    """Arguments of `alscope bundle`."""
    parser.add_argument("--out", metavar="FILE.zip", type=Path, required=True, help="the file")
    parser.add_argument(
        "--compact",
        action="store_true",
        help="leave out scores, predictions for samples that were not queried, and tables; "
        "results stay the same, unfinished runs cannot be continued from it",
    )


def add_import_bundle(parser: argparse.ArgumentParser) -> None:
    """Arguments of `alscope import-bundle`."""
    parser.add_argument("file", metavar="FILE.zip", type=Path, help="the bundle")
    parser.add_argument("--check", action="store_true", help="check it, but change nothing")


def bundle(arguments: argparse.Namespace) -> int:
    """`alscope bundle STUDY --out FILE.zip`."""
    from alscope.results.bundle import write_bundle

    with open_service(arguments, executor="serial") as service:
        study_id = find_study(service, arguments.study).study_id
        size = write_bundle(
            arguments.out,
            study_id,
            runs=service.runs,
            studies=service.studies_store,
            compact=arguments.compact,
        )
    put(f"{size:,} bytes written to {arguments.out}")
    return 0


def import_study(arguments: argparse.Namespace) -> int:
    """`alscope import-bundle FILE.zip`."""
    from alscope.results.bundle import check_bundle, import_bundle

    read = check_bundle if arguments.check else import_bundle
    with open_service(arguments, executor="serial") as service:
        report = read(arguments.file, runs=service.runs, studies=service.studies_store)
    put(*_report_lines(report, checked=arguments.check))
    return 0


def _report_lines(report: ImportReport, *, checked: bool) -> Iterator[str]:
    verb = "would be imported" if checked else "imported"
    n_new, n_runs = len(report.imported), report.n_runs
    yield f"{report.name} ({report.study_id}): {n_new} of {n_runs} runs {verb}"
    if report.kept:
        yield f"{len(report.kept)} are recorded here already and stay as they are"
    if report.differing:
        yield (
            f"{len(report.differing)} of these have other results in the bundle (another machine, "
            f"torch version or data): {', '.join(report.differing)}"
        )
    if report.missing:
        yield f"{len(report.missing)} runs of the study are not in the bundle"
    if report.known and not checked:
        yield "the study itself was here already"
