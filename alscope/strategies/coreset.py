"""CoreSet: cover the pool."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alscope.acquisition.cover import k_center_greedy
from alscope.inputs import Embeddings, Input
from alscope.params import param
from alscope.registry import strategies
from alscope.strategies._base import Strategy
from alscope.types import PoolView, Selection, State

__all__ = ["CoreSet"]

_POOL, _LABELED, _UNKNOWNS = Embeddings(), Embeddings(on="labeled"), Embeddings(on="unknowns")


@strategies.register(
    "coreset",
    title="CoreSet",
    group="diversity",
    summary="Covers the pool: repeatedly takes the sample farthest from all annotated ones.",
    formula=(
        r"i^* = \arg\max_i \min_{j \in \mathcal{A}} \lVert h_i - h_j \rVert, \quad "
        r"\mathcal{A} \leftarrow \mathcal{A} \cup \{i^*\}"
    ),
    regime="large",
    evidence="below random at low budgets and above it at high ones in arXiv:2301.10625",
)
@dataclass(frozen=True, kw_only=True)
class CoreSet(Strategy):
    """Query samples that leave no pool sample far from an annotated one.

    Farthest-first traversal in embedding space: the next sample is the one whose Euclidean distance
    to the nearest centre is largest, and it becomes a centre itself. Centres are annotated samples;
    embeddings have the shapes (n_pool, n_features) and (n_annotated, n_features). The radius of the
    cover is at most twice the optimum. Predictions are not used, so far-away unknown classes are
    queried early; keeping those found as centres stops the strategy from returning to them.

    Complexity: one forward pass over pool and annotated samples; at most
    O((n_annotated + query_size) * n_pool * n_features) time, mostly matrix products, and
    O(n_pool * n_features) memory.

    Attributes:
        centres: "annotated": labeled samples and unknowns found so far; "labeled": labeled only.

    References:
        Sener and Savarese 2018, arXiv:1708.00489, alg. 1; Gonzalez 1985, Theoretical Computer
        Science 38.

    Deviations:
        Greedy form only; the paper's robust form, a mixed-integer program with an allowance for
        outliers, is not offered. The paper knows no unknown classes; taking those found as centres
        is our choice.
    """

    centres: str = param(
        "annotated",
        choices=("annotated", "labeled"),
        help="Whether unknowns already paid for count as covered.",
        paper="labeled",
    )

    def needs(self) -> tuple[Input, ...]:
        """Embeddings of the pool and of the centres."""
        return (_POOL, *self._centres())

    def select(
        self, view: PoolView, query_size: int, rng: np.random.Generator, state: State | None
    ) -> Selection:
        """Farthest first; there are no scores."""
        centres = np.concatenate([view[one] for one in self._centres()])
        return Selection(k_center_greedy(view[_POOL], centres, query_size, keys=view.tie_keys))

    def _centres(self) -> tuple[Input, ...]:
        return (_LABELED, _UNKNOWNS) if self.centres == "annotated" else (_LABELED,)
