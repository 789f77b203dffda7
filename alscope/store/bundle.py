"""Study bundles: a study with its runs in one file, for another machine.

Writing gives equal bytes for equal contents. Reading believes nothing: the configuration is read
like a file of unknown origin, run ids are computed from it, and every journal is prepared beside
the store and checked by the store's own reader before anything is taken over. The study appears
last, so an import happens or does not.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from alscope.config import RunConfig, StudyConfig
from alscope.errors import BundleError, StoreError
from alscope.hashing import digest
from alscope.store.bundle_files import LIMITS, BundleFiles, BundleWriter, Limits, part_files
from alscope.store.bundle_head import (
    FORMAT,
    SCHEMA,
    checked_config,
    checked_head,
    checked_runs,
)
from alscope.store.bundle_runs import PackedRun, pack_runs, split_part, unpack_run
from alscope.store.files import is_id
from alscope.store.runs import RunStore
from alscope.store.studies import Origin, StudyStore
from alscope.store.writer import now

__all__ = ["ImportReport", "pack_study", "unpack_study"]

Check = Callable[[RunStore, tuple[str, ...]], None]


@dataclass(frozen=True)
class ImportReport:
    """What a bundle holds and what became of it. Texts of strangers are shown through `plain`.

    Attributes:
        study_id: Id of the study here.
        name: Its name.
        n_runs: Runs that its configuration has.
        imported: Ids of the runs that were taken over.
        kept: Ids of the runs that are recorded here already; they were left as they are.
        differing: Of these, the runs whose rounds here are not those of the bundle.
        missing: Ids of the runs that the bundle does not have.
        known: The study itself was here already.
        origin: Where it came from.
    """

    study_id: str
    name: str
    n_runs: int
    imported: tuple[str, ...]
    kept: tuple[str, ...]
    differing: tuple[str, ...]
    missing: tuple[str, ...]
    known: bool
    origin: Origin


def pack_study(
    stream: IO[bytes],
    study_id: str,
    *,
    runs: RunStore,
    studies: StudyStore,
    alscope: str,
    extras: Mapping[str, bytes],
    compact: bool = False,
) -> tuple[str, ...]:
    """Write a bundle.

    Args:
        stream: Where to write.
        study_id: The study.
        runs: The run store.
        studies: The study store.
        alscope: Version that writes.
        extras: Further files for people, by the names that a bundle may have.
        compact: As in `pack_runs`.

    Returns:
        Ids of the runs in it: those with at least one recorded event.

    Raises:
        StoreError: If something cannot be read.
    """
    record, origin = studies.load(study_id), studies.origin(study_id)
    archive = BundleWriter(stream)
    packed = pack_runs(archive, runs, record.run_ids, compact=compact)
    for name, data in sorted(extras.items()):
        archive.add(name, data)
    archive.finish(
        {
            "format": FORMAT,
            "schema": SCHEMA,
            "alscope": alscope,
            "study_id": study_id,
            "created": origin.created if origin else record.created,
            "config": record.config.to_dict(),
            "compact": compact or (origin is not None and origin.compact),
            "runs": packed,
        }
    )
    return tuple(packed)


def unpack_study(
    source: Path | IO[bytes],
    *,
    runs: RunStore,
    studies: StudyStore,
    check: Check,
    name: str = "",
    limits: Limits = LIMITS,
    dry_run: bool = False,
) -> ImportReport:
    """Take a bundle over, or refuse all of it.

    The same bundle again changes nothing. Rounds that are recorded here are never replaced.

    Args:
        source: The archive: a file, or a stream that can be rewound.
        runs: The run store.
        studies: The study store.
        check: Told the store of prepared runs and their ids; raises `StoreError` if results
            cannot be made of them.
        name: Name of the file, for the record; by default that of `source`.
        limits: Bounds.
        dry_run: Check everything and change nothing.

    Returns:
        What was taken over; of a dry run, what would be.

    Raises:
        BundleError: If it is damaged, hostile, of another version or not what it claims to be.
        StoreError: If the stores cannot be written; then nothing was taken over.
    """
    name = name or (source.name if isinstance(source, Path) else "")
    with BundleFiles(source, limits) as files:
        head = checked_head(files.head)
        config = checked_config(head, limits)
        files.check_all()
        configs = checked_runs(config, head)
        origin = _origin(head, name, source)
        folder = runs.staging()
        try:
            staging = RunStore(folder)
            _prepare(staging, folder, files, configs)
            _run_check(check, staging, tuple(configs))
            report = _compared(staging, runs, studies, head, config, origin)
            if not dry_run:
                _take_over(report, config, configs, folder, runs, studies)
        except OSError as error:
            raise StoreError(
                f"the bundle cannot be unpacked: {error.strerror or error}; free space or "
                "correct the permissions of the cache folder"
            ) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return report


def _origin(head: dict[str, Any], name: str, source: Path | IO[bytes]) -> Origin:
    shown = "".join(letter for letter in name if letter.isprintable())[-120:]
    return Origin(
        source=shown,
        sha256=_sha256(source),
        alscope=head["alscope"],
        created=head["created"],
        imported=now(),
        compact=head["compact"],
    )


def _sha256(source: Path | IO[bytes]) -> str:
    if isinstance(source, Path):
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    source.seek(0)
    state = hashlib.sha256()
    while part := source.read(2**20):
        state.update(part)
    return state.hexdigest()


def _prepare(
    staging: RunStore, folder: Path, files: BundleFiles, configs: Mapping[str, RunConfig]
) -> None:
    """Unpack all runs into a store of their own, in the order of the head and no others."""
    waiting = iter(configs)
    names = sorted(name for name in files.head["files"] if name.startswith("runs/"))
    for number in range(len(names) // 2):
        journals, blobs = part_files(number)
        if not {journals, blobs} <= set(names):
            raise BundleError(f"{journals} or {blobs} is missing")
        for run_id, packed in split_part(PackedRun(files.read(journals), files.read(blobs))):
            if run_id != next(waiting, None):
                raise BundleError(f"run {run_id!r:.40} is not where its head lists it")
            unpack_run(staging, folder, configs[run_id], packed)
    missing = next(waiting, None)
    if missing is not None or len(names) % 2:
        raise BundleError(f"run {missing or names[-1]} is listed but not complete")


def _run_check(check: Check, staging: RunStore, run_ids: tuple[str, ...]) -> None:
    try:
        check(staging, run_ids)
    except StoreError as error:
        raise BundleError(f"no results can be made of it: {error}") from error


def _compared(
    staging: RunStore,
    runs: RunStore,
    studies: StudyStore,
    head: dict[str, Any],
    config: StudyConfig,
    origin: Origin,
) -> ImportReport:
    """What is new, and what is here already."""
    kept = [
        run_id for run_id in head["runs"] if runs.exists(run_id) and runs.history(run_id).rounds
    ]
    all_runs = dict.fromkeys(run.run_id for run in config.runs())
    study_id, known = _place(studies, head["study_id"], config)
    return ImportReport(
        study_id=study_id,
        name=config.name,
        n_runs=len(all_runs),
        imported=tuple(run_id for run_id in head["runs"] if run_id not in kept),
        kept=tuple(kept),
        differing=tuple(run_id for run_id in kept if _differ(staging, runs, run_id)),
        missing=tuple(run_id for run_id in all_runs if run_id not in head["runs"]),
        known=known,
        origin=origin,
    )


def _differ(staging: RunStore, runs: RunStore, run_id: str) -> bool:
    """Whether the rounds that both have tell different stories."""
    here, there = runs.history(run_id).rounds, staging.history(run_id).rounds
    return any(a.data["result"] != b.data["result"] for a, b in zip(here, there, strict=False))


def _place(studies: StudyStore, wanted: str, config: StudyConfig) -> tuple[str, bool]:
    """Id for a study, and whether it is here already.

    Raises:
        BundleError: If neither id can be had.
    """
    for study_id in (wanted, studies.id_of(config)):
        if is_id(study_id):
            if not studies.exists(study_id):
                return study_id, False
            if digest(studies.load(study_id).config) == digest(config):
                return study_id, True
    raise BundleError(f"another study is stored here as {wanted!r}; rename or delete it first")


def _take_over(
    report: ImportReport,
    config: StudyConfig,
    configs: Mapping[str, RunConfig],
    folder: Path,
    runs: RunStore,
    studies: StudyStore,
) -> None:
    # One sync for thousands of small files instead of one for each; nothing names them yet.
    getattr(os, "sync", lambda: None)()
    taken: list[str] = []
    try:
        for run_id in report.imported:
            if runs.admit(configs[run_id], folder / run_id):
                taken.append(run_id)  # noqa: PERF401 - must be known when one of them fails
        studies.save(report.study_id, config, origin=report.origin)
    except BaseException:
        _undo(runs, taken)
        raise


def _undo(runs: RunStore, run_ids: Iterable[str]) -> None:
    for run_id in run_ids:
        runs.delete(run_id)
