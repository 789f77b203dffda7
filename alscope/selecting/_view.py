"""The view of a pool that is described by arrays."""

from __future__ import annotations

import numpy as np

from alscope import rng
from alscope.errors import ConfigError
from alscope.inputs import Forward, Head, McMoments, McProbs
from alscope.selecting._given import Given, missing
from alscope.strategies._base import Strategy
from alscope.types import Arrays, FloatArray, InputKey, IntArray, PoolView

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
            values[source] = _moments(given.mc_logits[:, order])
        elif isinstance(key, McProbs) and given.mc_logits is not None:
            values[source] = {"probs": _probs(given.mc_logits[:, order])}
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


def _moments(logits: FloatArray) -> Arrays:
    """The arrays of `McMoments`, one pass at a time (Welford), from (n_samples, n, n_classes)."""
    mean = np.zeros(logits.shape[1:])
    squares, votes = np.zeros_like(mean), np.zeros(mean.shape, dtype=np.int64)
    entropy = np.zeros(len(mean))
    for count, one in enumerate(logits, start=1):
        shifted = one.astype(np.float64)
        shifted -= shifted.max(axis=1, keepdims=True, initial=-np.inf)
        exps = np.exp(shifted)
        sums = exps.sum(axis=1, keepdims=True)
        probs = exps / sums
        distance = probs - mean
        mean += distance / count
        squares += distance * (probs - mean)
        entropy -= (probs * (shifted - np.log(sums))).sum(axis=1)
        votes[np.arange(len(mean)), probs.argmax(axis=1)] += 1
    return {
        "mean_probs": mean,
        "mean_entropy": entropy / len(logits),
        "std_probs": np.sqrt(squares / len(logits)),
        "votes": votes,
    }


def _probs(logits: FloatArray) -> FloatArray:
    """The array of `McProbs`, (n, n_samples, n_classes), one pass at a time."""
    probs = np.empty((logits.shape[1], logits.shape[0], logits.shape[2]), dtype=np.float32)
    for t, one in enumerate(logits):
        exps = one.astype(np.float64)
        exps = np.exp(exps - exps.max(axis=1, keepdims=True, initial=-np.inf))
        probs[:, t] = exps / exps.sum(axis=1, keepdims=True)
    return probs


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
