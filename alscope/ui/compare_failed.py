"""Compare: what is said of runs that failed, so that no mean hides them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from alscope.types import RunState
from alscope.ui.text import count, plain

if TYPE_CHECKING:
    from alscope.engine.service import StudyStatus

__all__ = ["said_of_failures"]

_MOST_NAMED = 5
_DIVERGED = "diverged: "


def said_of_failures(studies: Iterable[StudyStatus]) -> str:
    """How many runs of some studies failed, how many because training diverged, and which.

    A strategy whose runs diverge would look better, and not worse, if only the others were counted.

    Returns:
        Markdown; "" if none failed.
    """
    runs = {run.run_id: run for study in studies for run in study.runs}
    failed = [run for run in runs.values() if run.state is RunState.FAILED]
    if not failed:
        return ""
    n_diverged = sum(run.message.startswith(_DIVERGED) for run in failed)
    diverged = f", {n_diverged:,} of them because training diverged" if n_diverged else ""
    named = [f"{run.strategy} (seed {run.seed}, {run.scenario})" for run in failed[:_MOST_NAMED]]
    more = len(failed) - len(named)
    rest = f" and {more:,} more" if more else ""
    return (
        f"{count(len(failed), 'run')} of {len(runs):,} failed{diverged}: "
        f"{plain(', '.join(named))}{rest}. Curves show them as far as they came; areas need "
        "a whole curve and leave them out. Monitor says why, and can retry them."
    )
