"""Strategies that do everything a strategy must not do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from alscope.inputs import Embeddings, Probs
from alscope.registry import strategies
from alscope.strategies._base import Strategy
from alscope.types import PoolView, Selection

__all__ = ["Faulty", "first", "registered"]

Act = Callable[[PoolView, int, np.random.Generator], Any]


@dataclass(frozen=True, kw_only=True)
class Faulty(Strategy):
    """Does in round 1 what a test wants, and takes the first of the pool else."""

    act: ClassVar[Act]

    def needs(self) -> tuple[Any, ...]:
        return (Embeddings(), Probs())

    def select(
        self, view: PoolView, query_size: int, rng: np.random.Generator, state: Any
    ) -> Selection:
        if view.round != 1:
            return first(query_size)
        result: Selection = type(self).act(view, query_size, rng)
        return result


def first(query_size: int) -> Selection:
    """A legal selection."""
    return Selection(np.arange(query_size, dtype=np.int64))


@contextmanager
def registered(act: Act) -> Iterator[None]:
    """The strategy "faulty" is in the catalogue, and does this."""
    strategies.register("faulty", title="Faulty", group="test")(Faulty)
    Faulty.act = staticmethod(act)  # type: ignore[assignment]
    try:
        yield
    finally:
        strategies._entries.pop("faulty")
        strategies._info.pop("faulty")
