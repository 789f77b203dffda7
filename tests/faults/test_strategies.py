"""E1 to E3, E5 to E7 and E10: strategies, losses, memory and devices that misbehave."""

from __future__ import annotations

import logging
import random
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alscope.config import RunConfig, StrategySpec
from alscope.engine import loop
from alscope.engine.failures import DEVICE, failure
from alscope.engine.resources import Resources
from alscope.engine.service import Service
from alscope.engine.validate import check_selection
from alscope.errors import ALScopeError, SelectionError
from alscope.inputs import Embeddings
from alscope.types import PoolView, RunState, Selection
from tests.engine.conftest import Bench, tiny_run, tiny_study, tiny_train
from tests.faults.faulty import first, registered

MakeBench = Callable[..., Bench]
N_POOL, SIZE = 40, 6


class Unspeakable(Exception):
    """Cannot be pickled, and fails when asked what it says."""

    def __init__(self) -> None:
        super().__init__(threading.Lock(), lambda: None)

    def __str__(self) -> str:
        raise RuntimeError("no words")


def raising(error: BaseException) -> Callable[..., Any]:
    def act(*_: object) -> Any:
        raise error

    return act


ERRORS: dict[str, tuple[BaseException, str]] = {
    "an error": (ValueError("sample 7 is odd"), "sample 7 is odd"),
    "exit": (SystemExit("good bye"), "good bye"),
    "a stop that nobody asked for": (KeyboardInterrupt("stop"), "stop"),
    "closing a generator": (GeneratorExit(), "GeneratorExit"),
    "an error without words": (Unspeakable(), "Unspeakable"),
    "a long message": (RuntimeError("x" * 10**6), "x" * 4000),
    "half of a character": (RuntimeError("file \udcff is odd"), r"file \udcff is odd"),
    "recursion": (RecursionError("maximum depth"), "maximum depth"),
}


