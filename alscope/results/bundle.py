"""Study bundles with what people want to find in them: tables, settings, environment, a note."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO

from alscope import __version__
from alscope.config_io import write_study
from alscope.engine.runlog import run_log
from alscope.engine.status import run_status
from alscope.engine.timings import TimingBook
from alscope.errors import StoreError
from alscope.results.conditions import conditions
from alscope.results.export import frame_bytes
from alscope.results.frames import classes_frame, queries_frame, rounds_frame
from alscope.store.bundle import ImportReport, pack_study, unpack_study
from alscope.store.bundle_files import LIMITS, Limits
from alscope.store.codecs import to_json
from alscope.store.outputs import write_result
from alscope.store.runs import RunStore
from alscope.store.studies import StudyStore

__all__ = ["ImportReport", "bundle_bytes", "check_bundle", "import_bundle", "write_bundle"]

_README = """\
# {name}

A study of ALScope {version}: {n_runs} of {n_planned} runs.{compact}

- `bundle.json`: the configuration, and size and SHA-256 of every other file
- `study.toml`: the configuration again, as `alscope run` reads it
- `environment.json`: under which conditions the runs were made
- `runs/<number>.jsonl`: what happened, one checked line per event; a line with `seq` 0 begins a
  run, whose id is in `prev`
- `runs/<number>.bin`: the arrays that the lines name, in that order
{frames}
Read it with `alscope import-bundle`, or on the Library page. Only `bundle.json` and `runs/` are
read back; the other files are for people.
"""
_FRAMES = """\
- `frames/rounds.csv`: one row per run and round
- `frames/classes.csv`: one row per run, round and class
- `frames/queries.csv`: one row per queried sample
"""
_COMPACT = (
    "\n\nThis bundle is compact: acquisition scores, and predictions for samples that were not "
    "queried, were left out."
)


def bundle_bytes(
    study_id: str, *, runs: RunStore, studies: StudyStore, compact: bool = False
) -> bytes:
    """A study as the bytes of a bundle; equal contents give equal bytes.

    Args:
        study_id: The study.
        runs: The run store.
        studies: The study store.
        compact: Leave out scores, predictions for samples that were not queried, states of
            strategies, and the tables. Results are the same; unfinished runs cannot be continued.

    Raises:
        StoreError: If the study has no recorded run, or cannot be read.
    """
    stream = io.BytesIO()
    extras = _extras(study_id, runs, studies, compact=compact)
    pack_study(
        stream,
        study_id,
        runs=runs,
        studies=studies,
        alscope=__version__,
        extras=extras,
        compact=compact,
    )
    return stream.getvalue()


def write_bundle(
    path: Path, study_id: str, *, runs: RunStore, studies: StudyStore, compact: bool = False
) -> int:
    """Write a bundle to a file, whole or not at all; returns its size in bytes.

    Args:
        path: The file; an existing one is replaced, its folder must exist.
        study_id: The study.
        runs: The run store.
        studies: The study store.
        compact: As in `bundle_bytes`.

    Raises:
        StoreError: If the study cannot be read or the file not be written.
    """
    data = bundle_bytes(study_id, runs=runs, studies=studies, compact=compact)
    write_result(path, data)
    return len(data)


def import_bundle(
    source: Path | IO[bytes],
    *,
    runs: RunStore,
    studies: StudyStore,
    name: str = "",
    limits: Limits = LIMITS,
) -> ImportReport:
    """Take a bundle over, or refuse all of it; the same again changes nothing.

    Args:
        source: The archive: a file, or a stream that can be rewound, such as an upload.
        runs: The run store.
        studies: The study store.
        name: Name of the file, for the record; by default that of `source`.
        limits: Bounds.

    Raises:
        BundleError: If it is damaged, hostile, of another version or not what it claims to be.
        StoreError: If it cannot be written; then nothing was taken over.
    """
    return unpack_study(
        source, runs=runs, studies=studies, check=_readable, name=name, limits=limits
    )


def check_bundle(
    source: Path | IO[bytes],
    *,
    runs: RunStore,
    studies: StudyStore,
    name: str = "",
    limits: Limits = LIMITS,
) -> ImportReport:
    """What `import_bundle` would do, with every check, but changing nothing."""
    return unpack_study(
        source,
        runs=runs,
        studies=studies,
        check=_readable,
        name=name,
        limits=limits,
        dry_run=True,
    )


def _readable(runs: RunStore, run_ids: tuple[str, ...]) -> None:
    """Whether all that pages show can be made of some runs."""
    try:
        for run_id in run_ids:
            run_status(runs, runs.config(run_id), queued=False, wanted="active")
            run_log(runs.history(run_id))
        for frame in (rounds_frame, classes_frame, queries_frame):
            frame(runs, run_ids)
        TimingBook(runs).rates()
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise StoreError(f"a record has another form than expected ({error!r:.200})") from error


def _extras(
    study_id: str, runs: RunStore, studies: StudyStore, *, compact: bool
) -> dict[str, bytes]:
    record = studies.load(study_id)
    present = [run_id for run_id in record.run_ids if _begun(runs, run_id)]
    if not present:
        raise StoreError(f"study {study_id!r} has no results yet; run it first")
    note = _README.format(
        name=record.config.name.replace("\n", " "),
        version=__version__,
        n_runs=len(present),
        n_planned=len(record.run_ids),
        compact=_COMPACT if compact else "",
        frames="" if compact else _FRAMES,
    )
    files = {
        "README.md": note.encode(),
        "study.toml": write_study(record.config).encode(),
        "environment.json": (to_json(conditions(runs, present)) + "\n").encode(),
    }
    if not compact:
        frames = {"rounds": rounds_frame, "classes": classes_frame, "queries": queries_frame}
        for name, make in frames.items():
            files[f"frames/{name}.csv"] = frame_bytes(make(runs, present), "csv")
    return files


def _begun(runs: RunStore, run_id: str) -> bool:
    return runs.exists(run_id) and bool(runs.history(run_id).events)
