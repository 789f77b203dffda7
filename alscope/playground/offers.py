"""What the playground's classifiers can give to strategies, and why some things they cannot.

An input is computed from what it declares: a strategy that somebody adds runs here if its inputs
are among those below, and is refused with the reason otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from alscope import rng
from alscope.acquisition.passes import moments_of_passes, probs_of_passes
from alscope.inputs import (
    AttachmentOutput,
    CompanionOutput,
    ContrastiveEncoder,
    Detector,
    DetectorForward,
    Forward,
    Head,
    Input,
    McMoments,
    McProbs,
    Projections,
)
from alscope.playground.models import MODELS, Fitted, Matrix, radial_features
from alscope.registry import strategies
from alscope.strategies._base import Strategy
from alscope.types import Arrays, InputKey, IntArray, PoolView

__all__ = ["Scene", "make_view", "playable", "strategy_of", "unavailable"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Scene:
    """A moment of a game, as far as strategies may know about it.

    Attributes:
        model: Name of the kind of classifier.
        fitted: The classifier that learned from the labeled points.
        points: By index set: "pool", "labeled" and "unknowns", (n, 2) each, by ascending id.
        ids: Ids of the pool, ascending, (n_pool,).
        labels: Of the labeled points.
        n_classes: Known classes.
        seed: Of the game.
        round: Steps made so far.
    """

    model: str
    fitted: Fitted
    points: Mapping[str, Matrix]
    ids: IntArray
    labels: IntArray
    n_classes: int
    seed: int
    round: int


def strategy_of(name: str) -> Strategy:
    """A strategy with its default hyper-parameters.

    Raises:
        UnknownNameError: If there is no such strategy.
    """
    strategy: Strategy = strategies.get(name)()
    return strategy


@lru_cache(maxsize=512)
def unavailable(name: str, model: str) -> str:
    """Why a strategy cannot play with a model; empty if it can."""
    strategy = strategy_of(name)
    if strategy.attachments():
        return "it trains a head inside a deep network, and the playground has none"
    for key in strategy.needs():
        reason = _missing(key, model)
        if reason:
            return reason
    return ""


def playable(model: str) -> tuple[str, ...]:
    """Strategies that can play with a model, by name."""
    return tuple(name for name in strategies if not unavailable(name, model))


def _missing(key: Input, model: str) -> str:
    source = key.source()
    if isinstance(source, Head) and not MODELS[model].has_head:
        return f"it needs a final linear layer, and {MODELS[model].title} has none"
    if isinstance(source, CompanionOutput):
        encoder = source.companion
        if isinstance(encoder, ContrastiveEncoder) and not encoder.is_frozen:
            return "it trains an encoder on changed copies of images or texts, and points have none"
    if isinstance(source, AttachmentOutput) or type(source) not in _OFFERS:
        return (
            f"it needs {type(source).__name__}, which takes a pass over a deep network; "
            "run it in a study"
        )
    return ""


def make_view(strategy: Strategy, scene: Scene) -> PoolView:
    """What a strategy sees of a scene: the inputs it declares, and nothing else."""
    values: dict[InputKey, Arrays] = {
        source: _OFFERS[type(source)](scene, source)
        for source in dict.fromkeys(key.source() for key in strategy.needs())
    }
    seed = rng.seed_for(scene.seed, "tie_break", strategy.key)
    return PoolView(
        values,
        n_pool=scene.ids.size,
        n_classes=scene.n_classes,
        round=scene.round,
        labels=scene.labels,
        n_unknowns=len(scene.points["unknowns"]),
        tie_keys=rng.tie_keys(scene.ids, seed=seed, round=scene.round),
    )


def _forward(scene: Scene, key: Any) -> Arrays:
    return _outputs(scene.fitted, scene.points[key.on])


def _outputs(fitted: Fitted, points: Matrix) -> Arrays:
    return {
        "logits": fitted.logits(points).astype(np.float32),
        "embeddings": fitted.features(points).astype(np.float32),
    }


def _head(scene: Scene, key: Any) -> Arrays:
    head = scene.fitted.head()
    assert head is not None, "strategies that need a head are refused for models without one"
    return {"weight": head.weight, "bias": head.bias}


def _passes(scene: Scene, key: Any) -> Matrix:
    # Keyed as masks are in a study: by what has been labeled, not by who asks.
    draws = rng.generator(scene.seed, "playground", "passes", scene.labels.size)
    return scene.fitted.passes(scene.points[key.on], key.n_samples, draws)


def _moments(scene: Scene, key: Any) -> Arrays:
    return moments_of_passes(_passes(scene, key))


def _probs(scene: Scene, key: Any) -> Arrays:
    return {"probs": probs_of_passes(_passes(scene, key))}


def _projections(scene: Scene, key: Any) -> Arrays:
    """Plain features, centred over all points and of length 1: nothing is trained."""
    features = {on: radial_features(points) for on, points in scene.points.items()}
    center = np.concatenate(list(features.values())).mean(axis=0)
    rows = features[key.on] - center
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows / np.where(lengths > 0, lengths, 1.0)
    return {"projections": rows[:, None].astype(np.float32)}


def _detector(scene: Scene, key: Any) -> Arrays:
    detector: Detector = key.companion
    unknowns = scene.points["unknowns"]
    n_outputs = scene.n_classes + (detector.spare_output or len(unknowns) > 0)
    fitted = MODELS[scene.model].fit(
        np.concatenate([scene.points["labeled"], unknowns]),
        np.concatenate([scene.labels, np.full(len(unknowns), scene.n_classes, dtype=np.int64)]),
        n_outputs,
        detector.temperature,
        rng.generator(scene.seed, "playground", "detector", scene.labels.size, len(unknowns)),
    )
    return _outputs(fitted, scene.points[key.on])


_OFFERS: dict[type[Any], Callable[[Scene, Any], Arrays]] = {
    Forward: _forward,
    Head: _head,
    McMoments: _moments,
    McProbs: _probs,
    Projections: _projections,
    DetectorForward: _detector,
}
