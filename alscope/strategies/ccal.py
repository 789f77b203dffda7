"""CCAL: samples that resemble the known classes, but not the samples already labeled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from alscope.acquisition.contrast import contrast, fill_quotas, joint_scores
from alscope.config import ScenarioConfig
from alscope.inputs import (
    ContrastiveEncoder,
    Input,
    Projections,
    encoder_setting,
    setting_problem,
)
from alscope.params import param
from alscope.registry import strategies
from alscope.strategies._base import Strategy, require_labels
from alscope.types import CAUTION, PoolView, Selection, State

__all__ = ["CCAL"]

_PAPER_EPOCHS = 700
_SETS = ("pool", "labeled")
_TOO_STRICT = (
    "most samples asked for lie below the threshold: few lie above it, and the score then prefers "
    "what is least similar to the known classes; lower its threshold, or set its hard gate"
)


@strategies.register(
    "ccal",
    title="CCAL",
    group="open_set",
    summary="Prefers samples that resemble the known classes but differ from what is labeled.",
    formula=r"a_i = \tanh\bigl(\tfrac{k}{2} (S_i - \tau)\bigr) + 1 - D_i",
)
@dataclass(frozen=True, kw_only=True)
class CCAL(Strategy):
    """Query samples that are semantically like a known class and distinct within it.

    Two encoders are trained without labels on all samples of the trial: a semantic one by SimCLR, a
    distinctive one by CSI, which sees every sample in a few shifted copies as well. The labeled
    samples are anchors. S is the cosine of a sample to its nearest anchor in semantic space,
    (n_pool,), scaled to [0, 1] over the pool; the class of that anchor is the only one the sample
    competes for. With v1 >= v2 the cosines to the two nearest anchors of this class in distinctive
    space and g the cosine between them, D is the mean of 2 v1 - v2 + g over the shifts, scaled to
    [0, 1] over the pool. The score is

        tanh(sharpness * (S - threshold) / 2) + 1 - D.

    Each class takes an equal share of the query; what it cannot fill goes to the best that are
    left. Projections have the shapes (n_pool, n_shifts, d) and (n_labeled, n_shifts, d); neither
    the target model nor the unknowns found so far are used.

    The threshold decides: too low, and it lets unknown classes in; too high, and few samples are
    left above it, so that quotas are filled with the least similar samples, which is what 0.9 often
    does to frozen features. One outlier moves it, because S is scaled by its range. Diagnostics say
    which share of the pool lies above, and Compare warns where most of a query lies below.

    Complexity: training two encoders, once per trial; one forward pass per encoder, shift and view;
    O(n_pool * n_labeled * n_shifts * d) time, and memory beyond the projections that does not grow
    with n_pool.

    Attributes:
        encoder: "frozen": features that are there already, for both spaces; "ssl:<epochs>": a short
            training; "paper": 700 epochs with the authors' schedule.
        n_views: Random views averaged per sample; without meaning for a frozen encoder.
        sharpness: How steeply the score rises at the threshold; larger = closer to a step.
        threshold: Similarity from which a sample counts as known; larger = stricter.
        hard_gate: Quotas never take samples below the threshold; what is missing is filled by the
            most similar. An extension of ours.

    References:
        Du, Zhao, Chen, Chai, Chen and Li 2021 (ICCV), pp. 8927-8936; Chen, Kornblith, Norouzi and
        Hinton 2020, arXiv:2002.05709 (SimCLR); Tack, Mo, Jeong and Shin 2020, arXiv:2007.08176
        (CSI).

    Deviations:
        Frozen features by default, with one view and no shifts. The paper's semantic encoder is
        trained longer on CIFAR-100, for 2000 epochs. With "paper", SGD has layerwise rates (LARS),
        which the authors' has not: one distinctive encoder serves MQ-Net as well. The step is
        written as a tanh, which does not overflow. A class with one labeled sample has D from v1
        alone; one without is skipped. Every class has the share query_size / n_classes instead of a
        fixed number of samples. Cosines are rounded to 9 digits, so that equal samples are ordered
        by key.
    """

    needs_labels = True

    encoder: str = param(
        "frozen",
        help="Where projections come from: frozen, ssl:<epochs> (as in ssl:30), or paper.",
        paper="paper",
    )
    n_views: int = param(
        10, low=1, high=100, help="Random views averaged per sample, unless frozen.", paper="10"
    )
    sharpness: float = param(
        100.0, low=1e-3, high=1e6, help="How steeply the score rises at the threshold.", paper="100"
    )
    threshold: float = param(
        0.9, low=0.0, high=1.0, help="Similarity from which a sample counts as known.", paper="0.9"
    )
    hard_gate: bool = param(
        False, help="Extension: quotas take nothing below the threshold.", paper="False"
    )

    def problems(self, scenario: ScenarioConfig) -> tuple[str, ...]:
        """Also an encoder that is none."""
        problem = setting_problem(self.encoder)
        return super().problems(scenario) + ((problem,) if problem else ())

    def needs(self) -> tuple[Input, ...]:
        """Projections of pool and labeled set, in both spaces; one space if both are frozen."""
        both = [self._projections(on, shifts=shifts) for on in _SETS for shifts in (False, True)]
        return tuple(dict.fromkeys(both))

    def select(
        self, view: PoolView, query_size: int, rng: np.random.Generator, state: State | None
    ) -> Selection:
        """Class by class, then what fills the query; no scores, as quotas cross their order."""
        require_labels(view, self.key)
        semantic, anchors = (view[self._projections(on, shifts=False)] for on in _SETS)
        distinctive, others = (view[self._projections(on, shifts=True)] for on in _SETS)
        found = contrast(semantic[:, 0], distinctive, anchors[:, 0], others, view.labels)
        above = found.similarity > self.threshold
        batch = fill_quotas(
            joint_scores(
                found.similarity,
                found.closeness,
                sharpness=self.sharpness,
                threshold=self.threshold,
            ),
            found.classes,
            query_size,
            n_classes=view.n_classes,
            eligible=above if self.hard_gate else np.ones_like(above),
            fallback=found.similarity,
            keys=view.tie_keys,
        )
        n_below = int((~above[batch.positions]).sum())
        diagnostics: dict[str, Any] = {
            "above_threshold_ratio": float(above.mean()) if above.size else 0.0,
            "n_below_threshold": n_below,
            "n_refilled": batch.n_refilled,
        }
        if 2 * n_below > batch.positions.size and not self.hard_gate:
            diagnostics[CAUTION] = _TOO_STRICT
        return Selection(batch.positions, diagnostics=diagnostics)

    def _projections(self, on: str, *, shifts: bool) -> Projections:
        setting = encoder_setting(self.encoder, paper_epochs=_PAPER_EPOCHS)
        encoder = ContrastiveEncoder(setting=setting, shifts=shifts)
        return Projections(companion=encoder, n_views=self.n_views, on=on)
