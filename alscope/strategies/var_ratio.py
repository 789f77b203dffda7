"""VarRatio: the votes of stochastic passes are divided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition.disagreement import variation_ratio
from alscope.registry import strategies
from alscope.strategies._dropout import DropoutStrategy
from alscope.types import PoolView

__all__ = ["VarRatio"]


@strategies.register(
    "var_ratio",
    title="VarRatio",
    group="uncertainty",
    summary="Prefers samples on which stochastic passes vote for different classes.",
    formula=r"a_i = 1 - \tfrac{1}{T} \max_c \bigl|\{t : \arg\max_k p_{itk} = c\}\bigr|",
)
@dataclass(frozen=True, kw_only=True)
class VarRatio(DropoutStrategy):
    """Query where the votes of stochastic passes disagree most with their mode.

    Each of n_samples dropout passes votes for its most probable class (the first, if tied). The
    score of sample i is the variation ratio 1 - f_i / n_samples, with f_i the votes for the class
    that has most, from vote counts of shape (n_pool, n_classes). It takes at most n_samples
    different values, so many samples tie; ties are broken by key. How sure the passes are does not
    count, only what they vote for. Needs a backbone with dropout.

    Complexity: one forward pass and n_samples products with the head where dropout lies before the
    head only, else n_samples passes; O(n_pool * n_classes) memory for any n_samples.

    Attributes:
        n_samples: Stochastic passes; more of them give a finer score for more inference.

    References:
        Freeman 1965, Elementary Applied Statistics; Gal, Islam and Ghahramani 2017,
        arXiv:1703.02910.

    Deviations:
        None. Some public code calls 1 - max p of one deterministic pass a variation ratio; that is
        LeastConfidence.
    """

    def scores(self, view: PoolView) -> NDArray[np.float64]:
        """Share of the votes that are not for the mode, (n_pool,), within [0, 1)."""
        moments = self.moments(view)
        return variation_ratio(moments.votes, moments.mean_probs)
