"""What a list needs of a run: a few numbers, remembered while the run's files are the same.

Reading a journal with all its arrays takes milliseconds, so a list of thousands of runs cannot do
it every time. A summary is taken once and kept for as long as journal and blob folder carry the
same marks (inode, size and times), which any write by any process changes. Summaries of finished
runs are also kept in one checksummed file, for the next process. It may vanish at any time, and
results are never computed from it: tables and charts read the journals.
"""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from alscope.errors import StoreError
from alscope.store.codecs import decode, encode
from alscope.store.files import is_id, make_folder, read_regular, write_file
from alscope.store.journal import Event, RunHistory, state_of
from alscope.store.runs import RunStore
from alscope.types import Arrays, RunState

__all__ = ["RunSummaries", "RunSummary", "summarize"]

_SCHEMA = 2
_WORTH_WRITING = 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunSummary:
    """A run at a glance.

    Attributes:
        state: Where the journal leads; running also if whoever ran it is gone.
        n_rounds: Recorded rounds.
        elapsed_s: Seconds spent on them.
        points: Annotated samples and accuracy of every recorded round.
        size: Bytes on disk.
        error: What the last event says if the run failed or was paused.
        damaged: What was lost by damage, in words; None if nothing was.
        started: ISO 8601 time at which it was first executed; "" if it never was.
        ended: ISO 8601 time of the last event; "" if there is none.
    """

    state: RunState
    n_rounds: int
    elapsed_s: float
    points: tuple[tuple[int, float], ...]
    size: int
    error: dict[str, Any] | None = None
    damaged: str | None = None
    started: str = ""
    ended: str = ""


class _Mark(NamedTuple):
    """What tells whether the files of a run are still the same; zeros where there are none."""

    inode: int
    size: int
    modified_ns: int
    blobs_ns: int


class _Known(NamedTuple):
    mark: _Mark
    summary: RunSummary


