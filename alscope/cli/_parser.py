"""The arguments of the command line."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from alscope import __version__
from alscope.cli._bundle import add_bundle, add_import_bundle
from alscope.cli._calibrate import add_calibrate
from alscope.cli._import import add_import
from alscope.cli._library import add_list, add_tag, add_trash
from alscope.cli._report import add_report
from alscope.engine.presets import PRESETS

__all__ = ["make_parser"]

EXECUTORS = ("serial", "thread", "worker")
FORMATS = ("csv", "parquet", "json")

_EPILOG = """\
exit codes:
  0    everything that was asked for was done; every run finished
  1    a run failed or did not finish, or a file could not be read or written
  2    the arguments or the study file are wrong; nothing was run
  130  stopped with Ctrl-C; run the same command again to resume
"""


def make_parser() -> argparse.ArgumentParser:
    """The parser; options that every command has may stand before or after its name."""
    parser = argparse.ArgumentParser(
        prog="alscope",
        description="Compare deep active-learning strategies.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_shared(after=False)],
    )
    parser.add_argument("--version", action="version", version=f"alscope {__version__}")
    # After the command the same options have no defaults, so that they do not undo those before.
    commands = _Commands(parser, _shared(after=True))
    _add_work(commands)
    _add_results(commands)
    _add_catalogues(commands)
    return parser


class _Commands:
    """Adds commands that share options."""

    def __init__(self, parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
        self._group = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
        self._shared = shared

    def add(self, name: str, text: str) -> argparse.ArgumentParser:
        return self._group.add_parser(
            name, help=text, description=f"{text}.", parents=[self._shared]
        )


def _add_work(commands: _Commands) -> None:
    run = commands.add("run", "Run a study, or what is missing of it")
    run.add_argument(
        "file", metavar="STUDY", type=Path, nargs="?", help="the study: a .toml or .yaml file"
    )
    run.add_argument(
        "--preset", metavar="NAME", help=f"instead of a file: {', '.join(PRESETS)}; with --dataset"
    )
    run.add_argument("--dataset", metavar="NAME", help="the data set of the preset")
    run.add_argument("--seeds", metavar="N", type=_count, help="seeds, instead of the preset's")
    run.add_argument(
        "--print",
        choices=("toml", "yaml"),
        nargs="?",
        const="toml",
        help="print the study as TOML or YAML, run nothing",
    )
    run.add_argument(
        "--dry-run", action="store_true", help="check it and print the plan, but run nothing"
    )
    commands.add("demo", "Compare seven strategies on digits; minutes, no network")
    more = commands.add("add-seeds", "Repeat a study with more seeds; done runs are taken over")
    _add_study(more)
    more.add_argument("number", metavar="N", type=_count, help="how many seeds to add")
    resume = commands.add("resume", "Continue a study, failed and cancelled runs included")
    _add_study(resume)
    resume.add_argument(
        "--accept-change",
        action="store_true",
        help="continue runs that began under another torch version, device or thread count; the "
        "rest is then comparable, not identical",
    )


def _add_results(commands: _Commands) -> None:
    listing = commands.add("list", "List all studies")
    add_list(listing)
    _add_json(listing)
    show = commands.add("show", "Show the runs of a study and the area under every curve")
    _add_study(show)
    _add_json(show)
    report = commands.add("report", "Write a study as a page: HTML, Markdown or LaTeX")
    _add_study(report)
    add_report(report)
    export = commands.add("export", "Write the rounds of a study to a file")
    _add_study(export)
    export.add_argument("--format", choices=FORMATS, help="(default: as --out ends, else csv)")
    export.add_argument("--out", metavar="FILE", type=Path, required=True, help="the file")
    bundle = commands.add("bundle", "Write a study with its runs to one file, for another machine")
    _add_study(bundle)
    add_bundle(bundle)
    add_import_bundle(commands.add("import-bundle", "Read a study that `alscope bundle` wrote"))
    tag = commands.add("tag", "Show or change tags and note of a study")
    _add_study(tag)
    add_tag(tag)
    add_trash(commands.add("trash", "Delete studies, bring them back, or list what is deleted"))


def _add_catalogues(commands: _Commands) -> None:
    strategies = commands.add("strategies", "List the strategies and their parameters")
    _add_json(strategies)
    strategies.add_argument(
        "--markdown", action="store_true", help="print the whole catalogue (docs/strategies.md)"
    )
    _add_json(commands.add("datasets", "List the data sets, and whether they are here"))
    _add_json(commands.add("backbones", "List the networks and their parameters"))
    add_import(commands.add("import", "Check your own data, and make a data set of them"))
    add_calibrate(commands.add("calibrate", "Measure this machine, for estimates of time"))
    doctor = commands.add("doctor", "Check the installation, the device, the disk and the stores")
    doctor.add_argument(
        "--repair",
        action="store_true",
        help="repair what can be repaired without losing a result, and say what was done",
    )


def _add_study(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("study", metavar="STUDY", help="id of the study, or its name")


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _shared(*, after: bool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    group = parser.add_argument_group("options of every command")

    def add(name: str, default: Any, **options: Any) -> None:
        group.add_argument(name, default=argparse.SUPPRESS if after else default, **options)

    add(
        "--cache",
        None,
        metavar="DIR",
        type=Path,
        help="where results are (default: ALSCOPE_CACHE, else ./cache)",
    )
    add(
        "--data",
        None,
        metavar="DIR",
        type=Path,
        help="where data sets are (default: ALSCOPE_DATA, else datasets in the cache)",
    )
    add("--executor", "worker", choices=EXECUTORS, help="what moves the runs (default: worker)")
    add(
        "--workers",
        None,
        metavar="N",
        type=_workers,
        help="runs at the same time, or auto (default: ALSCOPE_WORKERS, else 1)",
    )
    add("--threads", None, metavar="N", type=_count, help="CPU threads of a run")
    add(
        "--device",
        "auto",
        metavar="NAME",
        type=_device,
        help="auto, cpu, cuda or cuda:N (default: auto)",
    )
    add(
        "--round-limit",
        24.0,
        metavar="HOURS",
        type=_hours,
        help="end a run of which one round takes longer; with workers only (default: 24)",
    )
    add("--offline", False, action="store_true", help="never download data")
    return parser


def _workers(text: str) -> int | str:
    return text if text == "auto" else _count(text)


def _device(text: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:[0-9]+)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is none of auto, cpu, cuda, cuda:N")
    return text


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = 0.0
    if not 0.01 <= hours <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of hours from 0.01 to 10000")
    return hours


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 1024")
    return int(text)
