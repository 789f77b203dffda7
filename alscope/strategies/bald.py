"""BALD: the label would say much about the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition.disagreement import mutual_information
from alscope.inputs import Input, McMoments
from alscope.params import param
from alscope.registry import strategies
from alscope.strategies._base import ScoreStrategy
from alscope.types import PoolView

__all__ = ["BALD"]


@strategies.register(
    "bald",
    title="BALD",
    group="uncertainty",
    summary="Prefers samples on which stochastic passes are each confident but contradict.",
    formula=r"a_i = H\bigl(\tfrac{1}{T} \sum_t p_{it}\bigr) - \tfrac{1}{T} \sum_t H(p_{it})",
    regime="large",
    evidence="below random at low budgets and above it at high ones in arXiv:2301.10625",
)
@dataclass(frozen=True, kw_only=True)
class BALD(ScoreStrategy):
    """Query where the label carries most information about the weights.

    The score of sample i is the mutual information between label and weights, H(mean_t p_it) -
    mean_t H(p_it) in nats, over n_samples dropout passes with probabilities p_it of shape
    (n_classes,). Passes that are confident and contradict each other score high; passes that share
    one doubt score 0, however strong the doubt. Needs a backbone with dropout. Samples are scored
    one by one, so a batch may be redundant.

    Complexity: one forward pass and n_samples products with the head where dropout lies before the
    head only, else n_samples passes; O(n_pool * n_classes) memory for any n_samples.

    Attributes:
        n_samples: Stochastic passes; more of them give a less noisy score for more inference.

    References:
        Houlsby, Huszár, Ghahramani and Lengyel 2011, arXiv:1112.5745, eq. 2; Gal, Islam and
        Ghahramani 2017, arXiv:1703.02910.

    Deviations:
        Information below 1e-12 nats is rounding and counts as 0. One dropout mask per pass is
        shared by all samples: one draw of the weights, as the definition has it. Where dropout
        inside an encoder is sampled as well, every sample has masks of its own; scores are of one
        sample each, so their distribution is the same.
    """

    n_samples: int = param(
        10,
        low=2,
        high=1000,
        help="Stochastic passes; more are less noisy and slower.",
        paper="100 in early public code",
    )

    def needs(self) -> tuple[Input, ...]:
        """Moments of stochastic passes over the pool."""
        return (McMoments(n_samples=self.n_samples),)

    def scores(self, view: PoolView) -> NDArray[np.float64]:
        """Mutual information in nats, (n_pool,)."""
        moments = view[McMoments(n_samples=self.n_samples)]
        return mutual_information(moments.mean_probs, moments.mean_entropy)
