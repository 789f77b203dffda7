"""CoreLog: the label is expected to improve the log score of the pool."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition.expected_gain import Gains, log_gains
from alscope.params import param
from alscope.registry import strategies
from alscope.strategies._expected_gain import ExpectedGainStrategy

__all__ = ["CoreLog"]

_MAX_TERMS = 2 * 10**10  # pairs of classes over pairs of samples: half a minute of one core


@strategies.register(
    "core_log",
    title="CoreLog",
    group="posterior",
    summary="Prefers labels expected to improve the log score of the pool, in different places.",
    formula=(
        r"a_x = \sum_{x'} \mathbb{E}_{y \mid x}\, \mathrm{KL}\bigl(p(x' \mid x, y) \,\Vert\, "
        r"p(x')\bigr)"
    ),
)
@dataclass(frozen=True, kw_only=True)
class CoreLog(ExpectedGainStrategy):
    """Query labels that say most about the labels of other samples.

    n_samples dropout passes, with probabilities of shape (n_pool, n_samples, n_classes), stand for
    the possible networks. A label at sample x would shift their weights, and with them the mean
    prediction at x'; the gain is the expected increase of the log score there, which is the mutual
    information between the labels of x and x', in nats. The score of x is its sum over an
    estimation pool, n_estimation samples drawn from the pool. A batch spreads over the pool: the
    best keep_ratio of it is clustered by the vectors of gains over x', scaled to length 1, and the
    sample nearest to each of query_size centres is taken. Needs a backbone with dropout before the
    head.

    Complexity: one forward pass and n_samples products with the head; O(n_pool * n_estimation *
    n_classes^2) logarithms, then k-means in n_estimation dimensions; O(n_pool * (n_samples *
    n_classes + n_estimation)) memory.
    Diagnostics: `n_candidates` clustered, and `n_filled`, taken by score where clusters coincide.

    Attributes:
        n_samples: Stochastic passes; more describe the possible networks better, for more time and
            memory.
        keep_ratio: Share of the pool that is clustered; smaller = higher scores, larger = more
            diverse.
        n_estimation: Samples on which the gain is measured; more are less noisy and slower.

    References:
        Tan, Du and Buntine 2021 (NeurIPS), arXiv:2110.14171; the same and others 2023,
        arXiv:2312.10116.

    Deviations:
        Dropout passes with masks that all samples share instead of an ensemble. The estimation pool
        has a fixed size instead of a share of the pool; n_pool * n_estimation * n_classes^2 is held
        to 2 * 10^10, so that with many classes it is smaller: 40 of 50,000 samples with 100
        classes. The divergence is the one that makes the gain the expected increase of the log
        score; the authors' code has its arguments reversed, and adds a term that does not depend on
        x. One k-means++ start. Places that clusters leave open are filled by score, without
        repeats. Samples on which passes agree within 1e-7 have no gain; if all do, the choice is
        random.
    """

    n_estimation: int = param(
        600,
        low=1,
        high=10_000,
        help="Samples on which the gain is measured; more are less noisy and slower.",
        paper="0.0939 of the pool",
    )

    def gains(self, probs: NDArray[np.floating], rng: np.random.Generator) -> Gains:
        """Mutual information with the labels of the estimation pool."""
        n, _, n_classes = probs.shape
        size = max(1, min(n, self.n_estimation, _MAX_TERMS // (n * n_classes**2)))
        estimation = np.sort(rng.choice(n, size, replace=False))
        return log_gains(probs, estimation)
