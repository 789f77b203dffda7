"""CoreMSE: the label is expected to improve the Brier score of the pool."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition.expected_gain import Gains, brier_gains
from alscope.registry import strategies
from alscope.strategies._expected_gain import ExpectedGainStrategy

__all__ = ["CoreMSE"]


@strategies.register(
    "core_mse",
    title="CoreMSE",
    group="posterior",
    summary="Prefers labels expected to improve the Brier score of the pool, in different places.",
    formula=(
        r"a_x = \sum_{x'} \mathbb{E}_{y \mid x} \bigl\lVert p(x' \mid x, y) - p(x') "
        r"\bigr\rVert^2"
    ),
)
@dataclass(frozen=True, kw_only=True)
class CoreMSE(ExpectedGainStrategy):
    """Query labels that are expected to lower the Brier score of predictions on the pool.

    n_samples dropout passes, with probabilities of shape (n_pool, n_samples, n_classes), stand for
    the possible networks. A label at sample x would shift their weights, and with them the mean
    prediction at every x'; the gain is the expected squared length of that shift, and the score of
    x is its sum over the pool. A batch spreads over the pool: the best keep_ratio of it is
    clustered by the vectors of gains over x', scaled to length 1, and the sample nearest to each of
    query_size centres is taken. Needs a backbone with dropout before the head. Exact and without
    any (n_pool, n_pool) array, see `alscope.acquisition.expected_gain`.

    Complexity: one forward pass and n_samples products with the head; O(n_pool * n_samples^2 *
    (n_classes + n_samples^2)) for scores, then k-means in n_samples * (n_samples - 1) / 2
    dimensions; O(n_pool * n_samples * (n_classes + n_samples)) memory.
    Diagnostics: `n_candidates` clustered, and `n_filled`, taken by score where clusters coincide.

    Attributes:
        n_samples: Stochastic passes; more describe the possible networks better, for more time and
            memory.
        keep_ratio: Share of the pool that is clustered; smaller = higher scores, larger = more
            diverse.

    References:
        Tan, Du and Buntine 2021 (NeurIPS), arXiv:2110.14171; the same and others 2023,
        arXiv:2312.10116.

    Deviations:
        Dropout passes with masks that all samples share instead of an ensemble. The whole pool
        instead of a random part of it measures the gain. Members are reweighted by the observed
        label, as the definition has it, also in the vectors that are clustered; the authors' code
        adds a term there that does not depend on x. One k-means++ start. Places that clusters leave
        open are filled by score, without repeats. Samples on which passes agree within 1e-7 have no
        gain; if all do, the choice is random.
    """

    def gains(self, probs: NDArray[np.floating], rng: np.random.Generator) -> Gains:
        """Expected decrease of the Brier score over the pool."""
        return brier_gains(probs)
