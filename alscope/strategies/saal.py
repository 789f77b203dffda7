"""SAAL: predictions whose loss can become large after a small change of the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._checks import require_finite
from alscope.acquisition.levels import level_seeding
from alscope.acquisition.ranking import top_k
from alscope.inputs import Input, InputContext
from alscope.params import param
from alscope.registry import strategies
from alscope.strategies._base import Strategy
from alscope.types import Arrays, PoolView, Selection, State

__all__ = ["SAAL", "WorstCaseLosses", "WorstCaseLossesValue"]

_RADIUS = 0.05


class WorstCaseLossesValue(NamedTuple):
    """Losses at the predicted class, in nats."""

    clean: NDArray[np.float64]
    """With the weights as they are, (n,)."""
    perturbed: NDArray[np.float64]
    """With the weights changed for the worst, (n,)."""


@dataclass(frozen=True, kw_only=True)
class WorstCaseLosses(Input):
    """Loss at the predicted class before and after the sample's worst small change of weights.

    Attributes:
        radius: Length of the change.
        adaptive: Whether it is measured relative to the size of each weight.
    """

    asks = "weights"

    radius: float = param(_RADIUS, low=1e-4, high=10.0, help="Length of the change.")
    adaptive: bool = True

    def extract(self, arrays: Arrays) -> WorstCaseLossesValue:
        """Both losses."""
        return WorstCaseLossesValue(arrays["clean"], arrays["perturbed"])

    def compute(self, context: InputContext) -> Arrays:
        """Two forward passes and one backward pass per sample; the model is not written to."""
        from alscope.learn.perturbation import worst_case_losses

        return worst_case_losses(
            context.model, context.batches, radius=self.radius, adaptive=self.adaptive
        )


@strategies.register(
    "saal",
    title="SAAL",
    group="learned",
    summary="Prefers samples whose loss is large after the worst small change of the weights.",
    formula=(
        r"a_i = \ell\bigl(w + \epsilon_i;\, x_i, \hat y_i\bigr), \quad \epsilon_i = \rho\, "
        r"T_w^2 g_i / \lVert T_w g_i \rVert"
    ),
)
@dataclass(frozen=True, kw_only=True)
class SAAL(Strategy):
    """Query samples whose loss can become large after a small change of the weights.

    With y the predicted class of sample x, l the cross-entropy at y, g its gradient with respect to
    all trainable parameters w, and T = |w|, the worst change to first order is
    e = radius * T^2 g / |T g|. The score is l(w + e), or its rise over l(w), (n_pool,), in nats.
    The diverse modes seed k-means++ on the scores themselves: the largest first, then each in
    proportion to the squared distance to the nearest chosen score. They spread a batch over levels
    of the score, not over features, and so take some samples the model is sure of.

    Complexity: two forward passes and one backward pass per sample, one sample at a time, which is
    slow for large networks: limit the candidates, to 2000 as the paper does. Selection takes at
    most O(query_size * n_pool) time and O(n_pool) memory.

    Attributes:
        mode: "max": the loss after the change; "diff": its rise; "_diversity": spread over levels.
        radius: Length of the change, relative to the weights; larger counts sharpness for more.

    References:
        Kim, Cho, Jang, Na, Kim, Song, Kang and Moon 2023 (ICML), PMLR 202:16424-16440; Kwon, Kim,
        Park and Choi 2021, arXiv:2102.11600; Arthur and Vassilvitskii 2007 (SODA).

    Deviations:
        The target model is trained as every other strategy's, not with sharpness-aware
        minimization. The whole pool is scored unless candidates are limited. When no score differs
        from those chosen, the rest of a diverse batch are the highest, by key if equal.
    """

    mode: str = param(
        "max_diversity",
        choices=("max_diversity", "diff_diversity", "max", "diff"),
        help="Loss after the change or its rise; spread over levels of the score or not.",
        paper="max_diversity",
    )
    radius: float = param(
        _RADIUS,
        low=1e-4,
        high=10.0,
        help="Length of the change, relative to the weights.",
        paper="0.05",
    )

    def needs(self) -> tuple[Input, ...]:
        """Losses of the pool."""
        return (WorstCaseLosses(radius=self.radius),)

    def select(
        self, view: PoolView, query_size: int, rng: np.random.Generator, state: State | None
    ) -> Selection:
        """The highest scores, or seeds; seeds have no scores, as they are not the highest."""
        losses: WorstCaseLossesValue = view[WorstCaseLosses(radius=self.radius)]
        for name, values in losses._asdict().items():
            require_finite(f"{name} losses", values)
        measure, _, diversity = self.mode.partition("_")
        scores = losses.perturbed - losses.clean if measure == "diff" else losses.perturbed
        if diversity:
            return Selection(level_seeding(scores, query_size, keys=view.tie_keys, rng=rng))
        return Selection(top_k(scores, query_size, keys=view.tie_keys), scores)
