"""Writing a data set in canonical form: all of it in place, or nothing."""

from __future__ import annotations

import datetime
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from filelock import FileLock

from alscope.data._manifest import MANIFEST, Manifest, sha256, write_manifest
from alscope.data.importing._assemble import Assembled
from alscope.data.importing._check import examine
from alscope.data.importing._findings import Finding, Report
from alscope.data.importing._limits import LIMITS, Limits
from alscope.data.importing._mapping import Mapping
from alscope.data.importing._scan import Progress, Scan, silent
from alscope.data.importing._texts import Texts
from alscope.data.own import OwnInfo, own_folder, own_info
from alscope.data.protocols import DataRoot, class_counts
from alscope.errors import DatasetError
from alscope.files import stamps
from alscope.types import IntArray

__all__ = ["ImportRefused", "import_data"]

_log = logging.getLogger(__name__)
_NEW, _OLD = ".new-", ".old-"
_TITLE_CHARS = 200
_LEFT_OVER_S = 2 * 86_400.0


class ImportRefused(DatasetError):
    """A source has errors, so nothing was imported. `report` holds all findings."""

    def __init__(self, path: Path, report: Report) -> None:
        self.report = report
        listed = "\n".join(f"- {_line(finding)}" for finding in report.errors)
        super().__init__(f"{path.name} was not imported:\n{listed}")


def import_data(
    path: Path,
    mapping: Mapping,
    root: DataRoot,
    *,
    name: str,
    title: str,
    came_as: str = "",
    replace: bool = False,
    progress: Progress | None = None,
    limits: Limits = LIMITS,
) -> OwnInfo:
    """Import a source as the data set `own:<name>`.

    The source is read once, checked, and left as it is. The set appears complete or not at all.

    Args:
        path: File, folder or zip archive.
        mapping: What the user chose, with every change that is allowed.
        root: Where data sets are.
        name: Folder name of the set: a-z, 0-9, - and _.
        title: Name for people; empty: `name`.
        came_as: What the source is called in the record, such as the name of an uploaded file;
            empty: the name of `path`. Never a path to anything.
        replace: Replace a set of the same name.
        progress: Told how far it is; what it raises ends the import without a trace.
        limits: Bounds of what is read.

    Raises:
        ImportRefused: If there are errors in the report.
        DatasetError: If the name is taken or impossible, or the disk is too small.
    """
    target = own_folder(root, name)
    title = title.strip()[:_TITLE_CHARS] or name
    _check_free(target, replace)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _staging(target) as staging:
        decoded = staging / "decoded"
        tell = progress or silent
        report, scan, assembled = examine(
            path, mapping, limits=limits, progress=tell, staging=decoded
        )
        if not report.ok or scan is None or assembled is None:
            raise ImportRefused(path, report)
        tell("write", 0.0)
        made = staging / "set"
        made.mkdir()
        _write(made, scan, assembled)
        source = _Source(came_as.strip()[:_TITLE_CHARS] or path.name, mapping, report)
        write_manifest(made, _manifest(made, name, title, source, scan, assembled))
        _sync(made)
        _publish(made, target, replace)
    tell("write", 1.0)
    _log.info("imported %s as the data set own:%s", path.name, name)
    return own_info(root, name)


class _Source(NamedTuple):
    name: str
    mapping: Mapping
    report: Report


def _line(finding: Finding) -> str:
    where = f" ({'; '.join(finding.examples)})" if finding.examples else ""
    count = f"{finding.count:,} " if finding.count > 1 or finding.drop else ""
    return f"{count}{finding.message}{where}"


def _check_free(target: Path, replace: bool) -> None:
    if target.exists() and not replace:
        raise DatasetError(
            f"there is a data set {target.name!r} already; choose another name, or replace it"
        )
    if target.is_symlink() or (target.exists() and not (target / MANIFEST).is_file()):
        raise DatasetError(f"{target} is no imported data set; move it away or choose another name")


