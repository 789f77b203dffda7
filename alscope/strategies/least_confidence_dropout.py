"""LeastConfidenceDropout: the averaged prediction is unsure of its class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition.uncertainty import least_confidence_of_probs
from alscope.registry import strategies
from alscope.strategies._dropout import DropoutStrategy
from alscope.types import PoolView

__all__ = ["LeastConfidenceDropout"]


@strategies.register(
    "least_confidence_dropout",
    title="LeastConfidenceDropout",
    group="uncertainty",
    summary="Prefers samples whose top class has a low probability on average over passes.",
    formula=r"a_i = 1 - \max_c \bar p_{ic}, \quad \bar p_i = \tfrac{1}{T} \sum_t p_{it}",
)
@dataclass(frozen=True, kw_only=True)
class LeastConfidenceDropout(DropoutStrategy):
    """Query the samples whose averaged prediction is least confident.

    The prediction of sample i is the mean of its probabilities over n_samples dropout passes, of
    shape (n_classes,); the score is 1 - max_c p_ic. Passes that contradict each other lower the
    maximum, and so do passes that share a doubt: the score does not tell them apart. Needs a
    backbone with dropout.

    Complexity: one forward pass and n_samples products with the head where dropout lies before the
    head only, else n_samples passes; O(n_pool * n_classes) memory for any n_samples.

    Attributes:
        n_samples: Stochastic passes; more of them give a less noisy score for more inference.

    References:
        Gal and Ghahramani 2016, arXiv:1506.02142; as a strategy: Huang 2021, arXiv:2111.15258, and
        Zhan et al. 2022, arXiv:2203.13450; least confidence: Lewis and Gale 1994 (SIGIR),
        arXiv:cmp-lg/9407020.

    Deviations:
        Probabilities are averaged, not logits.
    """

    def scores(self, view: PoolView) -> NDArray[np.float64]:
        """One minus the largest mean probability, (n_pool,), within [0, 1 - 1 / n_classes]."""
        return least_confidence_of_probs(self.moments(view).mean_probs)
