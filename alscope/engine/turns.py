"""Runs that take turns in one process, so that what they train can be trained together.

Every run goes on until it is about to train; then all trainings are done at once, where that saves
time, and each run takes up its own. Only one works at any moment: no record and no measured time
knows of the others, but for a training, of which each is charged an equal share.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alscope.engine.control import StopToken
from alscope.engine.runner import Execution, Step, execution
from alscope.errors import Interrupted, StoreError
from alscope.store.runs import RunStore
from alscope.types import RunState

if TYPE_CHECKING:
    from alscope.engine.resources import Resources

__all__ = ["execute_in_turns"]

log = logging.getLogger(__name__)

_SIGN_OF_LIFE_S = 5.0
_End = tuple[RunState | None, str]
Ended = Callable[[str, RunState | None, str], bool]
"""Hears of a run that has ended: its id, its state, and why that could not be recorded. Answers
whether others can go on."""
Turn = Callable[[str | None], None]
"""Hears whose turn it is; None: all are trained together."""


def nobody_hears(run_id: str | None) -> None:
    """What hears of turns where nobody asks."""


@dataclass
class _Run:
    run_id: str
    token: StopToken
    execution: Execution
    step: Step | None = None

    @property
    def round(self) -> int:
        """The round that it is about to train; -1 before it has begun."""
        return -1 if self.step is None else self.step[1].round

    def advance(self) -> _End | None:
        """Go on until the run is about to train; how it ended, if it did."""
        return self._go_on(lambda: next(self.execution))

    def stop(self) -> _End | None:
        """End a run that waits for its turn, because it was asked to."""
        if self.step is None:
            return self.advance()  # it has not begun, and will not
        try:
            self.token.check()
        except Interrupted as request:
            asked = request
            return self._go_on(lambda: self.execution.throw(asked))
        return None

    def close(self) -> _End:
        """Leave the run as it is."""
        try:
            self.execution.close()
        except StoreError as error:
            log.warning("run %s: %s", self.run_id, error)
        return None, ""

    def _go_on(self, move: Callable[[], Step]) -> _End | None:
        try:
            self.step = move()
            return None
        except StopIteration as end:
            return end.value, ""
        except StoreError as error:  # the store is full, read-only or gone
            log.warning("run %s: %s", self.run_id, error)
            return RunState.INTERRUPTED, str(error)


class _Turns:
    """The runs, and whose turn it is."""

    def __init__(self, resources: Callable[[], Resources], ended: Ended, turn: Turn) -> None:
        self.live: list[_Run] = []
        self._resources = resources
        self._ended = ended
        self._turn = turn
        self._working: _Run | None = None
        self._told_at = time.monotonic()

    def execute(self) -> None:
        """All of them to their ends."""
        while self.live:
            self._train()
            for run in self._due():
                if run in self.live:  # else it was stopped while another one worked
                    self._working = run
                    self._turn(run.run_id)
                    self._settle(run, run.advance())
            self._working = None

    def look(self) -> None:
        """Stop waiting runs that are asked to; let the others give a sign of life."""
        waiting = [run for run in self.live if run is not self._working]
        for run in waiting:
            if run.token.is_asked and run in self.live:
                self._settle(run, run.stop())
        if time.monotonic() - self._told_at > _SIGN_OF_LIFE_S:
            self._told_at = time.monotonic()
            for run in waiting:
                if run in self.live and run.step is not None:
                    run.step[1].wait()

    def _settle(self, run: _Run, end: _End | None) -> None:
        if end is not None:
            self.live.remove(run)
            if not self._ended(run.run_id, *end):
                self._give_up()

    def _give_up(self) -> None:
        """Leave the others as they are, for another process."""
        left, self.live = self.live, []
        for run in left:
            end = run.stop() if run.token.is_asked else None
            self._ended(run.run_id, *(end or run.close()))

    def _due(self) -> list[_Run]:
        """Those in the earliest round: who was resumed ahead of the others waits for them."""
        earliest = min((run.round for run in self.live), default=0)
        return [run for run in self.live if run.round == earliest]

    def _train(self) -> None:
        """Train what is due; again for the others if one was stopped."""
        while len(steps := [run.step for run in self._due() if run.step is not None]) > 1:
            self._turn(None)
            n_before = len(self.live)
            try:
                self._resources().train_together(*zip(*steps, strict=True))
                return
            except Interrupted:
                self.look()
                if len(self.live) == n_before:
                    return
            except Exception as error:  # of whichever run it is: it meets it again, alone
                log.warning("runs could not be trained together: %s", error)
                return


def execute_in_turns(
    store: RunStore,
    tokens: Mapping[str, StopToken],
    resources: Callable[[], Resources],
    ended: Ended,
    *,
    turn: Turn = nobody_hears,
    contended: bool = False,
    accept_change: Collection[str] = (),
) -> None:
    """Execute runs; one alone is executed as ever.

    Args:
        store: Where the runs are.
        tokens: Requests to stop, by run; a run that waits for its turn hears them as well.
        resources: Makes or returns the process's resources.
        ended: Called with every run as soon as it has ended.
        turn: Called whenever another one goes on.
        contended: Other runs are active on this machine.
        accept_change: Runs to continue although the environment changed.
    """
    turns = _Turns(resources, ended, turn)
    turns.live = [
        _Run(
            run_id,
            token,
            execution(
                store,
                run_id,
                resources,
                token,
                contended=contended,
                accept_change=run_id in accept_change,
                look=turns.look,
            ),
        )
        for run_id, token in tokens.items()
    ]
    turns.execute()
