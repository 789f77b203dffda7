"""The view of a pool that is described by arrays."""

from __future__ import annotations

import numpy as np

from alscope import rng
from alscope.acquisition.passes import moments_of_passes, probs_of_passes
from alscope.errors import ConfigError
from alscope.inputs import Forward, Head, McMoments, McProbs
from alscope.selecting._given import Given, missing
from alscope.strategies._base import Strategy
from alscope.types import Arrays, InputKey, IntArray, PoolView

__all__ = ["make_view"]


def make_view(
    strategy: Strategy, given: Given, order: IntArray, *, seed: int, round: int
) -> PoolView:
    """What a strategy sees, rows in the given order.

    Args:
        strategy: Whose needs are met.
        given: Arguments that hold all it needs.
        order: Rows of the arguments by ascending id.
        seed: Of the keys that break ties.
        round: Round number.
    """
    unknowns = given.matrices.get("unknown_embeddings")
    labels = given.labels
    view = _View(
        _values(strategy, given, order),
        n_pool=order.size,
        n_classes=given.n_classes,
        round=round,
        labels=np.empty(0, dtype=np.int64) if labels is None else labels,
        n_unknowns=0 if unknowns is None else len(unknowns),
        tie_keys=rng.tie_keys(given.ids[order], seed=seed, round=round),
    )
    if labels is None:
        view.labels = None
    return view


def _values(strategy: Strategy, given: Given, order: IntArray) -> dict[InputKey, Arrays]:
    values: dict[InputKey, Arrays] = {}
    for key in strategy.needs():
        source = key.source()
        if isinstance(key, Head) and given.head is not None:
            values[source] = given.head._asdict()
        elif isinstance(key, McMoments) and given.mc_logits is not None:
            values[source] = moments_of_passes(given.mc_logits[:, order])
        elif isinstance(key, McProbs) and given.mc_logits is not None:
            values[source] = {"probs": probs_of_passes(given.mc_logits[:, order])}
        elif isinstance(source, Forward):
            values[source] = _forward(source, given, order)
    return values


def _forward(source: Forward, given: Given, order: IntArray) -> Arrays:
    if source.on == "pool":
        names = [name for name in ("logits", "embeddings") if name in given.matrices]
        return {name: given.matrices[name][order] for name in names}
    name = "labeled_embeddings" if source.on == "labeled" else "unknown_embeddings"
    if name in given.matrices:
        return {"embeddings": given.matrices[name]}
    width = next((a.shape[1] for key, a in given.matrices.items() if key != "logits"), 0)
    return {"embeddings": np.empty((0, width), dtype=np.float32)}


class _View(PoolView):
    """A view that says what is missing when a strategy looks at labels nobody gave."""

    @property
    def labels(self) -> IntArray:
        """Labels of the labeled set.

        Raises:
            ConfigError: If there are none.
        """
        if self._labels is None:
            raise ConfigError([missing("labels", "the strategy")])
        return self._labels

    @labels.setter
    def labels(self, value: IntArray | None) -> None:
        self._labels = value
