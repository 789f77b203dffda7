"""How little a sample must be mixed with what is known before its predicted label flips."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._checks import require_matrix
from alscope.errors import ShapeError
from alscope.progress import report
from alscope.types import IntArray

__all__ = ["class_anchors", "flip_thresholds"]

_BLOCK_CELLS = 1 << 18  # float64 temporaries of a block of rows stay near the processor's cache
# A slope below this share of the longest weight row is rounding: the margin does not move.
_NOISE = 1e-12

_Matrix = NDArray[np.float64]


def class_anchors(
    embeddings: NDArray[np.floating], labels: IntArray, *, n_classes: int
) -> NDArray[np.float64]:
    """Mean embedding of each class; a class without a label gets the mean of all.

    Args:
        embeddings: Labeled embeddings, (n_labeled, n_features), finite, at least one.
        labels: (n_labeled,), in 0..n_classes-1.
        n_classes: Known classes.

    Returns:
        Anchors, (n_classes, n_features).

    Raises:
        ShapeError: If there is no labeled sample, or embeddings and labels do not fit.
    """
    require_matrix("labeled embeddings", embeddings)
    if not len(embeddings) or labels.shape != embeddings.shape[:1]:
        raise ShapeError(
            f"there are {len(embeddings)} labeled embeddings and labels of the shape "
            f"{labels.shape}; give one label per embedding, and at least one of each"
        )
    values = embeddings.astype(np.float64)
    anchors = np.repeat(values.mean(axis=0)[None], n_classes, axis=0)
    for label in np.unique(labels):
        anchors[label] = values[labels == label].mean(axis=0)
    return anchors


def flip_thresholds(
    logits: NDArray[np.floating],
    embeddings: NDArray[np.floating],
    weight: NDArray[np.floating],
    anchors: NDArray[np.floating],
) -> NDArray[np.float64]:
    """Smallest mixing cap at which a sample's predicted label flips.

    Mixing embedding h with anchor a gives (1 - alpha) h + alpha a, coordinate by coordinate. The
    alpha that raises the loss at the predicted label y most, to first order and at the length
    eps |a - h|, is eps |a - h| / |g| * g / (a - h), with g the gradient of that loss with respect
    to h and eps = cap / sqrt(n_features). The mixture is then h + eps |a - h| g / |g|: the anchor
    matters by its distance only, all margins are linear in the cap, and the label flips for every
    cap above one threshold. A coordinate in which h equals the anchor, as where a ReLU is silent in
    both, cannot move and is left out of the step for that anchor.

    Args:
        logits: (n, n_classes), finite, of the linear layer at the embeddings.
        embeddings: (n, n_features), finite.
        weight: Weights of the linear layer, (n_classes, n_features), finite.
        anchors: (n_anchors, n_features), finite.

    Returns:
        Thresholds, (n,), >= 0; infinite if no cap flips the label. A sample is a candidate at a cap
        if its threshold is smaller than the cap.

    Raises:
        ShapeError: If an array is no finite matrix (the message names the first row) or the shapes
            do not fit.

    References:
        Parvaneh et al. 2022, arXiv:2203.07034; the threshold follows from its closed form of alpha.
    """
    _require_fit(logits, embeddings, weight, anchors)
    n, n_features = embeddings.shape
    thresholds = np.full(n, np.inf)
    if len(weight) < 2 or not len(anchors):
        return thresholds
    layer, points = weight.astype(np.float64), anchors.astype(np.float64)
    targets = _meetable(points, embeddings.dtype)
    step = max(1, _BLOCK_CELLS // max(n_features, len(weight)))
    for start in range(0, n, step):
        rows = slice(start, start + step)
        report(start, n)
        thresholds[rows] = _block(
            logits[rows].astype(np.float64), embeddings[rows], layer, points, targets
        )
    thresholds *= math.sqrt(n_features)
    return thresholds


def _require_fit(
    logits: NDArray[np.floating],
    embeddings: NDArray[np.floating],
    weight: NDArray[np.floating],
    anchors: NDArray[np.floating],
) -> None:
    require_matrix("logits", logits)
    require_matrix("embeddings", embeddings)
    require_matrix("head weights", weight)
    require_matrix("anchors", anchors)
    n_features = embeddings.shape[1]
    fits = (
        len(logits) == len(embeddings)
        and weight.shape == (logits.shape[1], n_features)
        and anchors.shape[1] == n_features
    )
    if not fits:
        raise ShapeError(
            f"logits {logits.shape}, embeddings {embeddings.shape}, head weights {weight.shape} "
            f"and anchors {anchors.shape} do not fit; take all of them from one model"
        )


def _meetable(anchors: _Matrix, dtype: np.dtype[np.floating]) -> NDArray[np.floating]:
    # The anchors in the precision of the embeddings, NaN where it does not hold their value: no
    # embedding can equal that. Of means over several samples hardly any but 0 are left.
    rounded = anchors.astype(dtype)
    rounded[rounded != anchors] = np.nan
    return rounded


def _block(
    logits: _Matrix,
    embeddings: NDArray[np.floating],
    weight: _Matrix,
    anchors: _Matrix,
    targets: NDArray[np.floating],
) -> _Matrix:
    # min over anchors of (step length to the flip) / (distance to the anchor), (n,).
    top = logits.argmax(axis=1)
    margins = logits[np.arange(len(top)), top][:, None] - logits
    direction = _directions(logits, top, weight)
    slopes = direction @ weight.T  # (n, n_classes)
    noise = _NOISE * np.linalg.norm(weight, axis=1).max()
    free = _reach(margins, slopes, top, noise)
    distances = _distances(embeddings.astype(np.float64), anchors)
    ratios = np.full(len(top), np.inf)
    still = np.zeros(embeddings.shape, dtype=np.bool_)
    reachable = ~np.isnan(targets).all(axis=1)
    for target, met, distance in zip(targets, reachable, distances.T, strict=True):
        reach = free
        if met and np.count_nonzero(np.equal(embeddings, target, out=still)):
            hit = np.flatnonzero(still.any(axis=1))
            columns = np.flatnonzero(still.any(axis=0))
            held = direction[np.ix_(hit, columns)] * still[np.ix_(hit, columns)]
            moved = slopes[hit] - held @ weight[:, columns].T
            reach = free.copy()
            reach[hit] = _reach(margins[hit], moved, top[hit], noise)
            reach[still.all(axis=1)] = np.inf
        apart = distance > 0
        np.minimum(ratios, reach / np.where(apart, distance, 1.0), out=ratios, where=apart)
    return ratios


def _directions(logits: _Matrix, top: IntArray, weight: _Matrix) -> _Matrix:
    # g / |g|, or 0 where g is 0. The gradient (p - onehot(top)) @ weight is (1 - p_top) times
    # (q - onehot(top)) @ weight, q the softmax of the other classes: its direction is exact even
    # where p_top rounds to 1.
    rows = np.arange(len(top))
    others = logits.copy()
    others[rows, top] = -np.inf
    q = np.exp(others - others.max(axis=1, keepdims=True))
    gradient = (q / q.sum(axis=1, keepdims=True)) @ weight - weight[top]
    length = np.linalg.norm(gradient, axis=1)
    length[length <= _NOISE * np.linalg.norm(weight, axis=1).max()] = np.inf
    direction: _Matrix = gradient / length[:, None]
    return direction


def _reach(margins: _Matrix, slopes: _Matrix, top: IntArray, noise: float) -> _Matrix:
    # Length of the step at which the first class overtakes the predicted one; inf if none does.
    relative = slopes - slopes[np.arange(len(top)), top][:, None]
    steps = np.full(margins.shape, np.inf)
    np.divide(margins, relative, out=steps, where=relative > noise)
    reach: _Matrix = steps.min(axis=1)
    return reach


def _distances(embeddings: _Matrix, anchors: _Matrix) -> _Matrix:
    # Euclidean, (n, n_anchors), by one product; centred, so that a common offset cannot cancel.
    centre = anchors.mean(axis=0)
    rows, points = embeddings - centre, anchors - centre
    squared = (
        np.einsum("nd,nd->n", rows, rows)[:, None]
        + np.einsum("cd,cd->c", points, points)
        - 2 * (rows @ points.T)
    )
    distances: _Matrix = np.sqrt(np.maximum(squared, 0.0))
    return distances
