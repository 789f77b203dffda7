"""Made-up pools: what a strategy sees, without data, training or a model.

Values are drawn from one small model that never existed: embeddings around one centre per class, a
linear head, logits = embeddings @ weight.T + bias, and Monte Carlo moments from real dropout draws
before that head. They are therefore consistent with each other, as a model's would be.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alscope.inputs import (
    AttachmentOutput,
    DetectorForward,
    Forward,
    Head,
    HeadParams,
    Input,
    McMoments,
    McProbs,
    Projections,
)
from alscope.rng import generator, tie_keys
from alscope.strategies._base import Strategy
from alscope.strategies.noise_stability import NoiseDeviations
from alscope.strategies.saal import WorstCaseLosses
from alscope.types import Arrays, IntArray, PoolView

__all__ = [
    "FakePool",
    "make_pool",
    "make_view",
    "moments_of",
    "probs_of",
    "softmax",
    "with_winner_at",
]

_DROPOUT = 0.3
_N_SHIFTS = 4
_BLOCK = 1 << 16
_WIDTH = 6  # of the embedding, unless told otherwise


@dataclass(frozen=True, eq=False, kw_only=True)
class FakePool:
    """The values behind a view, open to changes.

    Attributes:
        values: Arrays of each computed input.
        ids: Sample id of every pool row, (n_pool,), int64.
        labels: Labels of the labeled set, (n_labeled,), int64.
        n_unknowns: Annotated samples of unknown classes.
        n_classes: Known classes.
        round: Round number.
        seed: Stream of the keys that break ties.
    """

    values: Mapping[Input, Arrays]
    ids: IntArray
    labels: IntArray
    n_unknowns: int
    n_classes: int
    round: int
    seed: int

    def view(self) -> PoolView:
        """The view, with rows in the order they stand in; keys follow the ids."""
        return PoolView(
            {key: arrays for key, arrays in self.values.items()},
            n_pool=self.ids.size,
            n_classes=self.n_classes,
            round=self.round,
            labels=self.labels,
            n_unknowns=self.n_unknowns,
            tie_keys=tie_keys(self.ids, seed=self.seed, round=self.round),
        )

    def take(self, order: NDArray[np.int64]) -> FakePool:
        """The pool rows in another order, each with its id and values; rows may be left out."""
        values = {key: self._taken(key, arrays, order) for key, arrays in self.values.items()}
        return replace(self, values=values, ids=self.ids[order])

    def sorted(self) -> FakePool:
        """Rows by ascending id, as the engine hands them to strategies."""
        return self.take(np.argsort(self.ids))

    def repeated(self, rows: NDArray[np.int64]) -> FakePool:
        """A pool whose row i holds the values of `rows[i]`: duplicates under ids of their own."""
        return replace(self.take(rows), ids=np.arange(len(rows), dtype=np.int64))

    def with_values(self, values: Mapping[Input, Arrays]) -> FakePool:
        """Some inputs replaced."""
        return replace(self, values={**self.values, **values})

    def _taken(self, key: Input, arrays: Arrays, order: NDArray[np.int64]) -> Arrays:
        if key.on != "pool" or isinstance(key, Head):
            return arrays
        return {name: array[order] for name, array in arrays.items()}


@dataclass(frozen=True)
class _Model:
    """The model that never existed; a set of samples is drawn from it by name."""

    n_classes: int
    n_features: int
    seed: int

    def head(self) -> HeadParams:
        rng = generator(self.seed, "fake_head")
        # Logits spread alike at any width; at 512 features they would all be saturated.
        spread = math.sqrt(_WIDTH / self.n_features)
        weight = spread * rng.normal(size=(self.n_classes, self.n_features))
        bias = rng.normal(size=self.n_classes)
        return HeadParams(weight.astype(np.float32), bias.astype(np.float32))

    def embeddings(self, on: str, n: int) -> NDArray[np.float32]:
        centres = generator(self.seed, "fake_centres").normal(
            size=(self.n_classes, self.n_features)
        )
        rng = generator(self.seed, "fake_embeddings", on)
        classes = rng.integers(0, self.n_classes, n)
        found = np.empty((n, self.n_features), dtype=np.float32)
        for rows in _blocks(n):
            noise = rng.normal(size=(classes[rows].size, self.n_features))
            found[rows] = centres[classes[rows]] + 0.7 * noise
        return found

    def logits(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        weight, bias = self.head()
        return embeddings @ weight.T + bias

    def passes(self, embeddings: NDArray[np.float32], n_samples: int) -> NDArray[np.float64]:
        rng = generator(self.seed, "fake_masks")
        kept = rng.random((n_samples, self.n_features)) >= _DROPOUT
        masks = (kept / (1 - _DROPOUT)).astype(np.float32)
        found = np.empty((n_samples, len(embeddings), self.n_classes))
        for rows in _blocks(len(embeddings)):
            for one, mask in zip(found, masks, strict=True):
                one[rows] = softmax(self.logits(embeddings[rows] * mask))
        return found

    def deviations(
        self, embeddings: NDArray[np.float32], n_draws: int, scale: float
    ) -> NDArray[np.float32]:
        weight, bias = self.head()
        noise = generator(self.seed, "fake_noise").normal(size=(n_draws, *weight.shape))
        noise /= np.linalg.norm(noise, axis=(1, 2), keepdims=True)
        noise *= scale * np.linalg.norm(weight)
        clean = softmax(embeddings @ weight.T + bias)
        moved = [softmax(embeddings @ (weight + one).T + bias) - clean for one in noise]
        joined = np.concatenate(moved, axis=1) / np.linalg.norm(clean, axis=1, keepdims=True)
        result: NDArray[np.float32] = joined.astype(np.float32)
        return result

    def losses(self, embeddings: NDArray[np.float32], radius: float) -> Arrays:
        # The worst change of the head alone, in closed form.
        weight, bias = (part.astype(np.float64) for part in self.head())
        logits = embeddings @ weight.T + bias
        labels = np.eye(self.n_classes)[logits.argmax(axis=1)]
        slopes = softmax(logits) - labels
        squares = embeddings.astype(np.float64) ** 2 @ (weight**2).T + bias**2
        lengths = np.sqrt((slopes**2 * squares).sum(axis=1, keepdims=True))
        steps = np.divide(slopes * squares, lengths, out=np.zeros_like(logits), where=lengths > 0)
        moved = {"clean": logits, "perturbed": logits + radius * steps}
        return {name: -np.log((softmax(z) * labels).sum(axis=1)) for name, z in moved.items()}


def make_pool(
    wanted: Strategy | Iterable[Input],
    *,
    n_pool: int = 40,
    n_classes: int = 3,
    n_features: int = _WIDTH,
    n_labeled: int = 8,
    n_unknowns: int = 2,
    seed: int = 0,
    round: int = 0,
    ids: Iterable[int] | None = None,
    overrides: Mapping[Input, Arrays] | None = None,
) -> FakePool:
    """A pool with consistent values for everything a strategy needs.

    Args:
        wanted: A strategy, or inputs.
        n_pool: Samples in the pool.
        n_classes: Known classes.
        n_features: Width of the embedding.
        n_labeled: Labeled samples of known classes.
        n_unknowns: Annotated samples of unknown classes.
        seed: Of the values and of the keys that break ties.
        round: Round number.
        ids: Sample ids of the rows, distinct, in any order; by default 0, 1, 2, ...
        overrides: Arrays to use instead of made-up ones, by computed input (`Forward()`, not
            `Logits()`); needed for inputs that this module does not know.

    Raises:
        TypeError: If a needed input is unknown here and not among the overrides.
    """
    given = dict(overrides or {})
    needed = wanted.needs() if isinstance(wanted, Strategy) else wanted
    model = _Model(n_classes, n_features, seed)
    sizes = {"pool": n_pool, "labeled": n_labeled, "unknowns": n_unknowns}
    sources = {key.source() for key in needed} - given.keys()
    rng = generator(seed, "fake_labels")
    rows = np.arange(n_pool) if ids is None else np.array(list(ids))
    return FakePool(
        values=given | {key: _values(key, model, sizes) for key in sources},
        ids=rows.astype(np.int64),
        labels=rng.integers(0, n_classes, n_labeled),
        n_unknowns=n_unknowns,
        n_classes=n_classes,
        round=round,
        seed=seed,
    )


def make_view(
    wanted: Strategy | Iterable[Input],
    *,
    n_pool: int = 40,
    n_classes: int = 3,
    n_features: int = _WIDTH,
    n_labeled: int = 8,
    n_unknowns: int = 2,
    seed: int = 0,
    round: int = 0,
    ids: Iterable[int] | None = None,
    overrides: Mapping[Input, Arrays] | None = None,
) -> PoolView:
    """The view of `make_pool`, rows sorted by ascending id; see there for the arguments."""
    pool = make_pool(
        wanted,
        n_pool=n_pool,
        n_classes=n_classes,
        n_features=n_features,
        n_labeled=n_labeled,
        n_unknowns=n_unknowns,
        seed=seed,
        round=round,
        ids=ids,
        overrides=overrides,
    )
    return pool.sorted().view()


def with_winner_at(pool: FakePool, strategy: Strategy, position: int) -> FakePool:
    """The pool with the strategy's first choice moved to a position, in exchange for who was there.

    For strategies that do not draw: their first choice must be `position` afterwards.
    """
    rng = generator(pool.seed, "fake_choice")
    winner = strategy.select(pool.view(), 1, rng, None).positions[0]
    order = np.arange(pool.ids.size)
    order[[position, winner]] = order[[winner, position]]
    return pool.take(order)


def moments_of(probs: NDArray[np.floating[Any]]) -> Arrays:
    """The arrays of `McMoments` for given passes.

    Args:
        probs: Class probabilities of each pass, (n_samples, n, n_classes).
    """
    logs = np.log(probs, out=np.zeros_like(probs), where=probs > 0)
    votes = probs.argmax(axis=2)[..., None] == np.arange(probs.shape[2])
    return {
        "mean_probs": probs.mean(axis=0),
        "mean_entropy": -(probs * logs).sum(axis=2).mean(axis=0),
        "std_probs": probs.std(axis=0),
        "votes": votes.sum(axis=0).astype(np.int64),
    }


def probs_of(probs: NDArray[np.floating[Any]]) -> Arrays:
    """The arrays of `McProbs` for given passes.

    Args:
        probs: Class probabilities of each pass, (n_samples, n, n_classes).
    """
    return {"probs": probs.swapaxes(0, 1).astype(np.float32)}


def softmax(logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Probabilities of logits, (n, n_classes)."""
    values: NDArray[np.float64] = logits.astype(np.float64)
    values = np.exp(values - values.max(axis=1, keepdims=True))
    values /= values.sum(axis=1, keepdims=True)
    return values


