"""From a scan to a data set: labels, duplicates, parts, classes; nothing is changed unasked."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alscope.data.importing._classes import checked_names, normalized
from alscope.data.importing._findings import Collector, Report
from alscope.data.importing._limits import Limits, shown
from alscope.data.importing._mapping import DROPPABLE, Mapping
from alscope.data.importing._scan import Scan
from alscope.data.importing._split import test_rows
from alscope.data.protocols import class_counts
from alscope.types import IntArray

__all__ = ["Assembled", "assemble", "report"]

_FEW = 10
_UNEQUAL = 10.0
_CONTRADICTION = (
    "samples of equal content have different labels; correct them or leave all of them out"
)
_DUPLICATE = "samples are copies of others with the same label; leave them out if they are mistakes"
_LEAK = "training samples are test samples too, so the test is too easy; leave them out of training"
_OTHER_PART = (
    "samples belong to neither part by the words given; add their word to one part or leave them "
    "out"
)
_SMALL_CLASS = (
    "samples are of classes with fewer than 2 samples, one to learn and one to test; add samples "
    "or leave these classes out"
)


@dataclass(frozen=True, eq=False)
class Assembled:
    """The data set that a source would be.

    Attributes:
        class_names: In label order.
        targets: Label of every sample of the scan, (n,), int64; -1 for those left out.
        train: Samples of the training part, ascending.
        test: Samples of the test part.
    """

    class_names: tuple[str, ...]
    targets: IntArray
    train: IntArray
    test: IntArray


def assemble(scan: Scan, mapping: Mapping, limits: Limits, collect: Collector) -> Assembled:
    """Decide labels and parts of all samples; what stands in the way goes into the findings."""
    work = _Work(scan, mapping, limits, collect)
    work.unusable_samples()
    work.class_names()
    if scan.has_parts:
        work.given_parts()
    work.duplicates()
    work.small_classes()
    if not scan.has_parts:
        work.split()
    work.check_classes()
    return work.result()


def report(scan: Scan, assembled: Assembled, collect: Collector) -> Report:
    """The report on a source."""
    n_classes = len(assembled.class_names)
    train, test = (
        class_counts(assembled.targets[rows], n_classes).tolist()
        for rows in (assembled.train, assembled.test)
    )
    counts = zip(train, test, strict=True)
    return Report(
        findings=collect.findings,
        n_rows=len(scan.where),
        n_train=assembled.train.size,
        n_test=assembled.test.size,
        class_counts=dict(zip(assembled.class_names, counts, strict=True)),
        changes=tuple(collect.changes),
    )


class _Work:
    """The samples that are left, step by step."""

    def __init__(self, scan: Scan, mapping: Mapping, limits: Limits, collect: Collector) -> None:
        self.scan, self.mapping, self.limits, self.collect = scan, mapping, limits, collect
        self.alive: NDArray[np.bool_] = np.ones(len(scan.where), dtype=bool)
        self.names: list[str] = []
        self.labels: list[str | None] = [None] * len(scan.where)
        self.in_test: NDArray[np.bool_] = np.zeros(len(scan.where), dtype=bool)

    def rows(self) -> Iterable[int]:
        """Samples that are left."""
        found: list[int] = np.flatnonzero(self.alive).tolist()
        return found

    def leave_out(
        self,
        severity: str,
        code: str,
        message: str,
        rows: list[int],
        details: list[str] | None = None,
    ) -> None:
        """Report samples, and leave them out if that was asked for."""
        where = [
            f"{self.scan.where[row]}: {detail}" if detail else self.scan.where[row]
            for row, detail in zip(rows, details or [""] * len(rows), strict=True)
        ]
        if self.collect.rows(severity, code, message, where=where):
            self.alive[rows] = False

    def unusable_samples(self) -> None:
        """What reading found. Samples that have no content are never compared with others."""
        for code in DROPPABLE:
            found = [each for each in self.scan.bad.get(code, []) if self.alive[each[0]]]
            if found:
                rows, details = map(list, zip(*found, strict=True))
                self.leave_out("error", code, self.scan.problem(code), rows, details)

    def class_names(self) -> None:
        """The names of all classes, in order."""
        given = {self.scan.labels[row] for row in self.rows()}
        normal = normalized({name for name in given if name}, self.collect)
        self.labels = [normal.get(label) if label else None for label in self.scan.labels]
        self.names = checked_names(set(normal.values()), self.limits, self.collect)

    def given_parts(self) -> None:
        """Which samples are for training and which for testing, by the words in the source."""
        train = {word.casefold() for word in self.mapping.train_values}
        test = {word.casefold() for word in self.mapping.test_values}
        words = [(part or "").strip().casefold() for part in self.scan.parts]
        other = [row for row in self.rows() if words[row] not in train | test]
        names = [repr(shown(self.scan.parts[row] or "", 30)) for row in other]
        self.leave_out("error", "other_split", _OTHER_PART, other, names)
        self.in_test = np.array([word in test for word in words], dtype=bool)

    def duplicates(self) -> None:
        """Samples with equal content: contradictions, leaks, and harmless copies."""
        groups: dict[bytes, list[int]] = defaultdict(list)
        for row in self.rows():
            if self.scan.keys[row] and self.labels[row] is not None:
                groups[self.scan.keys[row]].append(row)
        several = [rows for rows in groups.values() if len(rows) > 1]
        unlike = [rows for rows in several if len({self.labels[row] for row in rows}) > 1]
        self.leave_out("warning", "contradiction", _CONTRADICTION, *self._listed(unlike, 0))
        alike = [rows for rows in several if len({self.labels[row] for row in rows}) == 1]
        leaks = [
            row
            for rows in several
            if self.in_test[rows].any()
            for row in rows
            if not self.in_test[row] and self.alive[row]
        ]
        self.leave_out("warning", "leak", _LEAK, sorted(leaks))
        copies = [
            part
            for rows in alike
            for test in (False, True)
            if len(part := [r for r in rows if self.alive[r] and self.in_test[r] == test]) > 1
        ]
        self.leave_out("warning", "duplicate", _DUPLICATE, *self._listed(copies, 1))

    def _listed(self, groups: list[list[int]], keep: int) -> tuple[list[int], list[str]]:
        found = [
            (row, rows[1] if row == rows[0] else rows[0]) for rows in groups for row in rows[keep:]
        ]
        details = [
            f"like {self.scan.where[other]} ({shown(self.labels[other], 30)})" for _, other in found
        ]
        return [row for row, _ in found], details

    def small_classes(self) -> None:
        """A class needs a sample to learn from and one to test with."""
        counts = Counter(self.labels[row] for row in self.rows())
        small = {name for name in self.names if counts[name] < 2}
        rows = [row for row in self.rows() if self.labels[row] in small]
        details = [repr(shown(self.labels[row] or "", 40)) for row in rows]
        self.leave_out("error", "small_class", _SMALL_CLASS, rows, details)
        # Classes of which nothing is left are no classes.
        left = {self.labels[row] for row in self.rows()}
        self.names = [name for name in self.names if name in left]

    def split(self) -> None:
        """A test part, where the source has none."""
        usable = [
            row for row in self.rows() if self.labels[row] is not None and self.scan.keys[row]
        ]
        test = test_rows(
            {row: self.scan.keys[row] for row in usable},
            {row: str(self.labels[row]) for row in usable},
            share=self.mapping.test_share,
            seed=self.mapping.seed,
        )
        self.in_test[list(test)] = True

    def check_classes(self) -> None:
        """Enough classes, in both parts, of comparable size."""
        if len(self.names) < 2:
            self.collect.add(
                "error",
                "one_class",
                f"there {'is 1 class' if len(self.names) == 1 else 'are 0 classes'} with samples; "
                "at least 2 are needed",
                where=self.names,
            )
        made = self.result()
        n = len(self.names)
        train, test = (class_counts(made.targets[r], n) for r in (made.train, made.test))
        self._missing("error", "no_training", "training", train)
        self._missing("warning", "no_test", "test", test)
        few = [
            f"{name}: {count}"
            for name, count in zip(self.names, (train + test).tolist(), strict=True)
            if count < _FEW
        ]
        if few:
            self.collect.add(
                "warning",
                "few_samples",
                f"classes have fewer than {_FEW} samples; their accuracy will say little",
                where=few,
                count=len(few),
            )
        if made.test.size == 0:
            self.collect.add(
                "error", "no_test_part", "there is no test sample; choose another split"
            )
        if n > 1 and train.min() > 0 and train.max() / train.min() >= _UNEQUAL:
            ratio = train.max() / train.min()
            self.collect.add(
                "warning",
                "imbalance",
                f"the largest class has {ratio:.0f} times the training samples of the smallest: "
                f"{shown(self.names[int(train.argmax())], 40)} {train.max():,}, "
                f"{shown(self.names[int(train.argmin())], 40)} {train.min():,}",
            )

    def _missing(self, severity: str, code: str, part: str, counts: IntArray) -> None:
        absent = [self.names[place] for place in np.flatnonzero(counts == 0).tolist()]
        if absent:
            self.collect.add(
                severity,
                code,
                f"classes have no {part} sample; add some or leave them out of the source",
                where=absent,
                count=len(absent),
            )

    def result(self) -> Assembled:
        """What there is now."""
        numbers = {name: number for number, name in enumerate(self.names)}
        known = [numbers.get(label, -1) if label is not None else -1 for label in self.labels]
        targets = np.where(self.alive, np.array(known, dtype=np.int64), -1)
        return Assembled(
            class_names=tuple(self.names),
            targets=targets,
            train=np.flatnonzero((targets >= 0) & ~self.in_test),
            test=np.flatnonzero((targets >= 0) & self.in_test),
        )
