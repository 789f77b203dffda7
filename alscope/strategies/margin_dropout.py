"""MarginDropout: the averaged prediction is a contest of two classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition.uncertainty import margin_of_probs
from alscope.registry import strategies
from alscope.strategies._dropout import DropoutStrategy
from alscope.types import PoolView

__all__ = ["MarginDropout"]


@strategies.register(
    "margin_dropout",
    title="MarginDropout",
    group="uncertainty",
    summary="Prefers samples whose two top classes are nearly tied on average over passes.",
    formula=(
        r"a_i = -\bigl(\bar p_{i(1)} - \bar p_{i(2)}\bigr), \quad \bar p_i = \tfrac{1}{T} "
        r"\sum_t p_{it}"
    ),
)
@dataclass(frozen=True, kw_only=True)
class MarginDropout(DropoutStrategy):
    """Query the samples whose averaged prediction has the smallest gap at the top.

    The prediction of sample i is the mean of its probabilities over n_samples dropout passes, of
    shape (n_classes,); the score is -(p_i(1) - p_i(2)), with p_i(1) >= p_i(2) its two largest
    entries. Passes that contradict each other close the gap, and so do passes that share a doubt:
    the score does not tell them apart. Needs a backbone with dropout.

    Complexity: one forward pass and n_samples products with the head where dropout lies before the
    head only, else n_samples passes; O(n_pool * n_classes) memory for any n_samples.

    Attributes:
        n_samples: Stochastic passes; more of them give a less noisy score for more inference.

    References:
        Gal and Ghahramani 2016, arXiv:1506.02142; as a strategy: Huang 2021, arXiv:2111.15258, and
        Zhan et al. 2022, arXiv:2203.13450; margin: Scheffer, Decomain and Wrobel 2001 (IDA).

    Deviations:
        Probabilities are averaged, not logits.
    """

    def scores(self, view: PoolView) -> NDArray[np.float64]:
        """Second largest minus largest mean probability, (n_pool,), within [-1, 0]."""
        return margin_of_probs(self.moments(view).mean_probs)