def _blocks(n: int) -> Iterator[slice]:
    # So that a million samples take little more memory than their values.
    return (slice(start, start + _BLOCK) for start in range(0, n, _BLOCK))


def _values(key: Input, model: _Model, sizes: Mapping[str, int]) -> Arrays:
    if isinstance(key, Head):
        return model.head()._asdict()
    embeddings = model.embeddings(key.on, sizes[key.on])
    if isinstance(key, Forward):
        return {"logits": model.logits(embeddings), "embeddings": embeddings}
    if isinstance(key, McMoments):
        return moments_of(model.passes(embeddings, key.n_samples))
    if isinstance(key, McProbs):
        return probs_of(model.passes(embeddings, key.n_samples))
    if isinstance(key, NoiseDeviations):
        return {"deviations": model.deviations(embeddings, key.n_draws, key.scale)}
    if isinstance(key, WorstCaseLosses):
        return model.losses(embeddings, key.radius)
    return _auxiliary(key, model, sizes)


def _auxiliary(key: Input, model: _Model, sizes: Mapping[str, int]) -> Arrays:
    """What heads and companions would say: that of other models which never existed."""
    if isinstance(key, AttachmentOutput):
        n_outputs = key.attachment.n_outputs(model.n_classes)
        other = _Model(n_outputs, model.n_features, model.seed + 1)
        return {"output": other.logits(other.embeddings(key.on, sizes[key.on]))}
    if isinstance(key, DetectorForward):
        extra = key.companion.spare_output or sizes["unknowns"] > 0
        other = _Model(model.n_classes + extra, model.n_features, model.seed + 1)
        embeddings = other.embeddings(key.on, sizes[key.on])
        return {"logits": other.logits(embeddings), "embeddings": embeddings}
    if isinstance(key, Projections):
        n_shifts = _N_SHIFTS if key.companion.shifts else 1
        shifted = [
            _Model(model.n_classes, model.n_features, model.seed + 1 + shift)
            for shift in range(n_shifts)
        ]
        rows = [other.embeddings(key.on, sizes[key.on]) for other in shifted]
        return {"projections": np.stack(rows, axis=1)}
    raise TypeError(f"no made-up values for {key!r}; pass its arrays in overrides")
