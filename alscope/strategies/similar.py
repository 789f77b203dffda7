"""SIMILAR: what tells most about the labeled samples beyond what unknowns tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition import facility, log_det
from alscope.acquisition._capped import capped
from alscope.acquisition._greedy import Greedy
from alscope.acquisition.facility import facility_greedy
from alscope.acquisition.gradient_kernel import (
    GradientKernel,
    UnitGradients,
    similarities,
    unit_gradients,
)
from alscope.acquisition.log_det import Blocks, log_det_greedy, weighted
from alscope.config import ScenarioConfig
from alscope.errors import SelectionError
from alscope.inputs import Detector, DetectorForward, DetectorValue, Input
from alscope.params import param
from alscope.registry import strategies
from alscope.strategies._base import Load, Strategy, require_labels
from alscope.types import IntArray, PoolView, Selection, State

__all__ = ["Similar"]

_DETECTOR = Detector(temperature=1.0, spare_output=False)
_POOL = DetectorForward(companion=_DETECTOR)
_LABELED = DetectorForward(companion=_DETECTOR, on="labeled")
_UNKNOWNS = DetectorForward(companion=_DETECTOR, on="unknowns")

_EXACT_POOL = 4096  # up to this size float64 costs little


@strategies.register(
    "similar",
    title="SIMILAR",
    group="open_set",
    summary="Looks for samples like the labeled ones and unlike the unknowns found so far.",
    formula=r"\mathcal{Q} = \arg\max_{|A| = b} I(A;\, \mathcal{L} \mid \mathcal{U}_{\mathrm{ood}})",
)
@dataclass(frozen=True, kw_only=True)
class Similar(Strategy):
    """Query the batch that tells most about the labeled samples beyond what unknowns tell.

    A detector, the run's network with one more output for unknown classes, is trained on all that
    is annotated. Every sample stands for the gradient of its loss in the last layer, at the true
    label (unknowns: the additional output), in the pool at the predicted one. With s the similarity
    (1 + cosine) / 2 of gradients, Q the labeled samples and P the unknowns found, a batch A is
    built greedily to raise a conditional mutual information I(A; Q | P):

        log_det_cmi: log det(S_A + ridge I | P) - log det(S_A + ridge I | P, Q), with the similarity
            of the pool to Q weighted by eta and to P by nu;
        flcmi: sum over i in the pool of max(min(max_{j in A} s_ij, eta max_q s_iq)
            - nu max_p s_ip, 0).

    The first asks for samples that Q predicts, P does not, and that differ from each other; the
    second for samples that represent the part of the pool near Q and far from P. Without unknowns P
    is empty. Classes without labels are not in Q and are hardly asked for.

    Inputs have the shapes (n, n_classes) or (n, n_classes + 1) and (n, n_features), with n one of
    n_pool, n_labeled, n_unknowns.

    Complexity: one training of the detector and one pass over pool and annotated samples. With
    B = query_size and d = n_features + n_classes, log_det_cmi takes O(n_pool (4 cap^2 +
    B (2 cap + B + d))) time and O(n_pool (4 cap + 2 B + d)) memory; flcmi O(n_pool^2 d) time and
    O(n_pool (2 cap + d)) memory. Similarities within the pool are never held all at once.

    Attributes:
        function: "log_det_cmi" or "flcmi".
        eta: Weight of similarity to labeled samples; larger = closer to them, less diverse.
        nu: Weight of similarity to unknowns; larger = farther from them.
        ridge: Added to the diagonal of the kernel in log_det_cmi; larger = less diverse.
        cap: Most labeled samples in Q, and most unknowns in P; larger = slower.

    References:
        Kothawade, Beck, Killamsetty and Iyer 2021, arXiv:2107.00717, table 1 and alg. 1; Ash et al.
        2020, arXiv:1906.03671 (gradients); Minoux 1978 (lazy greedy).

    Deviations:
        The detector is trained on unknowns as well and has an output for them as soon as one is
        annotated. Sets above `cap` are reduced: equal shares of the classes, within each
        farthest-first by embedding. For log_det_cmi gains are all renewed at every step, as lazy
        greedy is not exact there, and weights that differ weaken the block between Q and P as well,
        which keeps the kernel positive semidefinite. When nothing gains in flcmi, the rest goes by
        eta max_q s_iq - nu max_p s_ip. Pools above 4096 are computed in float32. Above 316,227
        samples (flcmi), or where the factors of log_det_cmi would take more than 8 GiB, it is
        refused: limit the candidates of the strategy.
    """

    needs_labels: ClassVar[bool] = True

    function: str = param(
        "log_det_cmi",
        choices=("log_det_cmi", "flcmi"),
        help="Information by log-determinants, or by facility location.",
        paper="both",
    )
    eta: float = param(
        1.0,
        low=1e-3,
        high=100.0,
        help="Weight of similarity to labeled samples; at most 1 for log_det_cmi.",
        paper="1",
    )
    nu: float = param(
        1.0,
        low=1e-3,
        high=100.0,
        help="Weight of similarity to unknowns; at most 1 for log_det_cmi.",
        paper="1",
    )
    ridge: float = param(
        1.0, low=1e-3, high=100.0, help="Added to the diagonal in log_det_cmi.", paper="1"
    )
    cap: int = param(
        500,
        low=1,
        high=10000,
        help="Most labeled samples, and most unknowns, compared with.",
        paper="no limit",
    )

    def needs(self) -> tuple[Input, ...]:
        """What the detector says about pool, labeled samples and unknowns."""
        return (_POOL, _LABELED, _UNKNOWNS)

    def problems(self, scenario: ScenarioConfig) -> tuple[str, ...]:
        """No label before the first query, or weights that the function does not take."""
        return super().problems(scenario) + self._wrong_weights()

    def excess(self, load: Load) -> str:
        """Time (flcmi) or memory (log_det_cmi) that the pool would take, if that is too much."""
        n_given = min(self.cap, load.n_labeled) + min(self.cap, load.n_unknowns)
        if self.function == "flcmi":
            largest, reason = facility.largest_pool(), "flcmi compares all pairs of the pool"
        else:
            largest = log_det.largest_pool(n_given, load.query_size, np.dtype(np.float32))
            reason = f"log_det_cmi holds {n_given} + 2 * {load.query_size} values per sample"
        if load.n_pool <= largest:
            return ""
        return (
            f"the pool has {load.n_pool:,} samples, but {reason} and takes at most {largest:,}; "
            f"set the strategy's candidates to {largest} or fewer: so many are then drawn "
            "from the pool at random, by seed and round"
        )

    def remarks(self, scenario: ScenarioConfig) -> tuple[str, ...]:
        """Without unknowns there is nothing to stay away from."""
        if scenario.setting == "open" and scenario.ood_ratio > 0:
            return ()
        return ("without unknown classes it asks for more of what is labeled already",)

    def select(
        self, view: PoolView, query_size: int, rng: np.random.Generator, state: State | None
    ) -> Selection:
        """Greedy, best first; there are no scores."""
        require_labels(view, self.key)
        if wrong := self._wrong_weights():
            raise SelectionError("; ".join(wrong))
        load = Load(
            n_pool=view.n_pool,
            n_labeled=view.n_labeled,
            n_unknowns=view.n_unknowns,
            query_size=query_size,
        )
        if excess := self.excess(load):
            raise SelectionError(excess)
        dtype = np.float64 if view.n_pool <= _EXACT_POOL else np.float32
        unknown = np.full(view.n_unknowns, view.n_classes, dtype=np.int64)
        pool = _gradients(view[_POOL], None, "pool", dtype)
        query = self._annotated(view[_LABELED], view.labels, "labeled", dtype)
        private = self._annotated(view[_UNKNOWNS], unknown, "unknown", dtype)
        choose = self._log_det if self.function == "log_det_cmi" else self._facility
        found = choose(pool, query, private, query_size, view.tie_keys)
        sizes = {"n_query_set": len(query.feature), "n_private_set": len(private.feature)}
        facts = {
            **sizes,
            "capped": max(view.n_labeled, view.n_unknowns) > self.cap,
            "information": float(found.gains.sum()) if found.gains.size else None,
            "n_without_gain": int(found.positions.size - found.gains.size),
        }
        return Selection(found.positions, diagnostics=facts)

    def _wrong_weights(self) -> tuple[str, ...]:
        if self.function != "log_det_cmi":
            return ()
        return tuple(
            f'{name} is {value:g}, but log_det_cmi takes at most 1; lower it, or use "flcmi"'
            for name, value in (("eta", self.eta), ("nu", self.nu))
            if value > 1
        )

    def _annotated(
        self, value: DetectorValue, labels: IntArray, name: str, dtype: type[np.floating[Any]]
    ) -> UnitGradients:
        gradients = _gradients(value, labels, name, dtype)
        return gradients.take(capped(value.embeddings, labels, self.cap))

    def _log_det(
        self,
        pool: UnitGradients,
        query: UnitGradients,
        private: UnitGradients,
        k: int,
        keys: NDArray[np.uint64],
    ) -> Greedy:
        blocks = Blocks(
            pool_query=similarities(pool, query),
            pool_private=similarities(pool, private),
            query_query=similarities(query, query),
            private_private=similarities(private, private),
            query_private=similarities(query, private),
        )
        kernel = GradientKernel.of(pool)
        return log_det_greedy(
            kernel,
            kernel.diagonal(),
            weighted(blocks, eta=self.eta, nu=self.nu),
            k,
            ridge=self.ridge,
            keys=keys,
        )

    def _facility(
        self,
        pool: UnitGradients,
        query: UnitGradients,
        private: UnitGradients,
        k: int,
        keys: NDArray[np.uint64],
    ) -> Greedy:
        ceilings = self.eta * similarities(pool, query).max(axis=1)
        # Similarities are at least 0: an empty set explains nothing.
        floors = self.nu * similarities(pool, private).max(axis=1, initial=0.0)
        return facility_greedy(GradientKernel.of(pool), ceilings, floors, k, keys=keys)


def _gradients(
    value: DetectorValue,
    labels: IntArray | None,
    name: str,
    dtype: type[np.floating[Any]],
) -> UnitGradients:
    return unit_gradients(value.logits, value.embeddings, labels, name=name, dtype=dtype)
