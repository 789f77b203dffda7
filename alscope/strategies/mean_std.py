"""MeanSTD: class probabilities vary between stochastic passes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition.disagreement import mean_deviation
from alscope.registry import strategies
from alscope.strategies._dropout import DropoutStrategy
from alscope.types import PoolView

__all__ = ["MeanSTD"]


@strategies.register(
    "mean_std",
    title="MeanSTD",
    group="uncertainty",
    summary="Prefers samples whose class probabilities vary most between stochastic passes.",
    formula=r"a_i = \tfrac{1}{C} \sum_c \mathrm{std}_t\, p_{itc}",
)
@dataclass(frozen=True, kw_only=True)
class MeanSTD(DropoutStrategy):
    """Query where class probabilities vary most between stochastic passes.

    The score of sample i is the mean over classes of the standard deviation, over n_samples dropout
    passes, of the probability of the class: (1 / n_classes) sum_c std_t p_itc, from deviations of
    shape (n_pool, n_classes). Passes that agree score 0, however unsure they are. Needs a backbone
    with dropout.

    Complexity: one forward pass and n_samples products with the head where dropout lies before the
    head only, else n_samples passes; O(n_pool * n_classes) memory for any n_samples.

    Attributes:
        n_samples: Stochastic passes; more of them give a less noisy score for more inference.

    References:
        Kampffmeyer, Salberg and Jenssen 2016 (CVPR Workshops); Kendall, Badrinarayanan and Cipolla
        2015, arXiv:1511.02680; as an acquisition score in Gal, Islam and Ghahramani 2017,
        arXiv:1703.02910.

    Deviations:
        The population form of the standard deviation, whose order is that of the unbiased form.
        Scores below 1e-12 are rounding and count as 0.
    """

    def scores(self, view: PoolView) -> NDArray[np.float64]:
        """Mean standard deviation over the classes, (n_pool,), within [0, 1/2]."""
        return mean_deviation(self.moments(view).std_probs)
