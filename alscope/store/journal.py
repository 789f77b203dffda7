"""The journal of a run: what happened, one checked line per event, and the arrays they name.

`journal.jsonl` only grows. A line is canonical JSON with the fields seq, kind, at, data, blobs,
prev and check; `check` is the BLAKE2b of the rest and `prev` the check of the line before (of the
first: the run id), so a line cannot be changed, moved or taken from another run unnoticed. Arrays
are in `blobs/<sha256>.bin`. An event exists if and only if its line is whole and every blob it
names has the recorded size and hash.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alscope.errors import StorageUnavailable, StoreError
from alscope.store.codecs import decode
from alscope.store.files import child, read_regular, seal, unseal, write_file
from alscope.store.trouble import hinders, unavailable
from alscope.types import Arrays, RunState

__all__ = [
    "KINDS",
    "Event",
    "Journal",
    "RunHistory",
    "load_blob",
    "make_line",
    "read_blob",
    "read_journal",
    "state_of",
    "write_blob",
]

KINDS = ("started", "round", "paused", "cancelled", "failed", "done", "requeued")
_FIELDS = frozenset(("seq", "kind", "at", "data", "blobs", "prev", "check"))
_SHA = re.compile(r"[0-9a-f]{64}")
_STATES = {
    "started": RunState.RUNNING,
    "round": RunState.RUNNING,
    "paused": RunState.PAUSED,
    "cancelled": RunState.CANCELLED,
    "failed": RunState.FAILED,
    "done": RunState.DONE,
    "requeued": RunState.QUEUED,
}


@dataclass(frozen=True)
class Event:
    """One thing that happened in a run.

    Attributes:
        seq: Place in the journal, from 0; the order of events, whatever the clock said.
        kind: One of `KINDS`.
        data: What was recorded; plain JSON values.
        blobs: SHA-256 of each named group of arrays.
        at: Wall time, ISO 8601 UTC; for display only.
    """

    seq: int
    kind: str
    data: dict[str, Any]
    blobs: dict[str, str]
    at: str


@dataclass(frozen=True)
class RunHistory:
    """What is known of a run.

    Attributes:
        run_id: Which run.
        events: All events in order.
        state: Where it stands.
        damaged: What was lost by damage, in words; None if nothing was.
    """

    run_id: str
    events: tuple[Event, ...]
    state: RunState
    damaged: str | None = None

    @property
    def rounds(self) -> tuple[Event, ...]:
        """The recorded rounds, in order."""
        return tuple(event for event in self.events if event.kind == "round")

    @property
    def error(self) -> dict[str, Any] | None:
        """What the last event says if the run failed."""
        return self.events[-1].data if self.state is RunState.FAILED else None


@dataclass(frozen=True)
class Journal:
    """The valid beginning of a journal.

    Attributes:
        events: Its events.
        size: Its length in bytes.
        last: Check of its last line; the run id if it is empty.
        damaged: Why it ends before the file does; None if only an unfinished line follows.
    """

    events: tuple[Event, ...]
    size: int
    last: str
    damaged: str | None = None


def read_journal(folder: Path, base: Journal) -> Journal:
    """Read what was appended after `base`.

    Args:
        folder: Folder of the run.
        base: What is known; `Journal((), 0, run_id)` at first.

    Raises:
        StoreError: If the file cannot be read, or the arrays of a line cannot be read now: that
            says nothing about what they hold.
    """
    try:
        tail = read_regular(folder / "journal.jsonl", base.size)
    except FileNotFoundError:
        return base
    except OSError as error:
        if hinders(error):
            raise unavailable("the journal cannot be read", error) from error
        raise StoreError(f"the journal cannot be read: {error.strerror or error}") from error
    events, size, last = list(base.events), base.size, base.last
    lines = tail.split(b"\n")[:-1]  # what follows the last newline was never finished
    for place, line in enumerate(lines):
        try:
            event, last = _read_line(folder, line, seq=len(events), prev=last)
        except StorageUnavailable:
            raise
        except StoreError as error:
            lost = len(lines) - place
            return Journal(tuple(events), size, last, _loss(len(events), lost, str(error)))
        events.append(event)
        size += len(line) + 1
    return Journal(tuple(events), size, last)


def make_line(event: Event, sizes: Mapping[str, int], *, prev: str) -> bytes:
    """The line of an event, with its newline.

    Args:
        event: The event.
        sizes: Length in bytes of each blob.
        prev: Check of the line before.

    Raises:
        StoreError: If the data have no JSON form.
    """
    record = {
        "seq": event.seq,
        "kind": event.kind,
        "at": event.at,
        "data": event.data,
        "blobs": {name: [sha, sizes[name]] for name, sha in event.blobs.items()},
        "prev": prev,
    }
    return seal(record) + b"\n"


def state_of(events: Iterable[Event]) -> RunState:
    """The state the events lead to; running also if whoever ran it is gone."""
    state = RunState.QUEUED
    for event in events:
        state = _STATES.get(event.kind, state)
    return state


def write_blob(folder: Path, data: bytes) -> tuple[str, int]:
    """Store encoded arrays under their hash; returns hash and size.

    They are on the disk then; their names are once the folder `blobs` is synced.
    """
    sha = hashlib.sha256(data).hexdigest()
    write_file(folder / "blobs" / f"{sha}.bin", data, label="blob", name_later=True)
    return sha, len(data)


def read_blob(folder: Path, sha: str) -> bytes:
    """The bytes of a blob, checked.

    Raises:
        StoreError: If it is missing or damaged, or `sha` is no hash.
    """
    if not _SHA.fullmatch(sha):
        raise StoreError(f"{sha!r:.80} is not the name of stored arrays")
    try:
        data = read_regular(child(folder, "blobs") / f"{sha}.bin")
    except OSError as error:
        if hinders(error):
            raise unavailable(f"the arrays {sha[:12]} cannot be read", error) from error
        reason = "are missing" if isinstance(error, FileNotFoundError) else "cannot be read"
        raise StoreError(f"the arrays {sha[:12]} {reason}") from error
    if hashlib.sha256(data).hexdigest() != sha:
        raise StoreError(f"the arrays {sha[:12]} are damaged (their hash does not match)")
    return data


def load_blob(folder: Path, sha: str) -> Arrays:
    """The arrays of a blob.

    Raises:
        StoreError: If it is missing or damaged, or `sha` is no hash.
    """
    arrays, _ = decode(read_blob(folder, sha))
    return arrays


def _read_line(folder: Path, line: bytes, *, seq: int, prev: str) -> tuple[Event, str]:
    record = unseal(line)
    if record.keys() != _FIELDS or not isinstance(record["data"], dict):
        raise StoreError("it has other fields than expected")
    if (record["seq"], record["prev"]) != (seq, prev):
        raise StoreError("it does not follow the entry before it")
    blobs = _read_blobs(folder, record["blobs"])
    event = Event(seq, str(record["kind"]), record["data"], blobs, str(record["at"]))
    return event, str(record["check"])


def _read_blobs(folder: Path, blobs: Any) -> dict[str, str]:
    try:
        named = {str(name): (str(sha), int(size)) for name, (sha, size) in blobs.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise StoreError("it does not name its arrays as expected") from error
    for sha, size in named.values():
        if len(read_blob(folder, sha)) != size:
            raise StoreError(f"the arrays {sha[:12]} have another size than recorded")
    return {name: sha for name, (sha, _) in named.items()}


def _loss(place: int, lost: int, reason: str) -> str:
    what = "this entry is" if lost == 1 else f"this and the following {lost - 1} entries are"
    return (
        f"entry {place} of the journal is unusable: {reason}; "
        f"{what} lost and will be computed again when the run continues"
    )
