"""Uniform sampling: the passive baseline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alscope.acquisition.ranking import by_key
from alscope.registry import strategies
from alscope.strategies._base import Strategy
from alscope.types import PoolView, Selection, State

__all__ = ["Random"]


@strategies.register(
    "random",
    title="Random",
    group="baseline",
    summary="Samples uniformly without replacement; what every other strategy has to beat.",
    formula=r"a_i = u_i, \quad u_i \sim \mathcal{U}(0, 1)",
    regime="any",
)
@dataclass(frozen=True, kw_only=True)
class Random(Strategy):
    """Sample the pool uniformly without replacement.

    Takes the samples with the smallest keys. A key is a hash of seed, round and sample, so the
    choice does not depend on the order of the pool, is fresh in every round, and is nested: a
    smaller query is the head of a larger one. It needs no model; its share of unknown samples and
    its class profile are those of the pool.

    Complexity: O(n_pool + query_size log query_size); no inference.

    References:
        Settles 2009, Active Learning Literature Survey, University of Wisconsin-Madison, Computer
        Sciences Technical Report 1648 (as the baseline).

    Deviations:
        None.
    """

    def select(
        self, view: PoolView, query_size: int, rng: np.random.Generator, state: State | None
    ) -> Selection:
        """The `query_size` smallest keys; there are no scores."""
        return Selection(by_key(view.tie_keys, query_size))
