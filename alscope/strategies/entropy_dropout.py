"""EntropyDropout: the averaged prediction is spread out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition.uncertainty import entropy_of_probs
from alscope.registry import strategies
from alscope.strategies._dropout import DropoutStrategy
from alscope.types import PoolView

__all__ = ["EntropyDropout"]


@strategies.register(
    "entropy_dropout",
    title="EntropyDropout",
    group="uncertainty",
    summary="Prefers samples whose prediction, averaged over passes, is most spread out.",
    formula=(
        r"a_i = -\sum_c \bar p_{ic} \log \bar p_{ic}, \quad \bar p_i = \tfrac{1}{T} \sum_t "
        "p_{it}"
    ),
)
@dataclass(frozen=True, kw_only=True)
class EntropyDropout(DropoutStrategy):
    """Query the samples whose averaged prediction has the highest entropy.

    The prediction of sample i is the mean of its probabilities over n_samples dropout passes, of
    shape (n_classes,); the score is -sum_c p_ic log p_ic in nats. It is never below the mean
    entropy of the passes; the difference is what BALD scores. Needs a backbone with dropout.

    Complexity: one forward pass and n_samples products with the head where dropout lies before the
    head only, else n_samples passes; O(n_pool * n_classes) memory for any n_samples.

    Attributes:
        n_samples: Stochastic passes; more of them give a less noisy score for more inference.

    References:
        Gal, Islam and Ghahramani 2017, arXiv:1703.02910 ("max entropy"); Gal and Ghahramani 2016,
        arXiv:1506.02142; as a strategy: Huang 2021, arXiv:2111.15258, and Zhan et al. 2022,
        arXiv:2203.13450.

    Deviations:
        Probabilities are averaged, not logits.
    """

    def scores(self, view: PoolView) -> NDArray[np.float64]:
        """Entropy of the mean probabilities in nats, (n_pool,)."""
        return entropy_of_probs(self.moments(view).mean_probs)
