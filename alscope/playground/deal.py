"""Dealing: from a configuration to points, test points and first labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from alscope import rng
from alscope.playground.config import DRAWN, DataConfig
from alscope.playground.drawing import coordinates, parse_dots
from alscope.playground.shapes import HALF_WIDTH, SHAPES, class_counts, split_evenly
from alscope.types import IntArray

__all__ = ["N_TEST", "Deal", "deal"]

N_TEST = 600
_JITTER = 0.08

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Deal:
    """The points of a game; arrays are read-only.

    Attributes:
        points: Training points, (n, 2); their row is their id, and says nothing about the class.
        labels: Known class, or -1, (n,).
        n_classes: Known classes.
        test_points: (n_test, 2): known classes in equal shares, drawn as the training points are.
        test_labels: (n_test,).
        start: Ids of the points whose labels are given, all of known classes, in ascending order.
    """

    points: Points
    labels: IntArray
    n_classes: int
    test_points: Points
    test_labels: IntArray
    start: tuple[int, ...]

    def __post_init__(self) -> None:
        for name in ("points", "labels", "test_points", "test_labels"):
            getattr(self, name).setflags(write=False)


@lru_cache(maxsize=256)
def deal(config: DataConfig) -> Deal:
    """The points of a configuration; the same every time.

    Training points, test points and first labels come from streams of their own.
    """
    draw = _drawn if config.data == DRAWN else _shaped
    points, labels, test_points, test_labels = draw(config)
    order = rng.generator(config.seed, "playground", "order").permutation(len(points))
    points, labels = points[order], labels[order]
    return Deal(
        points=points,
        labels=labels,
        n_classes=int(labels.max()) + 1,
        test_points=test_points,
        test_labels=test_labels,
        start=_start(config, points, labels),
    )


def _shaped(config: DataConfig) -> tuple[Points, IntArray, Points, IntArray]:
    shape = SHAPES[config.data]
    n_unknown = round(config.n * config.ood / 100)
    counts = class_counts(config.n - n_unknown, shape.n_classes, config.ratio)
    train = _classes(config, counts, "train")
    clouds = rng.generator(config.seed, "playground", "unknown")
    unknown = _noisy(shape.cloud(n_unknown, clouds), config, clouds)
    labels = np.repeat(np.arange(shape.n_classes), counts)
    test_counts = split_evenly(N_TEST, shape.n_classes)
    return (
        np.concatenate([train, unknown]),
        np.concatenate([labels, np.full(n_unknown, -1)]),
        _classes(config, test_counts, "test"),
        np.repeat(np.arange(shape.n_classes), test_counts),
    )


def _classes(config: DataConfig, counts: list[int], part: str) -> Points:
    draw = SHAPES[config.data].draw
    drawn = []
    for label, count in enumerate(counts):
        source = rng.generator(config.seed, "playground", part, label)
        drawn.append(_noisy(draw(label, count, source), config, source))
    return np.concatenate(drawn)


def _noisy(points: Points, config: DataConfig, source: np.random.Generator) -> Points:
    noisy = points + source.normal(scale=1.0, size=points.shape) * (config.noise / 100)
    return np.clip(noisy, -HALF_WIDTH, HALF_WIDTH)


def _drawn(config: DataConfig) -> tuple[Points, IntArray, Points, IntArray]:
    # Nobody knows where drawn points come from: test points are drawn ones, moved a little.
    dots = parse_dots(config.pts)
    points = coordinates(dots)
    labels = np.array([dot.label for dot in dots], dtype=np.int64)
    source = rng.generator(config.seed, "playground", "test")
    n_classes = int(labels.max()) + 1
    test_labels = np.repeat(np.arange(n_classes), split_evenly(N_TEST, n_classes))
    rows = [source.choice(np.flatnonzero(labels == label)) for label in test_labels]
    moved = points[rows] + source.normal(scale=_JITTER, size=(N_TEST, 2))
    return points, labels, np.clip(moved, -HALF_WIDTH, HALF_WIDTH), test_labels


def _start(config: DataConfig, points: Points, labels: IntArray) -> tuple[int, ...]:
    source = rng.generator(config.seed, "playground", "start")
    known = source.permutation(np.flatnonzero(labels >= 0))
    if config.start == "left":
        known = known[np.argsort(points[known, 0], kind="stable")]
    elif config.start == "balanced":
        known = known[np.argsort(_turns(labels[known]), kind="stable")]
    return tuple(sorted(int(row) for row in known[: config.n_start]))


def _turns(labels: IntArray) -> IntArray:
    """How often each label came before, (n,): in this order classes take turns."""
    turns = np.empty(labels.size, dtype=np.int64)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        turns[rows] = np.arange(rows.size)
    return turns
