"""Exceptions of ALScope.

    ALScopeError
    ├── ConfigError        a configuration is wrong; carries every problem found
    ├── ShapeError         an array has the wrong shape, type or values
    ├── UnknownNameError   a name is in no registry; carries the nearest valid one
    ├── DatasetError       a data set is missing, damaged or not what it claims to be
    ├── StoreError         results or artifacts cannot be read or written
    │   ├── RunLockedError another process is writing the run
    │   ├── StorageUnavailable the disk is full, read-only or broken; nothing was lost
    │   ├── NewerFormatError a newer ALScope wrote it; it is only looked at
    │   └── BundleError    a study bundle is damaged, hostile or of another version
    ├── SelectionError     a strategy returned an illegal selection
    ├── TrainingDiverged   the loss became NaN or infinite
    ├── IncomparableError  results of different tasks would be mixed
    ├── AccessError        this user may not do that here, or has used up a limit
    ├── MissingDependency  an optional package is not installed
    └── Interrupted        a run was asked to stop (not a failure)
        ├── Cancelled
        └── Paused

Every message says what is wrong, with which value, and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "ALScopeError",
    "AccessError",
    "BundleError",
    "Cancelled",
    "ConfigError",
    "DatasetError",
    "IncomparableError",
    "Interrupted",
    "MissingDependency",
    "NewerFormatError",
    "Paused",
    "Problem",
    "RunLockedError",
    "SelectionError",
    "ShapeError",
    "StorageUnavailable",
    "StoreError",
    "TrainingDiverged",
    "UnknownNameError",
    "nearest",
]


class ALScopeError(Exception):
    """Base of every error that ALScope raises on purpose."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a configuration.

    Attributes:
        path: Where, as a dotted key: `scenarios[0].query_size`; empty for the whole document.
        message: What is wrong, with the value, and what to do.
        line: Line in the file it was read from (1-based), if it came from a file.
    """

    path: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line is not None else ""
        return f"{where}{self.path}: {self.message}" if self.path else f"{where}{self.message}"


class ConfigError(ALScopeError, ValueError):
    """A configuration is wrong. `problems` holds everything found, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ShapeError(ALScopeError, ValueError):
    """An array has the wrong shape, type or values."""


class UnknownNameError(ALScopeError, LookupError):
    """A name is in no registry. `suggestion` is the nearest valid name, or None."""

    def __init__(self, kind: str, name: str, valid: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.valid = tuple(sorted(valid))
        self.suggestion = nearest(name, self.valid)
        hint = (
            f"did you mean {self.suggestion!r}?"
            if self.suggestion
            else f"known: {', '.join(self.valid) or 'none'}."
        )
        super().__init__(f"unknown {kind} {name!r}; {hint}")


class DatasetError(ALScopeError, RuntimeError):
    """A data set is missing, damaged or not what it claims to be."""


class StoreError(ALScopeError, RuntimeError):
    """Results or artifacts cannot be read or written."""


class RunLockedError(StoreError):
    """Another process is writing this run."""


class StorageUnavailable(StoreError):
    """The disk cannot be read or written now; what was recorded before is safe."""


class NewerFormatError(StoreError):
    """A newer version of ALScope wrote it, in a form that this one must not touch."""


class BundleError(StoreError):
    """A study bundle is damaged, hostile or of another version; nothing of it was taken over."""


class SelectionError(ALScopeError, ValueError):
    """A strategy returned an illegal selection; nothing was annotated."""


class TrainingDiverged(ALScopeError, ArithmeticError):
    """The training loss became NaN or infinite."""


class IncomparableError(ALScopeError, ValueError):
    """Results cannot be averaged or compared, because they belong to different tasks or data."""


class AccessError(ALScopeError, PermissionError):
    """This user may not do that on this server, or has used up a limit; nothing was done."""


class MissingDependency(ALScopeError, ImportError):
    """An optional package is not installed; the message says how to install it."""


class Interrupted(ALScopeError):
    """A run was asked to stop. Not a failure: what was recorded stays and can be resumed."""


class Cancelled(Interrupted):
    """The run was cancelled."""


class Paused(Interrupted):
    """The run was paused."""


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """The valid name closest to a misspelt one, or None if nothing is close."""
    matches = difflib.get_close_matches(name.lower(), list(valid), n=1, cutoff=0.5)
    return matches[0] if matches else None
