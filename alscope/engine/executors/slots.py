"""How many runs at the same time suit a machine, counted without loading torch."""

from __future__ import annotations

import os
from pathlib import Path

from alscope.errors import ConfigError, Problem
from alscope.learn.device import n_cores

__all__ = ["AUTO", "fitting_workers", "is_on_cpu", "workers_asked_for"]

AUTO = "auto"
MAX_WORKERS = 1024
_VARIABLE = "ALSCOPE_WORKERS"
_GPUS = Path("/proc/driver/nvidia/gpus")
_BYTES = 2 * 2**30
"""Memory that one worker should find: torch, a data set, a network and its passes."""


def workers_asked_for(given: int | str | None, *, device: str) -> int:
    """Runs at the same time: given, else `ALSCOPE_WORKERS`, else 1.

    Args:
        given: A number, "auto", or None.
        device: "auto", "cpu", "cuda" or "cuda:N".

    Raises:
        ConfigError: If it is neither a number from 1 to 1024 nor "auto".
    """
    asked = str(given or os.environ.get(_VARIABLE) or 1)
    if asked == AUTO:
        return fitting_workers(device)
    if not asked.isascii() or not asked.isdecimal() or not 1 <= int(asked) <= MAX_WORKERS:
        message = f"is {asked!r}; give a number from 1 to {MAX_WORKERS}, or auto"
        raise ConfigError([Problem("workers", message)])
    return int(asked)


def fitting_workers(device: str) -> int:
    """One for every GPU; without one, for every two cores, as far as memory reaches.

    A second thread makes a run less than twice as fast, a second run doubles what is done; but
    every run is a process with a copy of its data. On two cores there are two.
    """
    if device == AUTO and _n_gpus():
        return _n_gpus()
    if device not in {AUTO, "cpu"}:  # one GPU was named
        return 1
    n_groups = n_cores() // 2 if n_cores() > 2 else n_cores()
    return max(1, min(n_groups, _memory() // _BYTES))


def is_on_cpu(device: str) -> bool:
    """Whether runs will be computed without a GPU: "auto", "cpu", "cuda" or "cuda:N"."""
    return device == "cpu" or (device == AUTO and not _n_gpus())


def _n_gpus() -> int:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([name for name in visible.split(",") if name.strip() not in {"", "-1"}])
    return len(list(_GPUS.iterdir())) if _GPUS.is_dir() else 0


def _memory() -> int:
    """Bytes of memory; much where the system does not tell."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return MAX_WORKERS * _BYTES
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