class RunSummaries:
    """Summaries of the runs of a store; any number of threads may ask.

    Args:
        runs: The run store.
        path: File for summaries of finished runs; its folder is made when it is written.
    """

    def __init__(self, runs: RunStore, path: Path) -> None:
        self._runs = runs
        self._path = path
        self._known: dict[str, _Known] | None = None
        self._n_new = 0
        self._guard = threading.Lock()

    def get(self, run_id: str) -> RunSummary | None:
        """The summary of a run as it is on disk now; None if there is no such run.

        Raises:
            StoreError: If its journal cannot be read.
        """
        mark = self._mark(run_id)  # before reading, so that a later write is seen at the next look
        if mark is None:
            return None
        remembered = self._remembered()
        known = remembered.get(run_id)
        if known is not None and known.mark == mark:
            return known.summary
        summary = _summary(self._runs.history(run_id), self._runs.size(run_id))
        remembered[run_id] = _Known(mark, summary)
        with self._guard:
            self._n_new += _is_lasting(summary)
        return summary

    def keep(self) -> None:
        """Write the summaries of finished runs for other processes, if enough of them are new."""
        with self._guard:
            known = dict(self._known or {})
            if self._n_new < max(_WORTH_WRITING, len(known) // 20):
                return
            self._n_new = 0
        lasting = {
            run_id: item
            for run_id, item in known.items()
            if _is_lasting(item.summary) and self._mark(run_id) is not None
        }
        try:
            make_folder(self._path.parent)
            write_file(self._path, _packed(lasting), label="summaries", durable=False)
        except OSError as error:
            _log.warning("summaries of runs cannot be kept: %s", error.strerror or error)

    def _remembered(self) -> dict[str, _Known]:
        with self._guard:
            if self._known is None:
                self._known = _read(self._path)
            return self._known

    def _mark(self, run_id: str) -> _Mark | None:
        if not is_id(run_id):
            return None
        folder = self._runs.path_of(run_id)
        try:
            os.lstat(f"{folder}/config.json")
        except OSError:
            return None
        journal = _stat(f"{folder}/journal.jsonl")
        blobs = _stat(f"{folder}/blobs")
        if journal is None:
            return _Mark(0, 0, 0, 0)
        inode = journal.st_ino & (2**63 - 1)
        blobs_ns = 0 if blobs is None else blobs.st_mtime_ns
        return _Mark(inode, journal.st_size, journal.st_mtime_ns, blobs_ns)


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError:
        return None


def _is_lasting(summary: RunSummary) -> bool:
    """Whether nothing more will be recorded, and nothing was lost."""
    return summary.state is RunState.DONE and summary.damaged is None


def summarize(runs: RunStore, run_id: str) -> RunSummary | None:
    """The summary of a run from its journal; None if there is no such run.

    Raises:
        StoreError: If its journal cannot be read.
    """
    if not runs.exists(run_id):
        return None
    return _summary(runs.history(run_id), runs.size(run_id))


def _summary(history: RunHistory, size: int) -> RunSummary:
    rounds = history.rounds
    said = bool(history.events) and history.events[-1].kind in {"failed", "paused"}
    return RunSummary(
        state=state_of(history.events),
        n_rounds=len(rounds),
        elapsed_s=sum(float(_part(event, "timing").get("executed_s", 0.0)) for event in rounds),
        points=tuple(point for event in rounds if (point := _point(event)) is not None),
        size=size,
        error=history.events[-1].data if said else None,
        damaged=history.damaged,
        started=next((event.at for event in history.events if event.kind == "started"), ""),
        ended=history.events[-1].at if history.events else "",
    )


def _point(event: Event) -> tuple[int, float] | None:
    result = _part(event, "result")
    try:
        return int(result["n_annotated"]), float(result["metrics"]["accuracy"])
    except (KeyError, TypeError, ValueError):  # a record of another form; tables will say so
        return None


def _part(event: Event, name: str) -> dict[str, Any]:
    part = event.data.get(name)
    return part if isinstance(part, dict) else {}


def _packed(known: dict[str, _Known]) -> bytes:
    summaries = [item.summary for item in known.values()]
    points = [point for summary in summaries for point in summary.points]
    arrays: Arrays = {
        "marks": np.array([item.mark for item in known.values()], dtype=np.int64).reshape(-1, 4),
        "n_rounds": np.array([summary.n_rounds for summary in summaries], dtype=np.int64),
        "elapsed_s": np.array([summary.elapsed_s for summary in summaries], dtype=np.float64),
        "sizes": np.array([summary.size for summary in summaries], dtype=np.int64),
        "n_points": np.array([len(summary.points) for summary in summaries], dtype=np.int64),
        "n_annotated": np.array([point[0] for point in points], dtype=np.int64),
        "accuracy": np.array([point[1] for point in points], dtype=np.float64),
    }
    times = [[summary.started, summary.ended] for summary in summaries]
    return encode(arrays, {"schema": _SCHEMA, "run_ids": list(known), "times": times})


def _read(path: Path) -> dict[str, _Known]:
    try:
        arrays, meta = decode(read_regular(path))
        if meta.get("schema") != _SCHEMA:
            return {}
        return _unpacked(arrays, meta["run_ids"], meta["times"])
    except FileNotFoundError:
        return {}
    except (OSError, StoreError, KeyError, ValueError, TypeError) as error:
        _log.warning("kept summaries of runs are unusable and are made again: %s", error)
        return {}


def _unpacked(arrays: Arrays, run_ids: list[str], times: list[list[str]]) -> dict[str, _Known]:
    columns = {name: array.tolist() for name, array in arrays.items()}
    points = list(zip(columns["n_annotated"], columns["accuracy"], strict=True))
    ends = np.cumsum(arrays["n_points"]).tolist()
    rows = zip(
        run_ids,
        columns["marks"],
        columns["n_rounds"],
        columns["elapsed_s"],
        columns["sizes"],
        [0, *ends[:-1]],
        ends,
        times,
        strict=True,
    )
    return {
        run_id: _Known(
            _Mark(*mark),
            RunSummary(
                RunState.DONE,
                n_rounds,
                elapsed_s,
                tuple(points[start:end]),
                size,
                started=str(started),
                ended=str(ended),
            ),
        )
        for run_id, mark, n_rounds, elapsed_s, size, start, end, (started, ended) in rows
    }
