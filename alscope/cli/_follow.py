"""Watching a study until it ends or Ctrl-C pauses it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

from alscope.cli._terminal import complain
from alscope.data.downloads import Download, active_downloads
from alscope.types import RunState

if TYPE_CHECKING:
    from tqdm import tqdm

    from alscope.engine.service import RunStatus, Service, StudyStatus

__all__ = ["follow"]

_LOOK_EVERY_S = 0.5


def follow(service: Service, study_id: str) -> tuple[StudyStatus, bool]:
    """Wait for a study and show how it goes on standard error.

    The first Ctrl-C pauses the study; a second one leaves at once.

    Args:
        service: The service that executes it.
        study_id: The study.

    Returns:
        Where it stands at the end, and whether Ctrl-C was pressed.
    """
    status = service.study(study_id)
    with _Progress(status) as progress, _pausing(service, study_id) as asked:
        while True:
            status = service.wait(study_id, timeout=_LOOK_EVERY_S)
            progress.show(status)
            progress.tell(active_downloads(service.data_root))
            if not status.n_active:
                return status, asked.is_set()


@contextmanager
def _pausing(service: Service, study_id: str) -> Iterator[threading.Event]:
    """Within, Ctrl-C asks the service to pause instead of tearing up what is being written."""
    asked = threading.Event()

    def handle(_signal: int, _frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        complain("pausing at the next batch; press Ctrl-C again to leave at once")
        # Not here: the handler may have interrupted the holder of a lock that pausing needs.
        threading.Thread(target=service.pause, args=(study_id,), daemon=True).start()

    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, previous)


class _Progress:
    """One bar over rounds on a terminal, else one line per run that ends."""

    def __init__(self, status: StudyStatus) -> None:
        self._known = {run.run_id: run.state for run in status.runs}
        self._told: set[str] = set()
        self._bar: tqdm[Any] | None = None
        if sys.stderr.isatty():
            from tqdm import tqdm

            total = sum(run.n_rounds + 1 for run in status.runs)
            self._bar = tqdm(
                total=total, initial=_rounds(status), unit="round", desc=status.name, leave=False
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, status: StudyStatus) -> None:
        """Bring the display up to date."""
        for place, run in enumerate(status.runs, start=1):
            if run.state is not self._known[run.run_id]:
                self._known[run.run_id] = run.state
                self._report(run, f"{place}/{status.n_runs}")
        if self._bar is not None:
            self._bar.update(_rounds(status) - self._bar.n)

    def tell(self, downloads: tuple[Download, ...]) -> None:
        """What is being downloaded: beside the bar, else one line when a download is first seen."""
        if self._bar is not None:
            self._bar.set_postfix_str("; ".join(download.progress for download in downloads))
            return
        for download in downloads:
            if download.name not in self._told:
                self._told.add(download.name)
                sys.stderr.write(f"{download.progress}\n")
                sys.stderr.flush()

    def _report(self, run: RunStatus, place: str) -> None:
        failed = run.state is RunState.FAILED
        if run.state in {RunState.RUNNING, RunState.QUEUED} or (self._bar and not failed):
            return
        why = f": {run.message}" if run.message else ""
        line = f"[{place}] {run.scenario}, {run.strategy}, seed {run.seed}: {run.state}{why}"
        if self._bar is not None:
            self._bar.write(line, file=sys.stderr)
        else:
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()


def _rounds(status: StudyStatus) -> int:
    return sum(run.round for run in status.runs)
