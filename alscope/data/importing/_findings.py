"""What was found in a source: collected while reading, shown as rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from alscope.data.importing._limits import shown

__all__ = ["Collector", "Finding", "Report"]

_EXAMPLES = 5
_ORDER = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True)
class Finding:
    """One row of the report.

    Attributes:
        severity: "error" (nothing is imported), "warning" or "info".
        code: Short name of the kind of finding.
        message: What was found and what to do, for people.
        count: How many samples, files or classes.
        examples: Where; a few of them.
        drop: Word for `Mapping.drop` that leaves these samples out; "" where that is no answer.
    """

    severity: str
    code: str
    message: str
    count: int = 1
    examples: tuple[str, ...] = ()
    drop: str = ""


@dataclass(frozen=True)
class Report:
    """All findings, the worst first, and what the set would be.

    Attributes:
        findings: Errors, then warnings, then remarks.
        n_rows: Samples in the source, whatever is wrong with them.
        n_train: Samples of the training part after everything asked for was left out.
        n_test: Samples of the test part.
        class_counts: Class name -> (training samples, test samples), in label order.
        changes: What the import does to the samples, as asked: for people and for the manifest.
    """

    findings: tuple[Finding, ...] = ()
    n_rows: int = 0
    n_train: int = 0
    n_test: int = 0
    class_counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    changes: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Why nothing is imported."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def ok(self) -> bool:
        """Whether the source can be imported with this mapping."""
        return not self.errors


class Collector:
    """Gathers findings and changes while a source is read.

    Args:
        drop: The words of `Mapping.drop`: such samples are left out instead of being a problem.
    """

    def __init__(self, drop: Iterable[str] = ()) -> None:
        self.drop = frozenset(drop)
        self.changes: list[str] = []
        self._findings: list[Finding] = []

    def add(
        self, severity: str, code: str, message: str, *, where: Iterable[str] = (), count: int = 1
    ) -> None:
        """A finding that concerns the source or its classes, not samples to leave out."""
        examples = tuple(shown(place) for place in list(where)[:_EXAMPLES])
        self._findings.append(Finding(severity, code, message, count, examples))

    def rows(self, severity: str, code: str, message: str, *, where: list[str]) -> bool:
        """A finding about samples that can be left out.

        Returns:
            Whether they are to be left out, as asked; False also if there are none.
        """
        if not where:
            return False
        dropped = code in self.drop
        if dropped:
            self.changes.append(f"left out {len(where):,} samples: {code}")
            severity, message = "info", f"{message.split(';')[0]}; left out, as asked"
        examples = tuple(shown(place) for place in where[:_EXAMPLES])
        self._findings.append(Finding(severity, code, message, len(where), examples, code))
        return dropped

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The worst first, otherwise in the order in which they were found."""
        return tuple(sorted(self._findings, key=lambda finding: _ORDER[finding.severity]))

    @property
    def has_errors(self) -> bool:
        """Whether something stands in the way."""
        return any(finding.severity == "error" for finding in self._findings)
