"""Named places where a test may let a write fail or the process die.

`point` does nothing unless a test installed a callback, or the environment variable `ALSCOPE_FAULT`
was set to `name:n` when the process started: then the process kills itself (SIGKILL) when it passes
the point called `name` for the n-th time. That is how crash tests of whole processes work.

Every write has three points: `<what>.before`, `<what>.inside` (half of the bytes are written) and
`<what>.after`, where `<what>` is blob, journal, config, progress, owner, repair, study, state,
about, trash, settings, summaries or cache.set; `cache.set.written` is between the file of a value
and its row in the database, `move.before` and `move.after` are around every move of a folder, and
`purge.study` and `purge.runs` follow the two steps of deleting for ever.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

__all__ = ["install", "point"]

_hook: Callable[[str], None] | None = None
_name, _, _count = os.environ.get("ALSCOPE_FAULT", "").rpartition(":")
_left = int(_count) if _name and _count.isdigit() else 0


def install(hook: Callable[[str], None] | None) -> None:
    """Call `hook` with the name of every point passed from now on; None: stop that."""
    global _hook
    _hook = hook


def point(name: str) -> None:
    """Mark a place where a write can be interrupted."""
    global _left
    if _hook is not None:
        _hook(name)
    if _left and name == _name:
        _left -= 1
        if not _left:
            os.kill(os.getpid(), signal.SIGKILL)
