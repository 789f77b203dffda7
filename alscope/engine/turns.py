"""Runs that take turns in one process, so that what they train can be trained together.

Every run goes on until it is about to train; then all trainings are done at once, where that saves
time, and each run takes up its own. Only one works at any moment: no record and no measured time
knows of the others, but for a training, of which each is charged an equal share.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alscope.engine.control import RunControl, StopToken
from alscope.engine.runner import Execution, Step, execution
from alscope.errors import Interrupted, StoreError
from alscope.store.runs import RunStore
from alscope.types import RunState

if TYPE_CHECKING:
    from alscope.engine.resources import Resources

__all__ = ["execute_in_turns"]

log = logging.getLogger(__name__)

Ended = Callable[[str, RunState | None, str], None]
"""Hears of a run that has ended: its id, its state, and why that could not be recorded."""


@dataclass
class _Run:
    run_id: str
    execution: Execution
    step: Step | None = None

    def advance(self) -> tuple[RunState | None, str] | None:
        """Go on until the run is about to train; how it ended, if it did."""
        try:
            self.step = next(self.execution)
            return None
        except StopIteration as end:
            return end.value, ""
        except StoreError as error:  # the store is full, read-only or gone
            log.warning("run %s: %s", self.run_id, error)
            return RunState.INTERRUPTED, str(error)


def execute_in_turns(
    store: RunStore,
    tokens: Mapping[str, StopToken],
    resources: Callable[[], Resources],
    ended: Ended,
    *,
    contended: bool = False,
    accept_change: Collection[str] = (),
) -> None:
    """Execute runs; one alone is executed as ever.

    Args:
        store: Where the runs are.
        tokens: Requests to stop, by run.
        resources: Makes or returns the process's resources.
        ended: Called with every run as soon as it has ended.
        contended: Other runs are active on this machine.
        accept_change: Runs to continue although the environment changed.
    """
    turns: list[RunControl] = []
    live = [
        _Run(
            run_id,
            execution(
                store,
                run_id,
                resources,
                token,
                contended=contended,
                accept_change=run_id in accept_change,
                turns=turns,
            ),
        )
        for run_id, token in tokens.items()
    ]
    due = live
    while live:
        for run in list(due):
            end = run.advance()
            if end is not None:
                live.remove(run)
                ended(run.run_id, *end)
        if len(live) > 1:
            _train([run.step for run in live if run.step is not None], resources())
        # Whoever was asked to stop goes first; then the others can be trained together again.
        due = [run for run in live if run.step is not None and run.step[1].is_asked] or live


def _train(steps: list[Step], resources: Resources) -> None:
    try:
        resources.train_together([stage for stage, _ in steps], [control for _, control in steps])
    except Interrupted:
        log.info("a run was asked to stop while it was trained together with others")
    except Exception as error:  # of whichever run it is: it meets it again when it trains alone
        log.warning("runs could not be trained together, so each is trained alone: %s", error)
