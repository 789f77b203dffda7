"""Commands for the user's own data."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from alscope.cli._catalogue import data_root_of
from alscope.cli._terminal import complain, put, table
from alscope.data.importing import (
    DROPPABLE,
    Mapping,
    Report,
    check,
    import_data,
    inspect_source,
)

__all__ = ["add_import", "import_own"]

_CHOICES = ("text_column", "label_column", "split_column", "test_share", "size", "color", "drop")


def add_import(parser: argparse.ArgumentParser) -> None:
    """The options of `alscope import`."""
    parser.add_argument("source", metavar="PATH", type=Path, help="file, folder or zip")
    parser.add_argument("--name", metavar="NAME", help="name in studies: own:NAME")
    parser.add_argument("--title", metavar="TEXT", default="", help="name for people")
    parser.add_argument("--text-column", metavar="COLUMN", help="column with the texts")
    parser.add_argument("--label-column", metavar="COLUMN", help="column with the labels")
    parser.add_argument("--split-column", metavar="COLUMN", help="column with train and test")
    parser.add_argument("--test-share", metavar="SHARE", type=float, help="if there is no split")
    parser.add_argument("--size", metavar="PIXELS", type=int, help="bring images to this size")
    parser.add_argument("--color", choices=("rgb", "grey"), help="convert images")
    parser.add_argument(
        "--drop", nargs="+", choices=tuple(DROPPABLE), metavar="WORD", help=_words()
    )
    parser.add_argument("--check", action="store_true", help="report what is wrong, import nothing")
    parser.add_argument("--replace", action="store_true", help="replace a set of this name")


def import_own(arguments: argparse.Namespace) -> int:
    """`alscope import PATH --name NAME`."""
    preview = inspect_source(arguments.source)
    mapping = preview.mapping.changed(**_chosen(arguments))
    if arguments.check or not arguments.name:
        report = check(arguments.source, mapping)
        _print(report, mapping)
        if not arguments.name and not arguments.check:
            complain("nothing was imported; say --name NAME to import it")
        return 0 if report.ok else 1
    info = import_data(
        arguments.source,
        mapping,
        data_root_of(arguments),
        name=arguments.name,
        title=arguments.title,
        replace=arguments.replace,
    )
    for finding in info.findings:
        complain(f"{finding['severity']}: {finding['message']}")
    put(f"{info.title}: {info.n_train:,} training and {info.n_test:,} test samples, {info.name}")
    return 0


def _words() -> str:
    return "leave samples out: " + "; ".join(f"{word} ({text})" for word, text in DROPPABLE.items())


def _chosen(arguments: argparse.Namespace) -> dict[str, Any]:
    given = {name: getattr(arguments, name) for name in _CHOICES}
    return {
        name: tuple(value) if name == "drop" else value
        for name, value in given.items()
        if value is not None
    }


def _print(report: Report, mapping: Mapping) -> None:
    columns = (mapping.text_column, mapping.label_column, mapping.split_column)
    if any(columns):
        put("columns: " + ", ".join(column for column in columns if column))
    rows = [(f.severity, f.count, f.message, ", ".join(f.examples)) for f in report.findings]
    if rows:
        put(*table(("", "count", "finding", "where"), rows))
    put(f"{report.n_train:,} training and {report.n_test:,} test samples could be imported")
