"""How far long arithmetic is, told to whoever listens, without an argument in every formula."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["listening", "report"]

_listener: ContextVar[Callable[[float], None] | None] = ContextVar("listener", default=None)


@contextmanager
def listening(tell: Callable[[float], None]) -> Iterator[None]:
    """Hear from everything that is computed inside the block, in this thread.

    Args:
        tell: Called with the share that is done, within [0, 1]; what it raises ends the work. Work
            of several parts may report each of them from 0 to 1.
    """
    token = _listener.set(tell)
    try:
        yield
    finally:
        _listener.reset(token)


def report(done: int, total: int) -> None:
    """Say that so much of the work is done; cheap when nobody listens."""
    tell = _listener.get()
    if tell is not None and total:
        tell(min(1.0, done / total))
