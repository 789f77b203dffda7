"""Samples that resemble the labeled classes, yet differ from the labeled samples of their class."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._checks import require_finite
from alscope.acquisition.ranking import top_k
from alscope.errors import ShapeError
from alscope.types import IntArray

__all__ = [
    "Contrast",
    "Nearest",
    "QuotaFill",
    "contrast",
    "fill_quotas",
    "joint_scores",
    "nearest_anchors",
    "own_closeness",
]

_BLOCK = 2**22  # cosines, or values of projections, held at once
# Cosines are rounded to this grid, so that equal samples have equal cosines in whatever block of a
# matrix product they stand. It is finer than what the inputs, float32, can tell apart.
_GRID = 2.0**30

_Points = NDArray[np.floating]
_Vector = NDArray[np.float64]


class Nearest(NamedTuple):
    """The most similar anchor of each point."""

    cosines: _Vector
    """Cosine similarity to it, (n,)."""
    classes: IntArray
    """Its class, (n,)."""


class Contrast(NamedTuple):
    """How a pool lies relative to the labeled samples."""

    similarity: _Vector
    """To the nearest labeled sample, scaled to [0, 1] over the pool, (n,)."""
    classes: IntArray
    """Class of that sample, (n,)."""
    closeness: _Vector
    """To the labeled samples of that class, scaled to [0, 1] over the pool, (n,)."""


class QuotaFill(NamedTuple):
    """A batch filled class by class."""

    positions: IntArray
    """(min(k, n),), distinct: quotas class by class, best first, then what filled the rest."""
    n_refilled: int
    """How many filled the rest."""


def contrast(
    semantic: _Points,
    distinctive: _Points,
    semantic_anchors: _Points,
    distinctive_anchors: _Points,
    labels: IntArray,
) -> Contrast:
    """Similarity to the labeled set and closeness to the own class, each scaled over the pool.

    Scaling is x -> (x - min) / (max - min), and 0 if all are equal; closeness is scaled per class,
    over all points and not only those of the class.

    Args:
        semantic: Projections of the pool, (n, d).
        distinctive: Projections of the pool, one per shift, (n, n_shifts, e).
        semantic_anchors: Of the labeled set, (m, d), m >= 1.
        distinctive_anchors: Of the labeled set, (m, n_shifts, e).
        labels: Classes of the labeled set, (m,).

    Raises:
        ShapeError: If shapes do not fit, or a value is not finite; the message names the row.

    References:
        Du, Zhao, Chen, Chai, Chen and Li 2021 (ICCV), pp. 8927-8936.
    """
    nearest = nearest_anchors(semantic, semantic_anchors, labels)
    closeness = own_closeness(distinctive, distinctive_anchors, labels, nearest.classes)
    lowest, highest = nearest.cosines.min(initial=1.0), nearest.cosines.max(initial=-1.0)
    similarity = _scaled(nearest.cosines, np.array(lowest), np.array(highest))
    return Contrast(similarity, nearest.classes, closeness)


def nearest_anchors(points: _Points, anchors: _Points, labels: IntArray) -> Nearest:
    """The anchor with the largest cosine similarity; among equal ones, the one of the first class.

    O(n * m * d) time; memory beyond the inputs does not grow with n.

    Args:
        points: (n, d).
        anchors: (m, d), m >= 1.
        labels: Classes of the anchors, (m,).

    Raises:
        ShapeError: If shapes do not fit, or a value is not finite; the message names the row.
    """
    order = np.argsort(labels, kind="stable")
    rows, others = points[:, None], anchors[:, None]
    _require_fit("semantic", rows, others, labels)
    cosines = np.empty(len(points))
    classes = np.empty(len(points), dtype=np.int64)
    for part, block in _blocks(rows, _normalized(others[order])):
        best = block[0].argmax(axis=1)
        cosines[part] = block[0, np.arange(len(best)), best]
        classes[part] = labels[order][best]
    return Nearest(cosines, classes)


def own_closeness(
    points: _Points, anchors: _Points, labels: IntArray, classes: IntArray
) -> _Vector:
    """How close each point is to the anchors of its class, among all points, (n,), in [0, 1].

    With v1 >= v2 the cosines to the two nearest anchors of a class, and g the cosine between these
    two, closeness to the class is the mean of 2 v1 - v2 + g over shifts, scaled by its smallest and
    largest value over all points. A class with one anchor has v1 only. O(n * m * n_shifts * d)
    time; memory beyond the inputs does not grow with n.

    Args:
        points: (n, n_shifts, d).
        anchors: (m, n_shifts, d).
        labels: Classes of the anchors, (m,).
        classes: Classes of the points, (n,), each the class of an anchor.

    Raises:
        ShapeError: If shapes do not fit, or a value is not finite; the message names the row.
    """
    _require_fit("distinctive", points, anchors, labels)
    order = np.argsort(labels, kind="stable")
    present, starts = np.unique(labels[order], return_index=True)
    unit = _normalized(anchors[order])
    groups = [slice(*ends) for ends in pairwise([*starts, len(order)])]
    between = [_rounded(_by_shift(unit[group]) @ _by_anchor(unit[group])) for group in groups]
    own = np.empty(len(points))
    lowest, highest = np.full(present.size, np.inf), np.full(present.size, -np.inf)
    columns = np.searchsorted(present, classes)
    for part, block in _blocks(points, unit):
        closeness = np.stack(
            [
                _closeness(block[:, :, group], pairs)
                for group, pairs in zip(groups, between, strict=True)
            ]
        )  # (n_present, rows)
        own[part] = closeness[columns[part], np.arange(closeness.shape[1])]
        lowest = np.minimum(lowest, closeness.min(axis=1))
        highest = np.maximum(highest, closeness.max(axis=1))
    return _scaled(own, lowest[columns], highest[columns])


def joint_scores(
    similarity: _Vector, closeness: _Vector, *, sharpness: float, threshold: float
) -> _Vector:
    """Scores tanh(sharpness * (similarity - threshold) / 2) + 1 - closeness, (n,), in [-1, 2].

    The first term is close to a step for the sharpness of the paper: what is more similar than the
    threshold comes first, and among it what is least close.

    Args:
        similarity: (n,), in [0, 1].
        closeness: (n,), in [0, 1].
        sharpness: Steepness of the step.
        threshold: Where the step is.
    """
    # Equal to (1 - exp(-x)) / (1 + exp(-x)) at x = sharpness * ..., without its overflow.
    gate: _Vector = np.tanh(sharpness * (similarity - threshold) / 2)
    return gate + 1 - closeness


def fill_quotas(
    scores: _Vector,
    classes: IntArray,
    k: int,
    *,
    n_classes: int,
    eligible: NDArray[np.bool_],
    fallback: _Vector,
    keys: NDArray[np.uint64],
) -> QuotaFill:
    """Take the best of every class, k // n_classes each and one more of the first k % n_classes.

    What a class cannot fill goes to the best that are left, whatever their class: first to eligible
    points by score, then to the others by fallback. Equal values are ordered by key.

    Args:
        scores: (n,).
        classes: (n,), in 0..n_classes-1.
        k: How many; 0 or less gives none, n or more gives all.
        n_classes: Classes.
        eligible: Whom the quotas may take, (n,).
        fallback: Ranks those who are not eligible, (n,).
        keys: Keys that break ties, (n,).
    """
    k = max(0, min(k, len(scores)))
    chosen: list[IntArray] = []
    for one in range(n_classes):
        quota = k // n_classes + (one < k % n_classes)
        chosen.append(_best(scores, quota, eligible & (classes == one), keys))
    left = np.ones(len(scores), dtype=np.bool_)
    left[np.concatenate(chosen)] = False
    n_refilled = int(k - (~left).sum())
    chosen.append(_best(scores, n_refilled, left & eligible, keys))
    chosen.append(_best(fallback, n_refilled - chosen[-1].size, left & ~eligible, keys))
    return QuotaFill(np.concatenate(chosen), n_refilled)


def _best(values: _Vector, k: int, among: NDArray[np.bool_], keys: NDArray[np.uint64]) -> IntArray:
    members = np.flatnonzero(among)
    return members[top_k(values[members], k, keys=keys[members])]


def _closeness(cosines: _Vector, between: _Vector) -> _Vector:
    # cosines: (n_shifts, rows, anchors of a class), changed; between: (n_shifts, anchors, anchors).
    first = cosines.argmax(axis=2)
    largest = np.take_along_axis(cosines, first[..., None], axis=2)[..., 0]
    if cosines.shape[2] == 1:
        return _over_shifts(largest)
    np.put_along_axis(cosines, first[..., None], -np.inf, axis=2)
    second = cosines.argmax(axis=2)
    runner_up = np.take_along_axis(cosines, second[..., None], axis=2)[..., 0]
    pairs = between[np.arange(len(between))[:, None], first, second]
    return _over_shifts(2 * largest - runner_up + pairs)


def _over_shifts(values: _Vector) -> _Vector:
    # The sum is scaled to what the mean would be. Added shift by shift, in one order for all rows.
    total: _Vector = values[0].copy()
    for one in values[1:]:
        total += one
    return total


def _blocks(points: _Points, unit: _Vector) -> Iterator[tuple[slice, _Vector]]:
    # Cosines of some points to all anchors, (n_shifts, rows, m), block by block.
    by_anchor = _by_anchor(unit)
    n_anchors, n_shifts, width = unit.shape
    size = max(1, _BLOCK // max(1, n_shifts * max(n_anchors, width)))
    for start in range(0, len(points), size):
        part = slice(start, start + size)
        yield part, _rounded(_by_shift(_normalized(points[part])) @ by_anchor)


def _by_shift(unit: _Vector) -> _Vector:
    return unit.swapaxes(0, 1)  # (n_shifts, n, d)


def _by_anchor(unit: _Vector) -> _Vector:
    return np.ascontiguousarray(unit.transpose(1, 2, 0))  # (n_shifts, d, n)


def _rounded(cosines: _Vector) -> _Vector:
    cosines *= _GRID
    np.rint(cosines, out=cosines)
    cosines /= _GRID
    return cosines


def _normalized(points: _Points) -> _Vector:
    # A vector of length 0 stays: it is similar to nothing.
    wide = points.astype(np.float64)
    lengths = np.sqrt(np.einsum("nsd,nsd->ns", wide, wide))[..., None]
    np.divide(wide, lengths, out=wide, where=lengths > 0)
    return wide


def _scaled(values: _Vector, lowest: _Vector, highest: _Vector) -> _Vector:
    spread = np.broadcast_to(highest - lowest, values.shape)
    return np.divide(values - lowest, spread, out=np.zeros_like(values), where=spread > 0)


def _require_fit(name: str, points: _Points, anchors: _Points, labels: IntArray) -> None:
    require_finite(f"{name} projections of the pool", points)
    require_finite(f"{name} projections of the labeled set", anchors)
    if points.ndim != 3 or anchors.ndim != 3 or points.shape[1:] != anchors.shape[1:]:
        raise ShapeError(
            f"{name} projections of the pool have the shape {points.shape}, those of the labeled "
            f"set {anchors.shape}; take both from one encoder"
        )
    if not labels.size or labels.shape != anchors.shape[:1]:
        raise ShapeError(
            f"there are {len(anchors)} {name} projections of the labeled set but {labels.size} "
            "labels; give as many, and at least one"
        )