@contextmanager
def _staging(target: Path) -> Iterator[Path]:
    # On the same disk as the target, so that moving is renaming.
    _remove_leftovers(target.parent)
    folder = Path(tempfile.mkdtemp(prefix=_NEW, dir=target.parent))
    try:
        yield folder
    except OSError as error:
        raise DatasetError(f"the data set could not be written: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_leftovers(folder: Path) -> None:
    # Of imports that were killed; one that is under way is younger.
    for path in folder.glob(f"{_NEW}*"):
        if time.time() - path.stat().st_mtime > _LEFT_OVER_S:
            shutil.rmtree(path, ignore_errors=True)


def _write(folder: Path, scan: Scan, assembled: Assembled) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    assert scan.payload is not None
    for part, rows in (("train", assembled.train), ("test", assembled.test)):
        columns = {
            "label": pa.array(assembled.targets[rows]),
            "origin": pa.array([scan.where[row] for row in rows.tolist()], pa.large_string()),
        }
        if isinstance(scan.payload, Texts):
            texts = [scan.payload.values[row] for row in rows.tolist()]
            columns["text"] = pa.array(texts, pa.large_string())
        pq.write_table(pa.table(columns), folder / f"{part}.parquet", write_page_checksum=True)
        _check_space(folder, scan, rows)
        scan.payload.write(rows, folder, part)


def _sync(folder: Path) -> None:
    # After a power loss there is the whole set or none.
    for path in folder.iterdir():
        with path.open("r+b") as stream:
            os.fsync(stream.fileno())


def _check_space(folder: Path, scan: Scan, rows: IntArray) -> None:
    assert scan.payload is not None
    needed = rows.size * int(np.prod(scan.payload.shape or (0,))) * 4
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DatasetError(
            f"the data set needs up to {needed:,} bytes, but {folder.parent.parent} has only "
            f"{free:,} free; make room or choose smaller images"
        )


def _manifest(
    folder: Path, slug: str, title: str, source: _Source, scan: Scan, assembled: Assembled
) -> Manifest:
    assert scan.payload is not None
    n_classes = len(assembled.class_names)
    n_train, n_test = (
        tuple(class_counts(assembled.targets[rows], n_classes).tolist())
        for rows in (assembled.train, assembled.test)
    )
    found = stamps(sorted(folder.iterdir()))
    is_image = scan.modality == "image"
    mean, std = _pixel_statistics(folder / "train.npy") if is_image else ((), ())
    return Manifest(
        slug=slug,
        title=title,
        modality=scan.modality,
        shape=scan.payload.shape,
        class_names=assembled.class_names,
        n_train=n_train,
        n_test=n_test,
        files={each.path.name: {"sha256": sha256(each), "bytes": each.size} for each in found},
        mean=mean,
        std=std,
        flip=source.mapping.flip and is_image,
        crop_padding=source.mapping.crop_padding if is_image else 0,
        source=source.name,
        imported=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        mapping=asdict(source.mapping),
        changes=source.report.changes,
        findings=tuple(asdict(finding) for finding in source.report.findings),
    )


def _pixel_statistics(path: Path) -> tuple[tuple[float, ...], tuple[float, ...]]:
    # From counts of the 256 levels: exact, whatever the number of images.
    images = np.load(path, allow_pickle=False, mmap_mode="r")
    counts = np.zeros((images.shape[1], 256), dtype=np.int64)
    for start in range(0, len(images), 256):
        chunk = np.asarray(images[start : start + 256])
        for channel in range(images.shape[1]):
            counts[channel] += np.bincount(chunk[:, channel].ravel(), minlength=256)
    levels = np.arange(256) / 255.0
    shares = counts / counts.sum(axis=1, keepdims=True)  # (channels, 256)
    means = shares @ levels
    spread = np.sqrt((shares * (levels - means[:, None]) ** 2).sum(axis=1))
    # Images of one color would be divided by zero.
    spread = np.maximum(spread, 1.0 / 255.0)
    return tuple(np.round(means, 6).tolist()), tuple(np.round(spread, 6).tolist())


def _publish(made: Path, target: Path, replace: bool) -> None:
    # One at a time: between the two renamings of a replacement there is no set of that name.
    with FileLock(target.parent / ".lock"):
        aside = target.parent / f"{_OLD}{target.name}"
        if aside.exists() and not target.exists():  # somebody was killed in between
            aside.rename(target)
        _check_free(target, replace)
        shutil.rmtree(aside, ignore_errors=True)
        if target.exists():
            target.rename(aside)
        try:
            made.rename(target)
        except OSError:
            if aside.exists():
                aside.rename(target)
            raise
        shutil.rmtree(aside, ignore_errors=True)
