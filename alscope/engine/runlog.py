"""What happened in a run and in the worker processes, as lines that people read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alscope.store.journal import Event, RunHistory
from alscope.types import RunState

__all__ = ["LEVELS", "LogLine", "run_log", "worker_log"]

LEVELS = ("INFO", "WARNING", "ERROR")
"""From the least to the most urgent."""
_TAIL_BYTES = 64 * 1024
_FILES = 8
_HEAD = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+ (DEBUG|INFO|WARNING|ERROR|CRITICAL) (.*)")
_LEVEL_OF = {"DEBUG": "INFO", "CRITICAL": "ERROR"}


@dataclass(frozen=True)
class LogLine:
    """One line.

    Attributes:
        at: ISO 8601 time; "" if the line did not say.
        level: One of `LEVELS`.
        text: What happened; may come from a plug-in, so show it as text.
    """

    at: str
    level: str
    text: str


def run_log(history: RunHistory) -> tuple[LogLine, ...]:
    """The journal of a run in words, oldest first."""
    lines: list[LogLine] = []
    before: Event | None = None
    for event in history.events:
        lines += [LogLine(event.at, level, text) for level, text in _words(event, before)]
        before = event
    if history.state is RunState.INTERRUPTED and before is not None:
        lines.append(LogLine(before.at, "WARNING", "interrupted after this; it can be resumed"))
    if history.damaged:
        lines.append(LogLine("", "ERROR", history.damaged))
    return tuple(lines)


def worker_log(folder: Path, *, n_lines: int = 200) -> tuple[LogLine, ...]:
    """The last lines of the newest worker processes, oldest first."""
    try:
        files = sorted(folder.glob("worker-*.log"), key=lambda path: path.stat().st_mtime)
        texts = [_tail(path) for path in files[-_FILES:]]
    except OSError:  # a file went away meanwhile
        return ()
    lines = [line for text in texts for line in _parsed(text)]
    return tuple(sorted(lines, key=lambda line: line.at)[-n_lines:])


def _words(event: Event, before: Event | None) -> Iterator[tuple[str, str]]:
    data = event.data
    if event.kind == "round":
        yield from _round_words(data)
    elif event.kind == "started":
        if before is not None and before.kind in {"started", "round"}:
            yield "WARNING", "the process had gone away; continued after the last round"
        env = data.get("env", {})
        where = f" on {env['device']}, {env['n_threads']} threads" if env else ""
        yield "INFO", f"started{where}"
        for change in data.get("changes", []):
            yield "WARNING", f"the conditions changed: {change}"
    elif event.kind == "failed":
        yield "ERROR", f"{data.get('type', 'error')}: {data.get('message', '')}"
    elif event.kind == "done":
        yield "INFO", "done"
    elif "message" in data:
        yield "WARNING", f"{event.kind}: {data['message']}"
    else:
        yield "WARNING", event.kind


def _round_words(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    result, timing = data["result"], data["timing"]
    shared = ", model from the cache" if timing.get("train_cached") else ""
    yield (
        "INFO",
        f"round {result['round']}: {result['n_annotated']:,} labels, accuracy "
        f"{result['metrics']['accuracy']:.3f}, {timing['executed_s']:.1f} s{shared}",
    )
    retries = result.get("train", {}).get("retries", 0)
    if retries:
        yield "WARNING", f"training diverged and was repeated {retries} times"


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - _TAIL_BYTES))
        return file.read().decode("utf-8", errors="replace")


def _parsed(text: str) -> Iterator[LogLine]:
    at, level = "", "INFO"
    for line in text.splitlines():
        head = _HEAD.fullmatch(line)
        if head:
            # Worker processes write local time.
            local = datetime.fromisoformat(head[1]).astimezone(UTC)
            at, level = local.isoformat(timespec="seconds"), _LEVEL_OF.get(head[2], head[2])
        yield LogLine(at, level, head[3] if head else line)
