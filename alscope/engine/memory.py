"""Keeping one run from taking the memory of the whole machine."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

__all__ = ["go_first", "limit_memory", "memory_of_machine"]

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_FIRST_TO_GO = "500"
_log = logging.getLogger(__name__)


def memory_of_machine() -> int | None:
    """Bytes of memory that this process and all others have together; None if it is not known."""
    found = []
    with suppress(OSError, ValueError, AttributeError):
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for name in _CGROUP_LIMITS:
        with suppress(OSError, ValueError):  # not Linux, or "max"
            found.append(int(Path(name).read_text(encoding="ascii")))
    return min((size for size in found if size > 0), default=None)


def limit_memory(budget: int | None) -> None:
    """Let an allocation of this process fail, before the system ends processes to make room.

    A failed allocation is an error in the run that made it; a process that the system ends may be
    anybody's. Only private memory counts: mapped data sets and reserved addresses do not.

    Args:
        budget: Bytes on top of what is in use now; None: what the machine has.
    """
    if sys.platform != "linux":
        return
    import resource

    budget = budget or memory_of_machine()
    if budget is None:
        return
    try:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        limit = _in_use() + budget
        if hard != resource.RLIM_INFINITY:
            limit = min(limit, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    except (OSError, ValueError) as error:
        _log.warning("the memory of this process is not limited: %s", error)


def go_first() -> None:
    """If the system has to end a process to make room, let it be this one, not the server."""
    with suppress(OSError):  # not Linux, or not allowed
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")


def _in_use() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    return 0
