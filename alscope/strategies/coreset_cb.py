"""CoresetCB: cover the pool, balanced over classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alscope.acquisition.balance import QUOTAS
from alscope.acquisition.balanced_cover import balanced_k_center
from alscope.inputs import Embeddings, Input, Probs
from alscope.params import param
from alscope.registry import strategies
from alscope.strategies._base import Strategy
from alscope.types import PoolView, Selection, State

__all__ = ["CoresetCB"]

_POOL, _LABELED, _UNKNOWNS = Embeddings(), Embeddings(on="labeled"), Embeddings(on="unknowns")


@strategies.register(
    "coreset_cb",
    title="CoresetCB",
    group="imbalance",
    summary="Covers the pool as CoreSet does, but avoids classes that have labels enough.",
    formula=(
        r"i^* = \arg\max_i\; \min_{j \in \mathcal{A}} \lVert h_i - h_j \rVert - "
        r"\tfrac{\lambda}{C} \sum_c \bigl| q_c - s_c - p_{ic} \bigr|"
    ),
)
@dataclass(frozen=True, kw_only=True)
class CoresetCB(Strategy):
    """Query samples far from all annotated ones, of classes that lack labels.

    Each class has a quota: what it lacks of an equal share of the labels after this round. One
    after the other, the sample is taken that maximises

        d_i - (lam / n_classes) * sum_c |quota_c - s_c - p_ic|,

    with d_i the Euclidean distance of its embedding to the nearest centre, p of shape (n_pool,
    n_classes) and s the sum of p over the samples taken so far in this round. It becomes a centre
    itself. Embeddings have the shapes (n_pool, n_features) and (n_annotated, n_features). Without
    any centre the first sample goes by its class only.

    The second term is a constant minus 2 lam / n_classes times the soft counts above quota:
    balancing acts only through classes that exceed their quota. `lam` carries the unit of
    distance, so that its effect depends on the scale of the embedding.

    Complexity: one forward pass over pool and annotated samples; at most O((n_annotated +
    query_size) * n_pool * (n_features + n_classes)) time, mostly matrix products, and O(n_pool *
    (n_features + n_classes)) memory.

    Attributes:
        lam: Weight of class balance; larger = more balance, less cover. None: n_classes / 2.
        quota: "paper": max(0, (n_labeled + query_size) / n_classes - n_c), whose sum exceeds the
            query as soon as a class has more than its share; "waterfill": raises the poorest
            classes to one level, with sum query_size.
        centres: "annotated": labeled samples and unknowns found so far; "labeled": labeled only.

    References:
        Bengar, van de Weijer, Lopez Fuentes and Raducanu 2022, arXiv:2110.04543; Sener and Savarese
        2018, arXiv:1708.00489.

    Deviations:
        Quotas follow the labels actually present. Annotated samples of unknown classes fill no
        quota; taking them as centres is our choice. The default of `lam` continues the values of
        the authors' experiments, lam / n_classes = 0.5, to any number of classes.
    """

    lam: float | None = param(
        None,
        low=0.0,
        high=1e6,
        help="Weight of class balance, in units of embedding distance; by default classes / 2.",
        paper="5 (CIFAR-10), 50 (CIFAR-100)",
    )
    quota: str = param(
        "paper",
        choices=tuple(QUOTAS),
        help="How many samples each class should still get.",
        paper="paper",
    )
    centres: str = param(
        "annotated",
        choices=("annotated", "labeled"),
        help="Whether unknowns already paid for count as covered.",
        paper="labeled",
    )

    def needs(self) -> tuple[Input, ...]:
        """Embeddings of the pool and of the centres, and probabilities of the pool."""
        return (_POOL, Probs(), *self._centres())

    def select(
        self, view: PoolView, query_size: int, rng: np.random.Generator, state: State | None
    ) -> Selection:
        """Greedy, best first; there are no scores."""
        size = max(0, min(query_size, view.n_pool))
        counts = np.bincount(view.labels, minlength=view.n_classes)
        lam = view.n_classes / 2 if self.lam is None else self.lam
        positions = balanced_k_center(
            view[_POOL],
            np.concatenate([view[one] for one in self._centres()]),
            view[Probs()],
            size,
            quotas=QUOTAS[self.quota](counts, size),
            weight=lam / view.n_classes,
            keys=view.tie_keys,
        )
        return Selection(positions)

    def _centres(self) -> tuple[Input, ...]:
        return (_LABELED, _UNKNOWNS) if self.centres == "annotated" else (_LABELED,)
