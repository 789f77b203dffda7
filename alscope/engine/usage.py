"""How much of a server one user uses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from alscope.data.own import own_info
from alscope.data.protocols import DataRoot
from alscope.store.owners import Owners
from alscope.store.trash import TrashEntry
from alscope.types import RunState

if TYPE_CHECKING:
    from alscope.engine.status import StudyStatus

__all__ = ["bytes_of", "waiting_of"]

_ACTIVE = (RunState.RUNNING, RunState.QUEUED)


def waiting_of(user: str, owners: Owners, studies: Iterable[StudyStatus]) -> set[str]:
    """Ids of the runs of a user's studies that wait or run."""
    mine = set(owners.owned("study", user))
    return {
        run.run_id
        for study in studies
        if study.study_id in mine
        for run in study.runs
        if run.state in _ACTIVE
    }


def bytes_of(
    user: str,
    owners: Owners,
    studies: Iterable[StudyStatus],
    trash: Iterable[TrashEntry],
    root: DataRoot,
) -> int:
    """Bytes of a user's studies, deleted studies and data sets; a shared run counts once."""
    mine = set(owners.owned("study", user))
    runs = {
        run.run_id: run.size for study in studies if study.study_id in mine for run in study.runs
    }
    deleted = sum(entry.size for entry in trash if entry.study_id in mine)
    data = sum(own_info(root, slug).n_bytes for slug in owners.owned("data", user))
    return sum(runs.values()) + deleted + data
