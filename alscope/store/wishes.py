"""How a study shall be queued: its priority, that of single runs, and until when it may run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from alscope.errors import StoreError

__all__ = ["PRIORITIES", "QueueWish"]

PRIORITIES = range(-9, 10)
"""Larger goes first."""


@dataclass(frozen=True)
class QueueWish:
    """How the runs of a study shall be queued.

    Attributes:
        priority: Of all runs of the study that have none of their own.
        runs: Priorities of single runs, by run id.
        pause_at: ISO 8601 time after which the study is paused; None: never.
    """

    priority: int = 0
    runs: Mapping[str, int] = field(default_factory=dict)
    pause_at: str | None = None

    def __post_init__(self) -> None:
        for value in (self.priority, *self.runs.values()):
            if value not in PRIORITIES:
                raise StoreError(
                    f"priority {value!r} is none; use a whole number from {PRIORITIES[0]} to "
                    f"{PRIORITIES[-1]}"
                )

    def of(self, run_id: str) -> int:
        """The priority of one run."""
        return self.runs.get(run_id, self.priority)

    def is_over(self, now: datetime | None = None) -> bool:
        """Whether the time to pause has come."""
        if self.pause_at is None:
            return False
        return (now or datetime.now(UTC)) >= datetime.fromisoformat(self.pause_at)

    def to_dict(self) -> dict[str, Any]:
        """Plain form; `from_dict` reverses it."""
        return {"priority": self.priority, "runs": dict(self.runs), "pause_at": self.pause_at}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> QueueWish:
        """Rebuild what `to_dict` made.

        Raises:
            StoreError: If it is something else.
        """
        try:
            wish = cls(
                priority=int(data["priority"]),
                runs={str(run): int(value) for run, value in data["runs"].items()},
                pause_at=data["pause_at"],
            )
            wish.is_over()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StoreError(f"the queue wish cannot be understood: {error}") from error
        return wish
