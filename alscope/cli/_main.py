"""From arguments to an exit code."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Callable, Sequence
from enum import IntEnum

from alscope.cli import (
    _bundle,
    _calibrate,
    _catalogue,
    _commands,
    _doctor,
    _import,
    _library,
    _report,
)
from alscope.cli._parser import make_parser
from alscope.cli._terminal import complain
from alscope.errors import ALScopeError, ConfigError, UnknownNameError
from alscope.texts import log_to_stderr

__all__ = ["Exit", "main"]


class Exit(IntEnum):
    """What the exit codes mean."""

    OK = 0
    """Everything that was asked for was done."""
    FAILED = 1
    """A run failed, was cancelled or did not finish; or something could not be read or written."""
    CONFIGURATION = 2
    """The arguments or the study are wrong; nothing was run."""
    INTERRUPTED = 130
    """Ctrl-C; what was recorded stays."""


_COMMANDS: dict[str, Callable[..., int]] = {
    "run": _commands.run,
    "demo": _commands.demo,
    "add-seeds": _commands.add_seeds,
    "resume": _commands.resume,
    "list": _library.list_studies,
    "tag": _library.tag,
    "trash": _library.trash,
    "show": _commands.show,
    "export": _commands.export,
    "report": _report.report,
    "bundle": _bundle.bundle,
    "import-bundle": _bundle.import_study,
    "import": _import.import_own,
    "strategies": _catalogue.list_strategies,
    "datasets": _catalogue.list_datasets,
    "backbones": _catalogue.list_backbones,
    "calibrate": _calibrate.calibrate,
    "doctor": _doctor.doctor,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Arguments without the program name; None: those of the process.

    Returns:
        One of `Exit`.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show "±" gets a "?"
            stream.reconfigure(errors="replace")
    log_to_stderr(logging.WARNING, "%(levelname)s %(name)s: %(message)s")
    arguments = make_parser().parse_args(argv)
    try:
        return _COMMANDS[arguments.command](arguments)
    except ConfigError as error:
        for problem in error.problems:
            complain(str(problem))
        return Exit.CONFIGURATION
    except UnknownNameError as error:
        complain(str(error))
        return Exit.CONFIGURATION
    except ALScopeError as error:
        complain(str(error))
        return Exit.FAILED
    except KeyboardInterrupt:
        complain("stopped; what was recorded stays")
        return Exit.INTERRUPTED
    except BrokenPipeError:  # whoever read the output, such as `head`, has seen enough
        # The interpreter would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
