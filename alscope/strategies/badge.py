"""BADGE: diverse samples with large gradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alscope.acquisition.seeding import gradient_seeding
from alscope.inputs import Embeddings, Input, Logits
from alscope.registry import strategies
from alscope.strategies._base import Strategy
from alscope.types import PoolView, Selection, State

__all__ = ["BADGE"]


@strategies.register(
    "badge",
    title="BADGE",
    group="hybrid",
    summary="Seeds k-means++ on last-layer gradients: batches both uncertain and diverse.",
    formula=(
        r"\Pr(i) \propto \min_{j \in \mathcal{Q}} \lVert g_i - g_j \rVert^2, \quad g_i = (p_i "
        r"- e_{\hat y_i}) \otimes h_i"
    ),
    regime="any",
    evidence=(
        "above random at low and high budgets in arXiv:2301.10625, and in 22 of 23 settings "
        "of LabelBench (arXiv:2306.09910)"
    ),
)
@dataclass(frozen=True, kw_only=True)
class BADGE(Strategy):
    """Query by k-means++ seeding in the space of hallucinated last-layer gradients.

    The gradient of the cross-entropy at the predicted label, g_i = (p_i - onehot(argmax p_i))
    outer h_i of shape (n_classes, n_features), is long where the model is unsure and points where
    the sample would move the weights. The first choice is the longest gradient; each further one is
    drawn with probability proportional to the squared distance to the nearest choice. Needs logits
    (n_pool, n_classes) and embeddings (n_pool, n_features) only; there are no hyper-parameters.

    Complexity: one forward pass; O(query_size * n_pool * (n_classes + n_features)) time and
    O(n_pool * (n_classes + n_features)) memory: gradients stay in factored form. Diagnostics say
    which of two algorithms with the same law drew the batch.

    References:
        Ash, Zhang, Krishnamurthy, Langford and Agarwal 2020, arXiv:1906.03671, alg. 1; Arthur and
        Vassilvitskii 2007 (SODA); factored distances: Zhang et al. 2023, arXiv:2306.09910, app. D.

    Deviations:
        As in the authors' code, the first choice is the longest gradient instead of a uniform draw,
        and the gradient with respect to the bias is left out. What is left when every remaining
        gradient coincides with a chosen one, as in a pool of duplicates, is taken by key.
    """

    def needs(self) -> tuple[Input, ...]:
        """Logits and embeddings of the pool, from one pass."""
        return (Logits(), Embeddings())

    def select(
        self, view: PoolView, query_size: int, rng: np.random.Generator, state: State | None
    ) -> Selection:
        """k-means++ seeds; there are no scores."""
        seeds = gradient_seeding(
            view[Logits()], view[Embeddings()], query_size, keys=view.tie_keys, rng=rng
        )
        return Selection(seeds.positions, diagnostics=seeds.diagnostics)