FAST = ("exit", "an error without words")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in FAST else pytest.mark.slow) for n in ERRORS]
)
def test_whatever_a_strategy_raises_its_run_fails_with_the_words_and_can_be_retried(
    bench: Bench, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    error, words = ERRORS[name]
    # A worker's log spells half characters out (`LogFormatter`); pytest's cannot even pass them on.
    monkeypatch.setattr(logging.getLogger("alscope"), "propagate", False)
    # As in a worker process, where Ctrl-C goes to the parent alone.
    monkeypatch.setattr(signal, "getsignal", lambda _: signal.SIG_IGN)
    config = tiny_run("faulty")
    with registered(raising(error)):
        assert bench.execute(config) is RunState.FAILED
    history = bench.store.history(config.run_id)
    assert history.error is not None
    assert history.error["message"] == words
    assert history.error["type"] == type(error).__name__
    assert len(history.rounds) == 1

    with registered(lambda view, size, rng: first(size)):
        assert bench.execute(config) is RunState.DONE
    assert bench.store.history(config.run_id).rounds[:1] == history.rounds


def test_an_exit_in_one_run_leaves_the_others_and_the_queue_alone(
    open_service: Callable[..., Service],
) -> None:
    names = (StrategySpec(name="faulty"), StrategySpec(name="random"))
    study = tiny_study(strategies=names, seeds=(0,))
    with registered(raising(SystemExit(3))):
        service = open_service()
        status = service.wait(service.submit(study), timeout=60)

    assert [run.state for run in status.runs] == [RunState.FAILED, RunState.DONE]
    assert status.runs[0].message == "3"


class Lazy:
    """Looks like an array, and is none."""

    ndim, size, shape, dtype = 1, SIZE, (SIZE,), np.dtype(np.int64)


GOOD = np.arange(SIZE)
RETURNS: dict[str, Any] = {
    "nothing": None,
    "a list": list(range(SIZE)),
    "bare positions": GOOD,
    "a generator": (i for i in range(SIZE)),
    "positions as a list": Selection(list(range(SIZE))),  # type: ignore[arg-type]
    "positions as a tuple": Selection(tuple(range(SIZE))),  # type: ignore[arg-type]
    "a tensor": Selection(torch.arange(SIZE)),  # type: ignore[arg-type]
    "something like an array": Selection(Lazy()),  # type: ignore[arg-type]
    "two dimensions": Selection(GOOD.reshape(2, -1)),
    "no dimension": Selection(np.array(3)),
    "floats": Selection(GOOD.astype(float)),
    "booleans": Selection(np.ones(SIZE, dtype=bool)),
    "objects": Selection(GOOD.astype(object)),
    "texts": Selection(GOOD.astype(str)),
    "too few": Selection(GOOD[1:]),
    "none at all": Selection(GOOD[:0]),
    "too many": Selection(np.arange(SIZE + 1)),
    "very many": Selection(np.zeros(10**7, dtype=np.int64)),
    "twice": Selection(np.array([0, 1, 2, 3, 4, 4])),
    "negative": Selection(np.array([0, 1, 2, 3, 4, -1])),
    "outside": Selection(np.array([0, 1, 2, 3, 4, N_POOL])),
    "far outside": Selection(np.array([0, 1, 2, 3, 4, 2**64 - 1], dtype=np.uint64)),
    "a score that is no number": Selection(GOOD, np.r_[np.zeros(N_POOL - 1), np.nan]),
    "too few scores": Selection(GOOD, np.zeros(N_POOL - 1)),
    "scores in two dimensions": Selection(GOOD, np.zeros((N_POOL, 1))),
    "scores as a list": Selection(GOOD, [0.0] * N_POOL),  # type: ignore[arg-type]
    "scores as a tensor": Selection(GOOD, torch.zeros(N_POOL)),  # type: ignore[arg-type]
    "scores as objects": Selection(GOOD, np.zeros(N_POOL, dtype=object)),
    "complex scores": Selection(GOOD, np.zeros(N_POOL, dtype=complex)),
}


@pytest.mark.parametrize("name", RETURNS)
def test_an_illegal_return_is_refused_in_words(name: str) -> None:
    with pytest.raises(SelectionError) as caught:
        check_selection(RETURNS[name], n_pool=N_POOL, query_size=SIZE)

    assert 20 < len(str(caught.value)) < 200


def test_a_refused_return_fails_its_run_and_buys_nothing(bench: Bench) -> None:
    config = tiny_run("faulty")
    with registered(lambda view, size, rng: Selection(np.zeros(size, dtype=np.int64))):
        assert bench.execute(config) is RunState.FAILED

    error = bench.store.history(config.run_id).error
    assert error is not None
    assert (error["type"], error["message"]) == ("SelectionError", "position 0 was returned twice")
    assert len(bench.store.history(config.run_id).rounds) == 1


@settings(max_examples=60)
@given(data=st.data(), n_pool=st.integers(1, 30), size=st.integers(1, 8))
def test_exactly_the_legal_selections_pass(data: st.DataObject, n_pool: int, size: int) -> None:
    values = data.draw(st.lists(st.integers(-2, n_pool + 1), max_size=10))
    legal = (
        len(values) == min(size, n_pool)
        and len(set(values)) == len(values)
        and all(0 <= value < n_pool for value in values)
    )
    selection = Selection(np.array(values, dtype=np.int64))
    try:
        check_selection(selection, n_pool=n_pool, query_size=size)
        passed = True
    except SelectionError:
        passed = False

    assert passed is legal


def _overwrite(view: PoolView, size: int, rng: np.random.Generator) -> Selection:
    view[Embeddings()][:] = 0
    return first(size)


def _relabel(view: PoolView, size: int, rng: np.random.Generator) -> Selection:
    view.labels[:] = 0
    return first(size)


def _unsettle(view: PoolView, size: int, rng: np.random.Generator) -> Selection:
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002 - what a careless strategy does
    torch.manual_seed(1)
    return first(size)


@pytest.mark.parametrize("act", [_overwrite, _relabel])
def test_what_strategies_share_cannot_be_written(
    bench: Bench, make_bench: MakeBench, act: Callable[..., Selection]
) -> None:
    with registered(act):
        assert bench.execute(tiny_run("faulty")) is RunState.FAILED
    error = bench.store.history(tiny_run("faulty").run_id).error
    assert error is not None
    assert "read-only" in error["message"]

    bench.execute(tiny_run("margin"))
    alone = make_bench("alone")
    alone.execute(tiny_run("margin"))
    assert bench.records(tiny_run("margin")) == alone.records(tiny_run("margin"))


@pytest.mark.slow
def test_a_strategy_that_seeds_everything_changes_no_other_run(
    bench: Bench, make_bench: MakeBench
) -> None:
    with registered(_unsettle):
        assert bench.execute(tiny_run("faulty")) is RunState.DONE
    bench.execute(tiny_run("badge"))
    alone = make_bench("alone")
    alone.execute(tiny_run("badge"))

    assert bench.records(tiny_run("badge")) == alone.records(tiny_run("badge"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 7.00 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 7 GiB"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 7.00 GiB"),
        torch.AcceleratorError("CUDA error: out of memory", 2),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
    ids=["NumPy", "torch", "a device", "a device, late", "a library of a device"],
)
def test_out_of_memory_room_is_made_once_and_then_that_run_fails(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    calls, rooms = [], []
    make_room = Resources.make_room
    monkeypatch.setattr(
        Resources, "make_room", lambda self: (rooms.append(len(calls)), make_room(self))
    )

    def act(view: PoolView, size: int, rng: np.random.Generator) -> Selection:
        calls.append(size)
        raise error

    with registered(act):
        assert bench.execute(tiny_run("faulty")) is RunState.FAILED
    found = bench.store.history(tiny_run("faulty").run_id).error

    assert (len(calls), rooms) == (2, [1])
    assert found is not None
    assert found["message"].startswith("out of memory")
    assert "eval_batch" in found["message"]
    assert bench.execute(tiny_run("random")) is RunState.DONE


@pytest.mark.slow
def test_room_that_was_made_changes_no_result(
    bench: Bench, make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    badge = type(loop.make_strategy(StrategySpec(name="badge")))
    select = badge.select
    calls = []

    def short_of_memory(self: Any, *args: Any) -> Selection:
        calls.append(1)
        if len(calls) % 2:
            raise MemoryError
        return select(self, *args)

    config = tiny_run("badge")
    plenty = make_bench("plenty")
    plenty.execute(config)
    monkeypatch.setattr(badge, "select", short_of_memory)

    assert bench.execute(config) is RunState.DONE
    assert len(calls) == 4
    assert bench.records(config) == plenty.records(config)


def test_a_loss_that_is_no_number_fails_its_run_as_diverged_and_keeps_the_rounds_before(
    bench: Bench,
) -> None:
    wild = RunConfig(**{**vars(tiny_run("random")), "train": tiny_train(lr=1e10, optimizer="sgd")})

    assert bench.execute(wild) is RunState.FAILED
    error = bench.store.history(wild.run_id).error
    assert error is not None
    assert error["type"] == "TrainingDiverged"
    assert error["message"].startswith("diverged: ")
    assert "lower train.lr" in error["message"]
    assert bench.execute(tiny_run("random")) is RunState.DONE


def test_a_device_that_is_lost_fails_the_run_and_offers_the_cpu_only_by_choice(
    bench: Bench,
) -> None:
    lost = RuntimeError("CUDA error: device-side assert triggered")
    with registered(raising(lost)):
        assert bench.execute(tiny_run("faulty")) is RunState.FAILED
    error = bench.store.history(tiny_run("faulty").run_id).error

    assert error is not None
    assert error["type"] == DEVICE
    assert "--device cpu --accept-change" in error["message"]
    assert "comparable, not identical" in error["message"]
    assert failure(RuntimeError("CUBLAS_STATUS_NOT_INITIALIZED"))["type"] == DEVICE
    assert failure(RuntimeError("shapes do not match"))["type"] == "RuntimeError"


def emptying(strategy: str, **changes: Any) -> RunConfig:
    """A run whose last query takes what is left of the pool."""
    return tiny_run(strategy, pool_limit=30, n_initial=12, query_size=6, n_rounds=3, **changes)


DEGENERATE: dict[str, dict[str, Any]] = {
    "an emptied pool": {},
    "two classes": {"setting": "open", "n_known": 2, "ood_ratio": 0.0},
    "nearly only unknown samples": {"setting": "open", "n_known": 2, "ood_ratio": 0.9},
}


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["margin", "coreset", "badge", "bald", "similar", "lfosa"])
@pytest.mark.parametrize("name", DEGENERATE)
def test_a_degenerate_pool_ends_honestly(bench: Bench, name: str, strategy: str) -> None:
    config = emptying(strategy, **DEGENERATE[name])
    state = bench.execute(config)
    history = bench.store.history(config.run_id)
    error = history.error or {}

    # Either it goes to its end, or it says in words of ours why it cannot.
    assert state is RunState.DONE or error["type"] in {c.__name__ for c in _ours(ALScopeError)}, (
        error
    )
    for event in history.rounds:
        assert np.isfinite(event.data["result"]["metrics"]["accuracy"])


def test_a_pool_is_emptied_to_the_last_sample(bench: Bench) -> None:
    config = emptying("margin")

    assert bench.execute(config) is RunState.DONE
    last = bench.store.history(config.run_id).rounds[-1].data["result"]
    assert (last["n_pool"], last["n_annotated"]) == (0, 30)


def test_predictions_that_are_all_the_same_leave_every_strategy_something_to_choose(
    bench: Bench,
) -> None:
    # A rate so small that the network says the same of everything.
    still = tiny_train(lr=1e-12, min_steps=1, max_steps=1)
    for strategy in ("margin", "entropy", "badge", "coreset", "bald"):
        config = RunConfig(**{**vars(tiny_run(strategy, n_rounds=1)), "train": still})
        assert bench.execute(config) is RunState.DONE, strategy


def _ours(kind: type[ALScopeError]) -> Iterator[type[ALScopeError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _ours(below)
