"""Arithmetic that NumPy does on one thread, on as many as linear algebra may use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import threadpoolctl

__all__ = ["in_threads"]


@contextmanager
def in_threads() -> Iterator[Callable[[Callable[[int], None], Iterable[int]], None]]:
    """Call a function for many values, on several threads; returns when all are done.

    There are as many threads as linear algebra may use here, which is what a run was given. NumPy
    computes outside the interpreter's lock, so that threads do run side by side. The calls must
    not depend on each other, nor on their order; what one of them raises is raised.
    """
    libraries = threadpoolctl.threadpool_info()
    n_threads = max((one["num_threads"] for one in libraries), default=1)
    if n_threads == 1:
        yield lambda function, values: _wait(map(function, values))
        return
    with ThreadPoolExecutor(n_threads, thread_name_prefix="alscope-arithmetic") as pool:
        yield lambda function, values: _wait(pool.map(function, values))


def _wait(results: Iterable[None]) -> None:
    for _ in results:
        pass
