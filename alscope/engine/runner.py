"""Executing one run from the store, whatever happens to it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from alscope.config import RunConfig
from alscope.data.protocols import DataRoot
from alscope.engine.control import RunControl, StopToken
from alscope.engine.defaults import Paths
from alscope.engine.failures import asked_by_user, failure, message_of, must_pause
from alscope.engine.settings import read_settings
from alscope.errors import Cancelled, Interrupted, Paused, RunLockedError, StorageUnavailable
from alscope.store.runs import RunStore
from alscope.store.writer import RunWriter
from alscope.types import RunState

if TYPE_CHECKING:
    from alscope.engine.resources import Resources
    from alscope.engine.stages import TrainStage

__all__ = ["Execution", "Step", "execute", "execution", "make_resources"]

Step = tuple["TrainStage", RunControl]
Execution = Generator[Step, None, RunState | None]

log = logging.getLogger(__name__)


def make_resources(
    cache: Path, data_root: DataRoot, *, device: str, n_threads: int | None, slot: int = 0
) -> Resources:
    """The resources of this process; loads torch.

    Args:
        cache: The cache folder.
        data_root: Where data sets are.
        device: "auto", "cpu", "cuda" or "cuda:N".
        n_threads: CPU threads; None: the default of this machine.
        slot: Which of several processes this is; with "auto" they take the GPUs in turn.
    """
    from alscope.engine.resources import Resources
    from alscope.store.artifacts import ArtifactCache

    limit = read_settings(Paths(cache).settings).artifact_limit
    artifacts = ArtifactCache(Paths(cache).artifacts, size_limit=limit)
    return Resources(data_root, artifacts, device=device, n_threads=n_threads, slot=slot)


def execute(
    store: RunStore,
    run_id: str,
    resources: Callable[[], Resources],
    token: StopToken,
    *,
    contended: bool = False,
    accept_change: bool = False,
) -> RunState | None:
    """Execute a run and record how it ended; a failure of the run is not an exception here.

    Args:
        store: Where the run is.
        run_id: Which one.
        resources: Makes or returns the process's resources.
        token: Requests to stop.
        contended: Other runs are active on this machine.
        accept_change: Continue although the environment changed.

    Returns:
        The state that was recorded; None if another process holds the run.

    Raises:
        StoreError: If the run is not there, or how it ended cannot be recorded.
    """
    steps = execution(
        store, run_id, resources, token, contended=contended, accept_change=accept_change
    )
    while True:
        try:
            next(steps)
        except StopIteration as end:
            state: RunState | None = end.value
            return state


def execution(
    store: RunStore,
    run_id: str,
    resources: Callable[[], Resources],
    token: StopToken,
    *,
    contended: bool = False,
    accept_change: bool = False,
    look: Callable[[], None] | None = None,
) -> Execution:
    """`execute` piece by piece.

    Args:
        store: Where the run is.
        run_id: Which one.
        resources: Makes or returns the process's resources.
        token: Requests to stop.
        contended: Other runs are active on this machine.
        accept_change: Continue although the environment changed.
        look: Called at every check, to look after runs that wait meanwhile.

    Yields:
        What every round is about to train, and the control of the run.

    Returns:
        The state that was recorded; None if another process holds the run.
    """
    try:
        with store.open(run_id) as writer:
            config = store.config(run_id)
            given = {} if look is None else {"look": look}
            control = RunControl(token, writer.progress, n_rounds=config.scenario.n_rounds, **given)
            return (
                yield from _execute(config, writer, resources, control, contended, accept_change)
            )
    except RunLockedError:
        log.info("run %s is executed elsewhere", run_id)
        return None


def _execute(
    config: RunConfig,
    writer: RunWriter,
    resources: Callable[[], Resources],
    control: RunControl,
    contended: bool,
    accept_change: bool,
) -> Generator[Step, None, RunState]:
    if writer.history.state is RunState.DONE:
        return RunState.DONE
    try:
        from alscope.engine.loop import trial_steps

        hands = resources()
        hands.contended = contended
        if control.contended:  # looked at after the line above, so that no message is lost
            hands.contended = True
        control.check()
        for stage in trial_steps(config, writer, hands, control, accept_change=accept_change):
            try:
                yield stage, control
            except GeneratorExit:  # given up here, as if the process were stopping
                return RunState.INTERRUPTED
        return RunState.DONE
    except Cancelled:
        _end(writer, "cancelled")
        return RunState.CANCELLED
    except Paused:
        _end(writer, "paused")
        return RunState.PAUSED
    except Interrupted:
        return RunState.INTERRUPTED
    except BaseException as error:  # a strategy may raise anything, SystemExit included
        if asked_by_user(error):
            _end(writer, "paused")
            raise
        return _ended_by(error, config.run_id, writer)


def _ended_by(error: BaseException, run_id: str, writer: RunWriter) -> RunState:
    if must_pause(error):
        log.warning("run %s is paused: %s", run_id, message_of(error))
        _end(writer, "paused", {"message": message_of(error)})
        return RunState.PAUSED
    log.error("run %s failed", run_id, exc_info=error)
    _end(writer, "failed", failure(error))
    return RunState.FAILED


def _end(writer: RunWriter, kind: str, data: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Record how a run ended, also where the round before, still on its way, could not be.

    On a full disk that round has freed what was kept for this; it is computed again later.
    """
    try:
        writer.append(kind, data)
    except StorageUnavailable as error:
        log.warning("run %s: %s", writer.history.run_id, error)
        writer.append(kind, data)
