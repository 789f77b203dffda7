"""Results that come with ALScope, so that there is something to look at before anything has run.

Bundles of finished studies, made by the study files in `benchmarks/studies/samples/`. They are
taken over like any other bundle, with every check; a note in the cache folder remembers which, so
that a sample that somebody deleted stays deleted.
"""

from __future__ import annotations

import hashlib
import logging
from functools import cache
from pathlib import Path

from alscope.errors import StoreError
from alscope.results.bundle import import_bundle
from alscope.store.files import read_sealed, seal, write_file
from alscope.store.runs import RunStore
from alscope.store.studies import StudyStore

__all__ = ["bundles", "install", "is_sample", "missing"]

_FOLDER = Path(__file__).with_name("sample_bundles")
_NOTE = "samples.json"
_log = logging.getLogger(__name__)


@cache
def bundles() -> dict[str, Path]:
    """The bundles that come with the package, by their SHA-256."""
    return {_sha256(path): path for path in sorted(_FOLDER.glob("*.zip"))}


def is_sample(sha256: str) -> bool:
    """Whether the bundle of this SHA-256 came with the package."""
    return sha256 in bundles()


def missing(cache_folder: Path) -> tuple[Path, ...]:
    """Bundles that were never taken over into a cache folder."""
    known = _known(cache_folder)
    return tuple(path for sha256, path in bundles().items() if sha256 not in known)


def install(cache_folder: Path, *, runs: RunStore, studies: StudyStore) -> tuple[str, ...]:
    """Take over every bundle that never was; returns the ids of their studies.

    Args:
        cache_folder: Where the note is.
        runs: The run store.
        studies: The study store.

    Raises:
        StoreError: If a bundle is not sound or cannot be written; the others are tried first.
    """
    added, failed = [], []
    for path in missing(cache_folder):
        try:
            added.append(import_bundle(path, runs=runs, studies=studies).study_id)
            _remember(cache_folder, _sha256(path))
        except StoreError as error:
            _log.warning("the sample %s is left out: %s", path.name, error)
            failed.append(f"{path.name}: {error}")
    if failed:
        raise StoreError("; ".join(failed))
    return tuple(added)


def _known(cache_folder: Path) -> list[str]:
    try:
        return [str(value) for value in read_sealed(cache_folder / _NOTE, "samples")["sha256"]]
    except (StoreError, KeyError, TypeError):
        return []  # taking a bundle over again changes nothing


def _remember(cache_folder: Path, sha256: str) -> None:
    record = {"sha256": [*_known(cache_folder), sha256]}
    try:
        write_file(cache_folder / _NOTE, seal(record), label="samples")
    except OSError as error:
        raise StoreError(f"the note of samples cannot be written: {error.strerror}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
