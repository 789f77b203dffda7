"""Runs in a bundle: journals as they are, one after the other, and their arrays in a second file.

A journal begins with the line whose `seq` is 0, and that line names its run in `prev`; every line
names its arrays with their sizes. So nothing else has to say where a run begins.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from alscope.config import RunConfig
from alscope.errors import BundleError, StoreError
from alscope.store.bundle_files import BundleWriter, part_files
from alscope.store.codecs import encode
from alscope.store.files import make_folder, unseal, write_file
from alscope.store.journal import KINDS, Event, make_line
from alscope.store.runs import RunStore
from alscope.types import Arrays, RunState

__all__ = ["PackedRun", "pack_runs", "split_part", "unpack_run"]

_PART_BYTES = 32 * 2**20  # runs side by side compress well; parts keep memory moderate


class PackedRun(NamedTuple):
    """A run as two files."""

    journal: bytes
    """Lines of the journal."""
    blobs: bytes
    """The arrays that the lines name, each once, in the order in which they are first named."""


def pack_runs(
    archive: BundleWriter, runs: RunStore, run_ids: Iterable[str], *, compact: bool
) -> list[str]:
    """Write runs to an archive, in parts of moderate size.

    Args:
        archive: Where to write.
        runs: The run store.
        run_ids: The runs; those that have not begun are left out.
        compact: Write the journals anew without scores, without predictions for samples that were
            not queried, and without states of strategies. Results stay as they are; a run that is
            not finished cannot be continued from it.

    Returns:
        Ids of the runs that were written.

    Raises:
        StoreError: If one cannot be read.
    """
    packed: list[str] = []
    part: list[PackedRun] = []
    number = 0
    for run_id in run_ids:
        run = _pack_run(runs, run_id, compact=compact) if runs.exists(run_id) else None
        if run is None or not run.journal:
            continue
        if part and sum(map(_size, part)) + _size(run) > _PART_BYTES:
            _add_part(archive, number, part)
            part, number = [], number + 1
        part.append(run)
        packed.append(run_id)
    if part:
        _add_part(archive, number, part)
    return packed


def split_part(part: PackedRun) -> Iterator[tuple[str, PackedRun]]:
    """The runs that stand one after the other in two files, each with its id.

    Args:
        part: The files.

    Raises:
        BundleError: If they are no journals, or hold arrays of no run.
    """
    place = 0
    try:
        for run_id, journal in _journals(part.journal):
            size = sum(size for _, size in _named(journal))
            yield run_id, PackedRun(journal, part.blobs[place : place + size])
            place += size
    except StoreError as error:
        raise BundleError(f"its journals cannot be read: {error}") from error
    if place != len(part.blobs):
        raise BundleError(f"{len(part.blobs):,} bytes of arrays where its journals name {place:,}")


def unpack_run(staging: RunStore, root: Path, config: RunConfig, packed: PackedRun) -> None:
    """Prepare a run in a store of its own, and check it as the store would.

    Args:
        staging: The store.
        root: Its folder.
        config: Which run the files must be of.
        packed: The files.

    Raises:
        BundleError: If anything in it is not what a run of this configuration records.
        OSError: If it cannot be written.
    """
    run_id = staging.create(config)
    make_folder(root / run_id / "blobs")
    try:
        for sha, data in _cut(packed):
            path = root / run_id / "blobs" / f"{sha}.bin"
            write_file(path, data, label="blob", durable=False)
        path = root / run_id / "journal.jsonl"
        write_file(path, packed.journal, label="journal", durable=False)
        problems = [*staging.verify(run_id), *_course_problems(staging, config)]
    except StoreError as error:
        raise BundleError(f"run {run_id}: {error}") from error
    if staging.journal_bytes(run_id) != packed.journal:
        problems.append("its journal is unfinished")
    if problems:
        raise BundleError(f"run {run_id}: {problems[0]}")


def _pack_run(runs: RunStore, run_id: str, *, compact: bool) -> PackedRun:
    if compact:
        return _compact(runs, run_id)
    journal = runs.journal_bytes(run_id)
    named = _named(journal)
    return PackedRun(journal, b"".join(runs.blob_bytes(run_id, sha) for sha, _ in named))


def _add_part(archive: BundleWriter, number: int, part: list[PackedRun]) -> None:
    journals, blobs = part_files(number)
    archive.add(journals, b"".join(run.journal for run in part))
    archive.add(blobs, b"".join(run.blobs for run in part))


def _size(run: PackedRun) -> int:
    return len(run.journal) + len(run.blobs)


def _course_problems(staging: RunStore, config: RunConfig) -> Iterator[str]:
    """What no run of this configuration does."""
    history = staging.history(config.run_id)
    for event in history.events:
        if event.kind not in KINDS:
            yield f"its journal has an entry of the unknown kind {event.kind!r:.40}"
    n_rounds, expected = len(history.rounds), config.scenario.n_rounds + 1
    if n_rounds > expected:
        yield f"it has {n_rounds} rounds where its configuration has {expected}"
    if history.state is RunState.DONE and n_rounds < expected:
        yield f"it is called done after {n_rounds} of {expected} rounds"


def _cut(packed: PackedRun) -> Iterator[tuple[str, bytes]]:
    """The arrays, each with its hash."""
    place = 0
    for sha, size in _named(packed.journal):
        data = packed.blobs[place : place + size]
        if hashlib.sha256(data).hexdigest() != sha:
            raise StoreError(f"the arrays {sha[:12]} do not match their hash")
        place += size
        yield sha, data


def _journals(lines: bytes) -> Iterator[tuple[str, bytes]]:
    """Journals that stand one after the other, each with the id of its run."""
    run_id, start, place = "", 0, 0
    for line in lines.splitlines(keepends=True):
        record = unseal(line.removesuffix(b"\n"))
        if record.get("seq") == 0:
            if place:
                yield run_id, lines[start:place]
            run_id, start = str(record.get("prev")), place
        place += len(line)
    if place:
        yield run_id, lines[start:place]


def _named(journal: bytes) -> list[tuple[str, int]]:
    """Hash and size of the arrays that a journal names, each once, in order."""
    named: dict[str, int] = {}
    for line in journal.splitlines():
        blobs: Any = unseal(line).get("blobs")
        try:
            entries = [(str(blobs[name][0]), blobs[name][1]) for name in sorted(blobs)]
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            raise StoreError("its journal does not name its arrays as expected") from error
        for sha, size in entries:
            if type(size) is not int or size < 0:
                raise StoreError(f"the arrays {sha[:12]} have the size {size!r:.20}")
            named.setdefault(sha, size)
    return list(named.items())


def _compact(runs: RunStore, run_id: str) -> PackedRun:
    lines: list[bytes] = []
    blobs: dict[str, bytes] = {}
    last = run_id
    for event in runs.history(run_id).events:
        arrays = {name: runs.blob(run_id, sha) for name, sha in event.blobs.items()}
        kept = {name: encode(part, {}) for name, part in sorted(_essential(arrays).items())}
        hashes = {name: hashlib.sha256(data).hexdigest() for name, data in kept.items()}
        blobs |= {hashes[name]: data for name, data in kept.items()}
        short = Event(event.seq, event.kind, event.data, hashes, event.at)
        line = make_line(short, {name: len(data) for name, data in kept.items()}, prev=last)
        last = str(unseal(line.rstrip(b"\n"))["check"])
        lines.append(line)
    return PackedRun(b"".join(lines), b"".join(blobs.values()))


def _essential(blobs: dict[str, Arrays]) -> dict[str, Arrays]:
    """What tells which samples were bought, what they were, and what the model thought of them."""
    if "query" not in blobs:
        return {}
    query = {name: array for name, array in blobs["query"].items() if name != "scores"}
    kept: dict[str, Arrays] = {"query": query}
    predictions: dict[str, Any] = blobs.get("predictions", {})
    if "id" in predictions:
        bought = np.isin(predictions["id"], query["queried"])
        kept["predictions"] = {name: array[bought] for name, array in predictions.items()}
    return kept
