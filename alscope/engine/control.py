"""Stopping and watching a run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from alscope.errors import Cancelled, Interrupted, Paused
from alscope.store import _faults
from alscope.types import Control

__all__ = ["AuxiliaryControl", "NullControl", "RunControl", "SelectionListener", "StopToken"]

STAGE_SHARE = {
    "load": 0.0,
    "train": 0.0,
    "evaluate": 0.7,
    "auxiliary": 0.8,
    "infer": 0.8,
    "select": 0.95,
}
"""Where in a round a stage begins; only for progress bars."""
STAGE_END = {
    "load": 0.0,
    "train": 0.7,
    "evaluate": 0.8,
    "auxiliary": 0.95,
    "infer": 0.95,
    "select": 1.0,
}


_TELL_EVERY_S = 0.5
_WEIGHT = {"stop": 0, "pause": 1, "cancel": 2}


def _nothing() -> None:
    """What is looked after where no run waits."""


class StopToken:
    """A request to stop, set by one thread and noticed by another within a batch.

    Attributes:
        contended: Another run was started beside this one.
    """

    def __init__(self) -> None:
        self.contended = False
        self._lock = threading.Lock()
        self._request: str | None = None

    @property
    def is_asked(self) -> bool:
        """Whether a request has arrived."""
        return self._request is not None

    def request(self, action: str) -> None:
        """Ask for "stop", "pause" or "cancel"; a later one wins over an earlier one of these."""
        with self._lock:
            if self._request is None or _WEIGHT[action] > _WEIGHT[self._request]:
                self._request = action

    def check(self) -> None:
        """Raise what was asked for.

        Raises:
            Cancelled: After "cancel".
            Paused: After "pause".
            Interrupted: After "stop" (it goes on later, elsewhere; nothing is recorded).
        """
        _faults.point("check")
        if self._request == "cancel":
            raise Cancelled("the run was cancelled")
        if self._request == "pause":
            raise Paused("the run was paused")
        if self._request == "stop":
            raise Interrupted("the process that executed the run is stopping")


class RunControl:
    """The control of one run: stops it on request and publishes where it is.

    Args:
        token: Where requests to stop arrive.
        publish: Called with `stage`, `round` and `fraction` (of the whole run).
        n_rounds: Number of the last round.
        look: Called at every check: looks after the runs that wait while this one works.
    """

    def __init__(
        self,
        token: StopToken,
        publish: Callable[..., None],
        *,
        n_rounds: int,
        look: Callable[[], None] = _nothing,
    ) -> None:
        self._token = token
        self._publish = publish
        self._n_rounds = n_rounds
        self._look = look
        self._last: dict[str, Any] = {}
        self.round = 0

    @property
    def contended(self) -> bool:
        """Whether another run was started beside this one."""
        return self._token.contended

    def check(self) -> None:
        """Raise if the run was asked to stop."""
        self._token.check()
        self._look()

    def progress(self, stage: str, fraction: float) -> None:
        """Publish the position within the run."""
        start, end = STAGE_SHARE.get(stage, 0.0), STAGE_END.get(stage, 0.0)
        within = start + (end - start) * min(max(fraction, 0.0), 1.0)
        overall = (self.round + within) / (self._n_rounds + 1)
        self._last = {"stage": stage, "round": self.round, "fraction": round(overall, 4)}
        self._publish(**self._last)

    def wait(self) -> None:
        """Publish again where the run is, as a sign of life."""
        self._publish(**self._last)


class AuxiliaryControl:
    """The control of a run for what trains beside the target model, whatever it calls its stages.

    Args:
        control: Of the run.
    """

    def __init__(self, control: Control) -> None:
        self._control = control

    def check(self) -> None:
        """Raise if the run was asked to stop."""
        self._control.check()

    def progress(self, stage: str, fraction: float) -> None:
        """Publish it as the stage "auxiliary"."""
        self._control.progress("auxiliary", fraction)


class SelectionListener:
    """Passes on how far a selection is, and stops it on request, at most twice a second.

    Short selections, which are nearly all, therefore never notice it.

    Args:
        control: Of the run.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._told_at, self._highest = time.monotonic(), 0.0

    def __call__(self, fraction: float) -> None:
        """Hear that a share of some part of the work is done; the whole never goes back."""
        self._highest = max(self._highest, fraction)
        if time.monotonic() - self._told_at < _TELL_EVERY_S:
            return
        self._told_at = time.monotonic()
        self._control.check()
        self._control.progress("select", self._highest)


class NullControl:
    """Never stops and tells nobody."""

    def check(self) -> None:
        """Do nothing."""

    def progress(self, stage: str, fraction: float) -> None:
        """Do nothing."""
