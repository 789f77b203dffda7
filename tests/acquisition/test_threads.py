from __future__ import annotations

import threading

import pytest
import threadpoolctl

from alscope.acquisition._threads import in_threads


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_every_value_has_its_turn_before_the_call_returns(n_threads: int) -> None:
    done: set[int] = set()
    with threadpoolctl.threadpool_limits(n_threads), in_threads() as each:
        each(done.add, range(50))
        assert done == set(range(50))


def test_calls_run_side_by_side_on_as_many_threads_as_linear_algebra_has() -> None:
    together = threading.Barrier(2, timeout=20)
    with threadpoolctl.threadpool_limits(2), in_threads() as each:
        each(lambda _: together.wait() and None, range(2))  # would wait for ever in turn


@pytest.mark.parametrize("n_threads", [1, 2])
def test_what_a_call_raises_is_raised(n_threads: int) -> None:
    def refuse(value: int) -> None:
        raise ValueError(f"not {value}")

    limits = threadpoolctl.threadpool_limits(n_threads)
    with limits, pytest.raises(ValueError, match="not 0"), in_threads() as each:
        each(refuse, range(4))
