"""What CoreMSE and CoreLog share."""

from __future__ import annotations

import logging
from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition.expected_gain import Gains, diverse_batch
from alscope.inputs import Input, McProbs
from alscope.params import param
from alscope.strategies._base import Strategy
from alscope.types import PoolView, Selection, State

__all__ = ["ExpectedGainStrategy"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ExpectedGainStrategy(Strategy):
    """A diverse batch of samples whose labels are expected to improve predictions on the pool.

    Attributes:
        n_samples: Stochastic passes.
        keep_ratio: Share of the pool that is clustered.
    """

    n_samples: int = param(
        10,
        low=2,
        high=50,
        help="Stochastic passes; more are less noisy, slower, and take more memory.",
        paper="5, an ensemble",
    )
    keep_ratio: float = param(
        0.5,
        low=0.0,
        high=1.0,
        help="Share of the pool, best first, that is clustered; larger = more diverse batches.",
        paper="0.5",
    )

    def needs(self) -> tuple[Input, ...]:
        """Probabilities of every pass over the pool."""
        return (McProbs(n_samples=self.n_samples),)

    @abstractmethod
    def gains(self, probs: NDArray[np.floating], rng: np.random.Generator) -> Gains:
        """Expected gains from the passes, (n_pool, n_samples, n_classes)."""

    def select(
        self, view: PoolView, query_size: int, rng: np.random.Generator, state: State | None
    ) -> Selection:
        """One sample per cluster, highest expected gain first; the batch has no scores."""
        if query_size <= 0 or not view.n_pool:
            return Selection(np.empty(0, dtype=np.int64))
        gains = self.gains(view[McProbs(n_samples=self.n_samples)], rng)
        if not gains.scores.any():
            _log.warning("all passes agree, so no label is expected to help: random choice")
        batch = diverse_batch(
            gains, query_size, keep_ratio=self.keep_ratio, keys=view.tie_keys, rng=rng
        )
        return Selection(
            batch.positions,
            diagnostics={"n_candidates": batch.n_candidates, "n_filled": batch.n_filled},
        )
