"""Looking at a source in a process of its own, with a limit of memory and of time.

For servers to which others upload: a file that brings a decoder down, or keeps it busy, ends that
process and nothing else. Questions and answers are JSON.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from alscope.data.importing._check import check
from alscope.data.importing._findings import Finding, Report
from alscope.data.importing._inspect import SourcePreview, inspect_source
from alscope.data.importing._limits import Refused
from alscope.data.importing._mapping import Mapping
from alscope.data.importing._propose import Column

__all__ = ["MEMORY", "SECONDS", "check_apart", "inspect_apart"]

MEMORY = 3 * 2**30
"""Bytes on top of what Python and its libraries take."""
SECONDS = 300
_ROOT = Path(__file__).resolve().parents[3]


def inspect_apart(path: Path, *, memory: int = MEMORY, seconds: float = SECONDS) -> SourcePreview:
    """As `inspect_source`, in a process of its own.

    Args:
        path: The source.
        memory: Bytes that it may take.
        seconds: Time that it may take.

    Raises:
        Refused: As `inspect_source`, or if it took more.
    """
    found = _ask({"path": str(path)}, memory, seconds)
    mapping = _mapping(found.pop("mapping"))
    columns = tuple(
        Column(**{**column, "examples": tuple(column["examples"])})
        for column in found.pop("columns")
    )
    rows, notes = tuple(found.pop("rows")), tuple(found.pop("notes"))
    return SourcePreview(mapping=mapping, columns=columns, rows=rows, notes=notes, **found)


def check_apart(
    path: Path, mapping: Mapping, *, memory: int = MEMORY, seconds: float = SECONDS
) -> Report:
    """As `check`, in a process of its own; taking more than it may is a finding.

    Args:
        path: The source.
        mapping: What the user chose.
        memory: Bytes that it may take.
        seconds: Time that it may take.
    """
    question = {"path": str(path), "mapping": dataclasses.asdict(mapping)}
    try:
        found = _ask(question, memory, seconds)
    except Refused as error:
        return Report((Finding("error", error.code, str(error)),))
    findings = tuple(
        Finding(**{**finding, "examples": tuple(finding["examples"])})
        for finding in found.pop("findings")
    )
    counts = {name: (train, test) for name, (train, test) in found.pop("class_counts").items()}
    changes = tuple(found.pop("changes"))
    return Report(findings=findings, class_counts=counts, changes=changes, **found)


def _ask(question: dict[str, Any], memory: int, seconds: float) -> dict[str, Any]:
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__, str(memory)],
            input=json.dumps(question),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        answer = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise Refused(
            "too_costly",
            f"reading it took more than {memory / 2**30:,.1f} GiB or {seconds:,.0f} s; upload a "
            "smaller part of it, or import it on the server with alscope import",
        ) from error
    if "refused" in answer:
        raise Refused(*answer["refused"])
    found: dict[str, Any] = answer["found"]
    return found


def _mapping(fields: dict[str, Any]) -> Mapping:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
    }
    return Mapping(**values)


def _limit(memory: int) -> None:
    """Hold this process to so many bytes more than it has; where the system can."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (ImportError, OSError):
        return
    most = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    path = Path(question["path"])
    try:
        if "mapping" in question:
            return {"found": dataclasses.asdict(check(path, _mapping(question["mapping"])))}
        return {"found": dataclasses.asdict(inspect_source(path))}
    except Refused as error:
        return {"refused": (error.code, str(error))}


def main() -> None:
    """Answer one question."""
    question = json.loads(sys.stdin.read())
    _limit(int(sys.argv[1]))
    sys.stdout.write(json.dumps(_answer(question)))


if __name__ == "__main__":
    main()
