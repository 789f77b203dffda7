"""AlphaMix: a little mixing with what is known changes the predicted label."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition.kmeans import k_means, representatives
from alscope.acquisition.mixing import class_anchors, flip_thresholds
from alscope.acquisition.ranking import by_key, top_k
from alscope.inputs import Embeddings, Head, Input, Logits
from alscope.params import param
from alscope.registry import strategies
from alscope.strategies._base import Strategy
from alscope.types import IntArray, PoolView, Selection, State

__all__ = ["AlphaMix"]

_LABELED = Embeddings(on="labeled")
_log = logging.getLogger(__name__)


@strategies.register(
    "alpha_mix",
    title="AlphaMix",
    group="hybrid",
    summary="Takes samples whose label flips when mixed slightly with labeled ones, spread out.",
    formula=(
        r"\arg\max f\bigl(\alpha \odot h_c + (1 - \alpha) \odot h_i\bigr) \ne \hat y_i, \quad "
        r"\lVert \alpha \rVert \le \varepsilon"
    ),
)
@dataclass(frozen=True, kw_only=True)
class AlphaMix(Strategy):
    """Query samples whose predicted label flips under a small step towards labeled embeddings.

    The embedding h of a pool sample, (n_features,), is mixed with the mean embedding of each class,
    with the mixing coefficients that raise the loss at the predicted label most within
    eps = cap / sqrt(n_features). Samples whose predicted label changes for some class are
    candidates; the cap grows in equal steps to 1 until there are more candidates than wanted.
    k-means on the normalized embeddings of the candidates spreads the batch: the candidate nearest
    to each of query_size centres is taken, those that flip most easily first. If candidates do not
    suffice, all are taken and the rest is drawn at random from the pool. Each sample's smallest cap
    is computed in closed form, see `alscope.acquisition.mixing.flip_thresholds`.

    Complexity: one forward pass over pool and labeled samples; O(n_pool * n_classes * n_features)
    for the thresholds, times n_classes at worst where embeddings are sparse; then k-means,
    O(n_candidates * query_size * n_features) per iteration. O(n_pool * n_features) memory.
    Diagnostics: the `cap` reached, `n_candidates`, and `random_ratio`, the share of the batch drawn
    at random.

    Attributes:
        cap: Step by which the cap grows; larger accepts samples farther from a flip at once.

    References:
        Parvaneh, Abbasnejad, Teney, Haffari, van den Hengel and Shi 2022 (CVPR), arXiv:2203.07034.

    Deviations:
        Closed form of alpha only; learned and random alpha are not offered. As in the authors'
        code, alpha is a gradient step and not held within [0, 1]. A sample whose gradient is 0 is
        never a candidate; a class without labels has the mean of all labeled embeddings as its
        anchor. One k-means++ start. Random filling never repeats a sample. Without any labeled
        sample the choice is random.
    """

    cap: float = param(
        0.2,
        low=0.01,
        high=1.0,
        help="Step by which mixing grows; larger accepts samples farther from a flip.",
        paper="0.2",
    )

    def needs(self) -> tuple[Input, ...]:
        """Logits and embeddings of the pool, embeddings of the labeled set, and the head."""
        return (Logits(), Embeddings(), _LABELED, Head())

    def select(
        self, view: PoolView, query_size: int, rng: np.random.Generator, state: State | None
    ) -> Selection:
        """Spread-out candidates; there are no scores."""
        query_size = max(0, min(query_size, view.n_pool))
        thresholds = self._thresholds(view)
        cap = self._cap(thresholds, query_size)
        candidates = np.flatnonzero(thresholds < cap)
        chosen = candidates
        if candidates.size > query_size:
            chosen = _spread(view[Embeddings()], candidates, query_size, view.tie_keys, rng)
        best_first = top_k(-thresholds[chosen], chosen.size, keys=view.tie_keys[chosen])
        positions = np.concatenate([chosen[best_first], _fill(chosen, query_size, view.tie_keys)])
        n_random = query_size - chosen.size
        return Selection(
            positions,
            diagnostics={
                "cap": cap,
                "n_candidates": int(candidates.size),
                "random_ratio": n_random / query_size if query_size else 0.0,
            },
        )

    def _thresholds(self, view: PoolView) -> NDArray[np.float64]:
        logits, embeddings, weight = view[Logits()], view[Embeddings()], view[Head()].weight
        anchors = np.empty((0, embeddings.shape[1]))
        if view.n_labeled:
            anchors = class_anchors(view[_LABELED], view.labels, n_classes=view.n_classes)
        else:
            _log.warning("no sample is labeled, so there is nothing to mix with: random choice")
        return flip_thresholds(logits, embeddings, weight, anchors)

    def _cap(self, thresholds: NDArray[np.float64], query_size: int) -> float:
        # The first cap of the grid with more candidates than wanted, else the last.
        n_caps = math.ceil(1 / self.cap - 1e-9)
        for cap in (self.cap * step for step in range(1, n_caps)):
            if np.count_nonzero(thresholds < cap) > query_size:
                return cap
        return self.cap * n_caps


def _spread(
    embeddings: NDArray[np.floating],
    candidates: IntArray,
    n: int,
    keys: NDArray[np.uint64],
    rng: np.random.Generator,
) -> IntArray:
    # n of the candidates, one per cluster; by key where candidates coincide.
    if not n:
        return np.empty(0, dtype=np.int64)
    points = embeddings[candidates].astype(np.float64)
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    points /= np.where(lengths > 0, lengths, 1.0)
    clusters = k_means(points, n, keys=keys[candidates], rng=rng)
    nearest = representatives(points, clusters, keys=keys[candidates])
    members = np.concatenate([nearest, _fill(nearest, n, keys[candidates])])
    chosen: IntArray = candidates[members]
    return chosen


def _fill(chosen: IntArray, n: int, keys: NDArray[np.uint64]) -> IntArray:
    # As many of the others as are missing from n, by key: a random order without repeats.
    others: IntArray = np.setdiff1d(np.arange(keys.size), chosen)
    filling: IntArray = others[by_key(keys[others], n - chosen.size)]
    return filling
