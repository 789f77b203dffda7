"""Points of the plane in known shapes, in a square of half-width 1 and a little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["HALF_WIDTH", "SHAPES", "Shape", "class_counts", "split_evenly"]

HALF_WIDTH = 1.4
"""Points lie within this distance of 0 in both coordinates."""

Points = NDArray[np.float64]
Draw = Callable[[int, int, np.random.Generator], Points]


@dataclass(frozen=True)
class Shape:
    """A kind of data.

    Attributes:
        title: For people.
        n_classes: Known classes.
        summary: What is to be seen in it.
        draw: `draw(class_index, n, rng)` gives n noiseless points, (n, 2).
        cloud: The same for unknown points, without the class.
        noise: Default standard deviation of the noise, in percent of the half-width 1.
        ratio: Default size of the largest class over that of the smallest.
        ood: Default share of unknown points, in percent.
    """

    title: str
    n_classes: int
    summary: str
    draw: Draw
    cloud: Callable[[int, np.random.Generator], Points]
    noise: int = 10
    ratio: int = 1
    ood: int = 0


def split_evenly(n: int, parts: int) -> list[int]:
    """N as a sum of `parts` whole numbers that differ by at most 1, larger ones first."""
    return [n // parts + (place < n % parts) for place in range(parts)]


def class_counts(n: int, n_classes: int, ratio: float) -> list[int]:
    """Sizes of the classes, largest first: an exponential tail that sums to n exactly.

    Args:
        n: Points in all.
        n_classes: Classes.
        ratio: Largest over smallest, at least 1, before rounding by largest remainders.

    Returns:
        Whole numbers; at least 1 each if n allows it.
    """
    steps = np.arange(n_classes) / max(n_classes - 1, 1)
    shares = ratio**-steps
    wanted = n * shares / shares.sum()
    counts = np.maximum(np.floor(wanted).astype(int), min(1, n // n_classes))
    by_remainder = np.argsort(-(wanted - np.floor(wanted)), kind="stable")
    for place in by_remainder[: max(n - int(counts.sum()), 0)]:
        counts[place] += 1
    while counts.sum() > n:  # the smallest classes were raised to 1
        counts[int(counts.argmax())] -= 1
    return [int(count) for count in counts]


def _around(
    centers: list[tuple[float, float]], n: int, spread: float, rng: np.random.Generator
) -> Points:
    parts = split_evenly(n, len(centers))
    places = np.repeat(np.array(centers, dtype=np.float64), parts, axis=0)
    return places + rng.normal(scale=spread, size=(n, 2))


def _background(n: int, rng: np.random.Generator) -> Points:
    return rng.uniform(-1.1, 1.1, size=(n, 2))


def _moons(label: int, n: int, rng: np.random.Generator) -> Points:
    angle = rng.uniform(0, np.pi, size=n)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    moon = upper if label == 0 else np.stack([1 - upper[:, 0], 0.5 - upper[:, 1]], axis=1)
    centered: Points = (moon - (0.5, 0.25)) / 1.5
    return centered


def _circles(label: int, n: int, rng: np.random.Generator) -> Points:
    angle = rng.uniform(0, 2 * np.pi, size=n)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.asarray((0.9 if label == 0 else 0.4) * ring)


def _blobs(label: int, n: int, rng: np.random.Generator) -> Points:
    corners = [(-0.6, 0.6), (0.6, 0.6), (0.6, -0.6), (-0.6, -0.6)]
    return _around([corners[label]], n, 0.18, rng)


def _xor(label: int, n: int, rng: np.random.Generator) -> Points:
    within = rng.uniform(0.06, 1.0, size=(n, 2))
    sign = np.where(np.arange(n) % 2, -1.0, 1.0)
    corners: Points = within * np.stack([sign, sign if label == 0 else -sign], axis=1)
    return corners


def _spirals(label: int, n: int, rng: np.random.Generator) -> Points:
    t = np.sqrt(rng.uniform(0.02, 1.0, size=n))  # even along the arm
    angle = 3 * np.pi * t + (np.pi if label else 0.0)
    arm: Points = t[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return arm


def _honeypot(label: int, n: int, rng: np.random.Generator) -> Points:
    n_pot = round(0.4 * n)
    centers = [(-1.0 + 0.4 * place, -0.75) for place in range(6) if place % 2 == label]
    clean = _around(centers, n - n_pot, 0.05, rng)
    pot = rng.normal((0.0, 0.55), (0.45, 0.16), size=(n_pot, 2))
    return np.concatenate([clean, pot])


def _sine(label: int, n: int, rng: np.random.Generator) -> Points:
    along = rng.uniform(0, 1, size=n)
    middle = 0.45 * np.sin(4 * np.pi * along) * (1 - 0.6 * along)
    gap = 0.03 + 0.45 * along
    height = middle + (gap if label == 0 else -gap) + rng.normal(scale=0.02, size=n)
    return np.stack([2 * along - 1, height], axis=1)


def _ring(label: int, n: int, rng: np.random.Generator) -> Points:
    angle = label * np.pi / 3
    return _around([(0.85 * np.cos(angle), 0.85 * np.sin(angle))], n, 0.13, rng)


def _pairs(label: int, n: int, rng: np.random.Generator) -> Points:
    # Every class twice, on opposite sides: the second place is there to be found.
    angles = (np.pi / 2 + label * np.pi / 3, np.pi / 2 + label * np.pi / 3 + np.pi)
    centers = [(0.9 * np.cos(angle), 0.9 * np.sin(angle)) for angle in angles]
    return _around(centers, n, 0.14, rng)


def _between(n: int, rng: np.random.Generator) -> Points:
    return rng.normal(scale=0.17, size=(n, 2))


SHAPES = {
    "moons": Shape("Moons", 2, "Two half circles that reach into each other.", _moons, _background),
    "circles": Shape(
        "Circles", 2, "A ring around a ring: no straight line helps.", _circles, _background
    ),
    "blobs": Shape(
        "Four blobs", 4, "Four round classes, one in each corner.", _blobs, _background, noise=5
    ),
    "xor": Shape("XOR", 2, "Opposite corners belong together.", _xor, _background, noise=4),
    "spirals": Shape(
        "Spirals", 2, "Two arms; every label helps only nearby.", _spirals, _background, noise=3
    ),
    "honeypot": Shape(
        "Honeypot",
        2,
        "Six clean groups, and a cloud whose labels are coin flips: doubt there stays.",
        _honeypot,
        _background,
        noise=3,
    ),
    "sine": Shape(
        "Diverging sine",
        2,
        "Two waves, close and quick on the left, far apart on the right.",
        _sine,
        _background,
        noise=4,
    ),
    "long_tail": Shape(
        "Long-tail blobs",
        6,
        "Six groups on a ring, each smaller than the one before.",
        _ring,
        _background,
        noise=5,
        ratio=20,
    ),
    "unknown": Shape(
        "Blobs with an unknown cloud",
        3,
        "Three classes in two places each; labels of the points between them teach nothing.",
        _pairs,
        _between,
        noise=5,
        ood=40,
    ),
}
"""By the name in addresses. Points that people draw themselves are in `drawing`."""
