"""What must hold between the rounds of a run, whoever wrote them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from alscope.store.journal import Event, load_blob
from alscope.types import IntArray

__all__ = ["record_problems"]


def record_problems(folder: Path, events: Iterable[Event]) -> list[str]:
    """Rounds that do not follow each other, and samples that were bought twice.

    Args:
        folder: Folder of the run.
        events: Its events.
    """
    problems = []
    bought = np.empty(0, dtype=np.int64)
    rounds = [event for event in events if event.kind == "round"]
    for place, event in enumerate(rounds):
        result = event.data.get("result")
        number = result.get("round") if isinstance(result, dict) else None
        if number != place:
            problems.append(f"round {place} is expected but round {number!r} is recorded")
        queried = _queried(folder, event)
        again = np.intersect1d(bought, queried)
        if again.size or np.unique(queried).size != queried.size:
            problems.append(f"round {place} buys a sample that was bought before")
        bought = np.concatenate([bought, queried])
    return problems


def _queried(folder: Path, event: Event) -> IntArray:
    if "query" not in event.blobs:
        return np.empty(0, dtype=np.int64)
    arrays = load_blob(folder, event.blobs["query"])
    return arrays.get("queried", np.empty(0)).astype(np.int64).ravel()
