"""LfOSA: samples that a detector of unknown classes is sure to be of a known one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition.mixture import activation_log_odds
from alscope.acquisition.ranking import coarse_order, top_k
from alscope.config import ScenarioConfig
from alscope.inputs import Detector, DetectorForward, DetectorValue, Input
from alscope.params import param
from alscope.registry import strategies
from alscope.strategies._base import Strategy, require_labels
from alscope.types import PoolView, Selection, State

__all__ = ["LfOSA", "known_first"]


@strategies.register(
    "lfosa",
    title="LfOSA",
    group="open_set",
    summary="Prefers samples that a detector of unknown classes is surest to be of a known class.",
    formula=(
        r"a_i = \Pr\bigl(\text{upper component} \mid \max_c v_{ic}\bigr), \quad v_i = "
        r"\text{logits of a detector with } C + 1 \text{ outputs}"
    ),
)
@dataclass(frozen=True, kw_only=True)
class LfOSA(Strategy):
    """Query samples that are most likely of a known class.

    A detector, the run's network with n_classes + 1 outputs, is trained on all annotated samples
    with cross-entropy of logits / temperature; the last output stands for unknown classes. The
    activation of a sample is its largest logit. Among the samples of the pool that are predicted to
    be of one known class, activations are split by a mixture of two normal components; the score is
    the probability of the component with the larger mean. Samples predicted to be unknown come
    last, those with the largest known logit relative to the unknown one first. Needs logits of the
    detector, (n_pool, n_classes + 1).

    What is queried is known, but often known too well: it buys many useful labels, each of which
    teaches little.

    Complexity: training a second network; one forward pass with it; O(n_pool * (n_classes + log
    n_pool)) time and O(n_pool) memory for the selection. The mixture uses the settings of the
    authors: at most 10 iterations, tolerance 0.01, 0.0005 added to variances.

    Attributes:
        temperature: Divides logits in the detector's loss; smaller = activations lie farther apart.
        monotone: Keep activations below the lower mean from counting as likely known, which the
            wider component otherwise makes them. An extension of ours.

    References:
        Ning, Zhao, Li and Huang 2022, arXiv:2201.06758.

    Deviations:
        Ranked by log-odds, then activation, instead of a probability that saturates at 1; the
        scores recorded are places in this ranking. The mixture starts from the best split instead
        of a random one. Samples that are alone in their predicted class, or whose class has equal
        activations, are undecided instead of left out. The detector is trained as the target model
        is; an unknown sample that was bought leaves the pool.
    """

    needs_labels = True

    temperature: float = param(
        0.5, low=0.05, high=10.0, help="Divides logits in the detector's loss.", paper="0.5"
    )
    monotone: bool = param(
        False, help="Extension: very low activations never count as likely known.", paper="False"
    )

    def needs(self) -> tuple[Input, ...]:
        """One pass of the detector over the pool."""
        return (self._forward,)

    def remarks(self, scenario: ScenarioConfig) -> tuple[str, ...]:
        """It is not meant for closed sets."""
        if scenario.setting == "open" and scenario.ood_ratio > 0:
            return ()
        return (
            "it is not meant for data without unknown classes: it asks for the samples it already "
            "knows best, so expect worse results than with random",
        )

    def select(
        self, view: PoolView, query_size: int, rng: np.random.Generator, state: State | None
    ) -> Selection:
        """The likeliest to be known; scores are places in the ranking, the best highest."""
        require_labels(view, self.key)
        detected: DetectorValue = view[self._forward]
        scores = known_first(detected.logits, n_classes=view.n_classes, monotone=self.monotone)
        return Selection(top_k(scores, query_size, keys=view.tie_keys), scores)

    @property
    def _forward(self) -> DetectorForward:
        return DetectorForward(
            companion=Detector(temperature=self.temperature, spare_output=True), on="pool"
        )


def known_first(
    logits: NDArray[np.floating], *, n_classes: int, monotone: bool = False
) -> NDArray[np.float64]:
    """Places in the ranking from surely unknown to surely known, (n,); 0 is the last place.

    Samples predicted to be known are ranked by log-odds, then by activation; they stand above all
    others, which are ranked by their largest known logit minus the unknown one. Equal samples share
    a place, and no place is left out.

    Args:
        logits: Of the detector, (n, n_classes + 1).
        n_classes: Known classes.
        monotone: See `alscope.acquisition.mixture.log_odds`.

    Raises:
        ShapeError: If logits have another shape or are not finite; the message names the row.
    """
    predicted, activations, odds = activation_log_odds(
        logits, n_classes=n_classes, monotone=monotone
    )
    seconds = activations.copy()
    unknown = np.flatnonzero(predicted == n_classes)
    outputs = logits[unknown].astype(np.float64)
    seconds[unknown] = outputs[:, :n_classes].max(axis=1) - outputs[:, n_classes]
    return _places(odds, seconds)


def _places(firsts: NDArray[np.float64], seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    # By the first, then by the second. In float32 nearly all firsts differ: only those that do not
    # are sorted by all digits, and by the second.
    with np.errstate(over="ignore"):
        rounded = firsts.astype(np.float32)
    order = coarse_order(rounded)
    ranked = rounded[order]
    tied = np.zeros(firsts.size, dtype=np.bool_)
    tied[:-1] = ranked[1:] == ranked[:-1]
    tied[1:] |= tied[:-1]
    rows = order[tied]
    rows = order[tied] = rows[np.lexsort((seconds[rows], firsts[rows]))]
    higher = np.ones(firsts.size, dtype=np.bool_)
    higher[np.flatnonzero(tied)[1:]] = _steps(firsts[rows]) | _steps(seconds[rows])
    places = np.empty(firsts.size)
    places[order] = np.cumsum(higher) - 1
    return places


def _steps(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = values[1:] != values[:-1]
    return found
