"""The report on a source, and the one way in which sources are read completely."""

from __future__ import annotations

from pathlib import Path

from alscope.data.importing._arrays import scan_features
from alscope.data.importing._assemble import Assembled, assemble, report
from alscope.data.importing._findings import Collector, Report
from alscope.data.importing._folders import scan_images
from alscope.data.importing._limits import LIMITS, Limits, Refused
from alscope.data.importing._mapping import Mapping
from alscope.data.importing._scan import Progress, Scan, silent
from alscope.data.importing._texts import scan_texts

__all__ = ["check", "examine"]


def check(
    path: Path, mapping: Mapping, *, limits: Limits = LIMITS, progress: Progress = silent
) -> Report:
    """Read a source completely and report what would stand in the way of importing it.

    Nothing is written, nothing is raised: also a refusal is a finding.

    Args:
        path: File, folder or zip archive.
        mapping: What the user chose.
        limits: Bounds.
        progress: Told how far it is.
    """
    return examine(path, mapping, limits=limits, progress=progress, staging=None)[0]


def examine(
    path: Path, mapping: Mapping, *, limits: Limits, progress: Progress, staging: Path | None
) -> tuple[Report, Scan | None, Assembled | None]:
    """The report; and, if the source could be read, its samples.

    Args:
        path: File, folder or zip archive.
        mapping: What the user chose.
        limits: Bounds.
        progress: Told how far it is.
        staging: File that receives decoded images; None: they are not kept.
    """
    collect = Collector(mapping.drop)
    for problem in mapping.problems():
        collect.add("error", "mapping", problem)
    if collect.has_errors:
        return Report(findings=collect.findings), None, None
    try:
        scan = _scan(path, mapping, limits, collect, staging=staging, progress=progress)
    except Refused as refusal:
        collect.add("error", refusal.code, str(refusal))
        return Report(findings=collect.findings), None, None
    assembled = assemble(scan, mapping, limits, collect)
    return report(scan, assembled, collect), scan, assembled


def _scan(
    path: Path,
    mapping: Mapping,
    limits: Limits,
    collect: Collector,
    *,
    staging: Path | None,
    progress: Progress,
) -> Scan:
    if not path.exists():
        raise Refused("missing", f"{path} does not exist; check the path")
    if mapping.kind == "images":
        return scan_images(path, mapping, limits, collect, staging=staging, progress=progress)
    read = scan_texts if mapping.kind == "text" else scan_features
    return read(path, mapping, limits, collect, progress=progress)
