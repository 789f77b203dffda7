"""NoiseStability: predictions that small noise on the weights moves far, in different ways."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition.cover import k_center_greedy
from alscope.inputs import Input, InputContext
from alscope.params import param
from alscope.registry import strategies
from alscope.strategies._base import Strategy
from alscope.types import Arrays, PoolView, Selection, State

__all__ = ["NoiseDeviations", "NoiseStability"]

_DRAWS, _SCALE = 30, 0.001


@dataclass(frozen=True, kw_only=True)
class NoiseDeviations(Input):
    """How class probabilities move under noise on the weights, (n, n_draws * n_classes), float32.

    Attributes:
        n_draws: Noise draws, each shared by all samples.
        scale: Length of the noise relative to that of each weight tensor.
    """

    asks = "weights"

    n_draws: int = param(_DRAWS, low=1, high=1000, help="Noise draws.")
    scale: float = param(_SCALE, low=1e-4, high=1.0, help="Relative length of the noise.")

    def extract(self, arrays: Arrays) -> NDArray[np.float32]:
        """The deviations."""
        return arrays["deviations"]

    def compute(self, context: InputContext) -> Arrays:
        """Run the model once as it is and once per draw; its parameters are not written to."""
        from alscope.learn.perturbation import noise_deviations

        return noise_deviations(
            context.model,
            context.batches,
            n_draws=self.n_draws,
            scale=self.scale,
            n_classes=context.n_classes,
            generator=context.generator,
        )


@strategies.register(
    "noise_stability",
    title="NoiseStability",
    group="learned",
    summary="Covers the samples whose predictions move most when noise is added to the weights.",
    formula=(
        r"z_i = \bigl[(f(x_i; w + \Delta_k) - f(x_i; w)) / \lVert f(x_i; w) \rVert\bigr]_k, "
        r"\quad i^* = \arg\max_i \min_{j \in \mathcal{Q} \cup \{0\}} \lVert z_i - z_j \rVert"
    ),
)
@dataclass(frozen=True, kw_only=True)
class NoiseStability(Strategy):
    """Query samples whose predictions move far, and differently, under noise on the weights.

    Draw k adds to every weight tensor W the noise scale * |W| * N_k / |N_k|, with N_k Gaussian and
    the same for all samples. Sample i is described by z_i, (n_draws * n_classes,), which joins
    d_ik = (f(x_i; noisy) - f(x_i)) / |f(x_i)| of all draws; f are class probabilities. While the
    noise is small, z_i is a random projection of the gradient of the prediction with respect to the
    weights: long where the model is unsure, and alike where samples would teach it the same.
    The batch is a farthest-first traversal of the z_i that begins with the origin as a centre: the
    longest z_i first, then whichever is farthest from the origin and from everything taken.

    Complexity: n_draws + 1 forward passes; at most O(query_size * n_pool * n_draws * n_classes)
    time and O(n_pool * n_draws * n_classes) memory for the selection.

    Attributes:
        n_draws: Noise draws; more of them describe the samples more finely for more inference.
        scale: Length of the noise relative to that of each weight tensor. Large noise leaves the
            regime of gradients; below 0.0001 float32 rounding would dominate.

    References:
        Li, Yang, Gu, Zhan, Wang, Xu and Xu 2024 (AAAI), arXiv:2205.13340; Gonzalez 1985,
        Theoretical Computer Science 38.

    Deviations:
        The whole pool is described, without drawing a subset first. A weight tensor shared by
        several layers gets noise once, embedding tables included. What coincides with the origin
        or with a choice, as in a pool of duplicates, is taken by key.
    """

    n_draws: int = param(
        _DRAWS,
        low=1,
        high=1000,
        help="Noise draws; each costs one pass over the pool.",
        paper="30 in the authors' scripts",
    )
    scale: float = param(
        _SCALE,
        low=1e-4,
        high=1.0,
        help="Length of the noise relative to that of each weight tensor.",
        paper="0.001",
    )

    def needs(self) -> tuple[Input, ...]:
        """Deviations of the pool."""
        return (self._deviations,)

    def select(
        self, view: PoolView, query_size: int, rng: np.random.Generator, state: State | None
    ) -> Selection:
        """Farthest first from the origin; there are no scores."""
        points = view[self._deviations]
        origin = np.zeros((1, points.shape[1]), dtype=points.dtype)
        return Selection(k_center_greedy(points, origin, query_size, keys=view.tie_keys))

    @property
    def _deviations(self) -> NoiseDeviations:
        return NoiseDeviations(n_draws=self.n_draws, scale=self.scale)
