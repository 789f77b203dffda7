"""Linear algebra on one thread.

The arrays of a game are so small that threads cost more than they compute: on two busy cores, a
step that takes 14 ms on one thread took more than a second on two.
"""

from __future__ import annotations

from functools import cache

__all__ = ["use_one_thread"]


@cache
def use_one_thread() -> None:
    """Hold the linear algebra of this process to one thread, for good.

    For processes that serve games; nothing of the room calls it by itself.
    """
    import scipy.linalg  # noqa: F401 - only libraries that are loaded can be limited
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1, user_api="blas")
