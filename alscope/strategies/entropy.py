"""Entropy: the prediction is spread over many classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition import uncertainty
from alscope.inputs import Input, Logits
from alscope.registry import strategies
from alscope.strategies._base import ScoreStrategy
from alscope.types import PoolView

__all__ = ["Entropy"]


@strategies.register(
    "entropy",
    title="Entropy",
    group="uncertainty",
    summary="Prefers samples whose predicted class distribution has the highest entropy.",
    formula=r"a_i = -\sum_c p_{ic} \log p_{ic}",
    regime="large",
    evidence=(
        "below random in 12 of 13 low-budget settings of arXiv:2301.10625, above it at high budgets"
    ),
)
@dataclass(frozen=True, kw_only=True)
class Entropy(ScoreStrategy):
    """Query the samples with the highest predictive entropy.

    The score of sample i is -sum_c p_ic log p_ic in nats, with 0 log 0 = 0, from logits of shape
    (n_pool, n_classes). There are no hyper-parameters. It looks at the whole distribution, so
    predictions that are flat over many classes, as those of unknown classes are, come first.

    Complexity: one forward pass; O(n_pool * n_classes) time, bounded extra memory.

    References:
        Shannon 1948, Bell System Technical Journal 27; Settles and Craven 2008 (EMNLP); Wang and
        Shang 2014, A New Active Labeling Method for Deep Learning (IJCNN).

    Deviations:
        None.
    """

    def needs(self) -> tuple[Input, ...]:
        """Logits of the pool."""
        return (Logits(),)

    def scores(self, view: PoolView) -> NDArray[np.float64]:
        """Entropy in nats, (n_pool,)."""
        return uncertainty.entropy(view[Logits()])
