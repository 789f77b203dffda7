"""Least confidence: the most probable class is improbable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition import uncertainty
from alscope.inputs import Input, Logits
from alscope.registry import strategies
from alscope.strategies._base import ScoreStrategy
from alscope.types import PoolView

__all__ = ["LeastConfidence"]


@strategies.register(
    "least_confidence",
    title="LeastConfidence",
    group="uncertainty",
    summary="Prefers samples whose most probable class has a low probability.",
    formula=r"a_i = \log\bigl(1 - \max_c p_{ic}\bigr)",
)
@dataclass(frozen=True, kw_only=True)
class LeastConfidence(ScoreStrategy):
    """Query the samples whose most probable class is least probable.

    The score of sample i is the logarithm of the probability that its prediction is wrong,
    log(1 - max_c p_ic), from logits of shape (n_pool, n_classes). There are no hyper-parameters.
    Samples are scored one by one: near-duplicates of a good sample are all queried, and unknown
    classes, whose predictions are flat, attract it.

    Complexity: one forward pass; O(n_pool * n_classes) time, bounded extra memory.

    References:
        Lewis and Gale 1994 (SIGIR), arXiv:cmp-lg/9407020; Culotta and McCallum 2005 (AAAI).

    Deviations:
        The papers rank by 1 - max p. The logarithm gives the same order, but keeps apart samples
        whose largest probability rounds to 1; recorded scores are therefore at most 0.
    """

    def needs(self) -> tuple[Input, ...]:
        """Logits of the pool."""
        return (Logits(),)

    def scores(self, view: PoolView) -> NDArray[np.float64]:
        """log(1 - max p), (n_pool,)."""
        return uncertainty.least_confidence(view[Logits()])
