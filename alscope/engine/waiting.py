"""The runs that wait for a place, and which of them go first."""

from __future__ import annotations

from collections.abc import Callable

from alscope.config import RunConfig
from alscope.engine.sharing import are_alike
from alscope.errors import StoreError
from alscope.store.studies import QueueWish, StudyStore

__all__ = ["Item", "Waiting"]

Item = tuple[str, str]
"""(study_id, run_id)."""


class Waiting(dict[Item, RunConfig]):
    """Runs in the order in which they came.

    Args:
        studies: Where the wishes of users are.
    """

    def __init__(self, studies: StudyStore) -> None:
        super().__init__()
        self._studies = studies

    def wish(self, study_id: str) -> QueueWish:
        """What users want of a study; nothing in particular where that is not readable."""
        try:
            return self._studies.queue(study_id)
        except StoreError:
            return QueueWish()

    def priority(self, item: Item) -> int:
        """How urgent a run is, also one that does not wait any more."""
        return self.wish(item[0]).of(item[1])

    def in_order(self) -> list[Item]:
        """The highest priority first, else in the order in which they came."""
        wishes = {study_id: self.wish(study_id) for study_id in {item[0] for item in self}}
        return sorted(self, key=lambda item: -wishes[item[0]].of(item[1]))

    def alike(self, item: Item, run: RunConfig, may: Callable[[str], bool]) -> list[Item]:
        """Other seeds of a run that are as urgent, in order.

        Args:
            item: The run, waiting or not.
            run: Its configuration.
            may: Asked with a run id whether it may be one of them.
        """
        wish = self.wish(item[0])
        return [
            other
            for other, waiting in self.items()
            if other != item
            and other[0] == item[0]
            and are_alike(run, waiting)
            and wish.of(other[1]) == wish.of(item[1])
            and may(other[1])
        ]
