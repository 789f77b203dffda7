"""Runs in a bundle: the journal as it is, and its arrays in one file behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from alscope.config import RunConfig
from alscope.errors import BundleError, StoreError
from alscope.store.codecs import encode
from alscope.store.files import make_folder, unseal, write_file
from alscope.store.journal import KINDS, Event, make_line
from alscope.store.runs import RunStore
from alscope.types import Arrays, RunState

__all__ = ["PackedRun", "pack_run", "unpack_run"]


class PackedRun(NamedTuple):
    """A run as two files."""

    journal: bytes
    """Lines of the journal."""
    blobs: bytes
    """The arrays that the lines name, each once, in the order in which they are first named."""


def pack_run(runs: RunStore, run_id: str, *, compact: bool = False) -> PackedRun:
    """What is recorded of a run.

    Args:
        runs: The run store.
        run_id: The run.
        compact: Write the journal anew without scores, without predictions for samples that were
            not queried, and without states of strategies. Results stay as they are; a run that is
            not finished cannot be continued from it.

    Raises:
        StoreError: If it cannot be read.
    """
    if compact:
        return _compact(runs, run_id)
    journal = runs.journal_bytes(run_id)
    named = _named(journal)
    return PackedRun(journal, b"".join(runs.blob_bytes(run_id, sha) for sha, _ in named))


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
    if place != len(packed.blobs):
        raise StoreError(f"{len(packed.blobs) - place} bytes belong to no entry of its journal")


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
