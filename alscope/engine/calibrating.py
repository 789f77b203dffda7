"""Asking for the figures of this machine, and for a new measurement of them."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

from alscope.engine.calibration import Calibration, machine_key, read_calibration
from alscope.engine.defaults import Paths
from alscope.engine.executors.protocols import ExecutorConfig
from alscope.engine.executors.worker import process_environment
from alscope.errors import StoreError
from alscope.learn.device import default_threads
from alscope.store.files import FileMark, file_mark

__all__ = ["SECONDS", "Calibrations"]

SECONDS = 20.0
"""How long a measurement takes; starting its process is not in it."""
_PATIENCE_S = 120.0
_LAST_LINES = 5


@dataclass
class Calibrations:
    """The figures of this machine for the runs that a service executes.

    Attributes:
        config: Of the executor: device and threads are what the figures hold for.
        problem: Why the last measurement that was begun in the background failed; "" if it did not.
    """

    config: ExecutorConfig
    problem: str = ""
    _one: threading.Lock = field(default_factory=threading.Lock)
    _known: tuple[FileMark | None, Calibration | None] = (None, None)

    def current(self) -> Calibration | None:
        """What was measured last under the same conditions; None if nothing was."""
        mark = file_mark(self._path)
        if mark != self._known[0]:
            self._known = (mark, read_calibration(self._path, self._key))
        return self._known[1]

    @property
    def busy(self) -> bool:
        """Whether somebody in this process is measuring now."""
        return self._one.locked()

    def begin(self, seconds: float = SECONDS) -> None:
        """Measure in the background; `busy` and `problem` tell how that goes.

        Raises:
            StoreError: If another measurement is going on.
        """
        self._take()
        self.problem = ""
        threading.Thread(
            target=self._measure_quietly, args=(seconds,), name="alscope-calibration", daemon=True
        ).start()

    def measure(self, seconds: float = SECONDS) -> Calibration:
        """Measure now, in a process of its own, and keep the figures.

        Args:
            seconds: How long.

        Raises:
            StoreError: If another measurement is going on, or it failed; the message says why.
        """
        self._take()
        try:
            return self._measured(seconds)
        finally:
            self._one.release()

    def _take(self) -> None:
        if not self._one.acquire(blocking=False):
            raise StoreError("a calibration is going on already; wait for it")

    def _measure_quietly(self, seconds: float) -> None:
        try:
            self._measured(seconds)
        except StoreError as error:
            self.problem = str(error)
        finally:
            self._one.release()

    def _measured(self, seconds: float) -> Calibration:
        self._run(seconds)
        found = self.current()
        if found is None:
            raise StoreError("the calibration ended, but left no figures that can be read")
        return found

    def _run(self, seconds: float) -> None:
        try:
            done = subprocess.run(
                self._command(seconds),
                capture_output=True,
                text=True,
                timeout=seconds + _PATIENCE_S,
                env=process_environment(),
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise StoreError(
                f"the calibration was ended after {error.timeout:.0f} s; the machine is too busy, "
                "so try again when less is running"
            ) from error
        except OSError as error:
            raise StoreError(f"no process could be started: {error.strerror or error}") from error
        if done.returncode:
            last = " / ".join(done.stderr.strip().splitlines()[-_LAST_LINES:])
            raise StoreError(f"the calibration failed: {last or f'code {done.returncode}'}")

    def _command(self, seconds: float) -> list[str]:
        module = "alscope.engine.measure"
        options = {
            "--cache": self.config.cache,
            "--device": self.config.device,
            "--threads": self._n_threads,
            "--seconds": seconds,
        }
        words = [str(word) for option in options.items() for word in option]
        return [sys.executable, "-m", module, *words]

    @property
    def _path(self) -> Path:
        return Paths(self.config.cache).calibration

    @property
    def _key(self) -> str:
        return machine_key(device=self.config.device, n_threads=self._n_threads)

    @property
    def _n_threads(self) -> int:
        return self.config.n_threads or default_threads(self.config.workers)
