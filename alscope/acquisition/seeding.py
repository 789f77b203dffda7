"""k-means++ seeding: of points, and of last-layer gradients without forming them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.accelerator import Held, held
from alscope.acquisition._checks import require_matrix
from alscope.acquisition._gradients import Gradients, gradients_of
from alscope.acquisition.ranking import by_key, first_of
from alscope.errors import ShapeError
from alscope.progress import report
from alscope.types import IntArray

__all__ = ["Seeds", "gradient_seeding", "point_seeding"]

_FACTORED_WORK = 2e9  # multiplications up to which one matrix-vector product per pick is faster
_PICKS_PER_FLUSH = 64
_MISSES_PER_FLUSH = 256
_ROW_CHUNK = 1024  # rows whose products with a few picks stay in the cache


class Seeds(NamedTuple):
    """What the seeding chose, and how."""

    positions: IntArray
    """Distinct positions in the order chosen, (n_query,)."""
    diagnostics: dict[str, Any]
    """`algorithm` ("factored" or "rejection"), `n_by_key` (choices made by key because every
    remaining gradient coincides with a chosen one), and for rejection `n_proposals`, `n_passes`."""


def gradient_seeding(
    logits: NDArray[np.floating],
    embeddings: NDArray[np.floating],
    n_query: int,
    *,
    keys: NDArray[np.uint64],
    rng: np.random.Generator,
) -> Seeds:
    """Seed k-means++ on hallucinated last-layer gradients.

    The gradient of the cross-entropy at the predicted label with respect to the weights of the
    last layer is the outer product of (probabilities - one-hot prediction) and embedding. The first
    choice has the longest gradient (ties by key); each further one is drawn with probability
    proportional to its squared distance to the nearest choice. When all that is left coincides with
    a choice, the rest is taken by key.

    Two algorithms draw from the same law. "factored" keeps every distance up to date and draws by
    inverse CDF in position order; "rejection" proposes from distances that are allowed to be stale
    and accepts with the ratio of the true to the stale one, so that distances are updated by matrix
    products for many choices at once. Rejection is used from n_query * n * (n_classes + n_features)
    = 2e9; the two use the random numbers differently, hence the choice is reported.

    Args:
        logits: (n, n_classes), finite.
        embeddings: Input of the last layer, (n, n_features), finite.
        n_query: How many; 0 or less gives none, n or more gives all.
        keys: Keys that break ties, (n,).
        rng: Source of the draws.

    Raises:
        ShapeError: If an array is no finite matrix (the message names the first row) or the
            numbers of rows differ.

    References:
        Ash et al. 2020, arXiv:1906.03671, alg. 1; Arthur and Vassilvitskii 2007 (SODA); factored
        distances: Zhang et al. 2023, arXiv:2306.09910, app. D.

    Deviations:
        Squared distances below 32 machine epsilons of the squared norm count as 0, so that
        duplicates of a choice are never drawn. Rejection computes distances in float32, those of
        all samples on the device if one is offered (`alscope.accelerator`).
    """
    require_matrix("logits", logits)
    require_matrix("embeddings", embeddings)
    if not len(logits) == len(embeddings) == keys.size:
        raise ShapeError(
            f"there are {len(logits)} rows of logits, {len(embeddings)} of embeddings and "
            f"{keys.size} keys; give one each per sample"
        )
    n_query = max(0, min(n_query, len(logits)))
    work = n_query * (logits.size + embeddings.size)
    if work < _FACTORED_WORK:
        gradients = gradients_of(logits, embeddings, np.float64)
        return _factored(gradients, n_query, keys, rng.random(n_query))
    gradients = gradients_of(logits, embeddings, np.float32)
    longest = [first_of(gradients.squared, keys=keys)] if gradients.squared.max() > 0 else []
    return _rejection(gradients, longest, n_query, keys, rng)


def point_seeding(
    points: NDArray[np.floating], k: int, *, keys: NDArray[np.uint64], rng: np.random.Generator
) -> Seeds:
    """Seed k-means++ on points: the first uniformly, the others by squared distance.

    Drawn by rejection, see `gradient_seeding`; when all that is left coincides with a choice, the
    rest is taken by key.

    Args:
        points: (n, n_features), finite.
        k: How many; 0 or less gives none, n or more gives all.
        keys: Keys that break ties, (n,).
        rng: Source of the draws.

    Raises:
        ShapeError: If points are no finite matrix; the message names the first row.

    References:
        Arthur and Vassilvitskii 2007 (SODA).

    Deviations:
        Distances are computed in float32; those below 4e-6 of the squared length count as 0.
    """
    require_matrix("points", points)
    k = max(0, min(k, len(points)))
    # Points are gradients with one class, centred because only differences matter here.
    feature = _centred(points)
    line = Gradients(
        residual=np.ones((len(points), 1), dtype=np.float32),
        feature=feature,
        squared=np.einsum("nd,nd->n", feature, feature),
    )
    first = [int(rng.integers(len(points)))] if k else []
    return _rejection(line, first, k, keys, rng)


def _centred(points: NDArray[np.floating]) -> NDArray[np.float32]:
    # Around their mean and within [-1, 1], one block at a time.
    found = np.empty(points.shape, dtype=np.float32)
    mean = points.mean(axis=0, dtype=np.float64) if len(points) else 0.0
    parts = [slice(start, start + _ROW_CHUNK) for start in range(0, len(points), _ROW_CHUNK)]
    largest = [float(np.abs(points[part] - mean).max(initial=0.0)) for part in parts]
    scale = max([*largest, 1e-300])
    for part in parts:
        found[part] = (points[part] - mean) / scale
    return found


def _factored(
    gradients: Gradients, k: int, keys: NDArray[np.uint64], uniforms: NDArray[np.float64]
) -> Seeds:
    # Entry i of uniforms makes the i-th choice; the first is spent on the first, which needs none.
    weights = gradients.squared.astype(np.float64)
    noise = gradients.noise()
    picks: list[int] = []
    while len(picks) < k and weights.max() > 0:
        first = not picks
        pick = (
            first_of(weights, keys=keys)
            if first
            else _locate(np.cumsum(weights), uniforms[len(picks)])
        )
        picks.append(pick)
        distances = gradients.nearest(gradients.chosen(np.array([pick]))).astype(np.float64)
        distances[distances < noise] = 0.0
        weights = distances if first else np.minimum(weights, distances)
        weights[pick] = 0.0
    return _seeds(picks, k, keys, {"algorithm": "factored"})


def _locate(cumulated: NDArray[np.float64], uniform: float) -> int:
    # Inverse CDF: the first position whose cumulated weight exceeds the threshold. The threshold
    # can round up to the total; then it is the last position that carries weight.
    position = int(np.searchsorted(cumulated, uniform * cumulated[-1], side="right"))
    if position == cumulated.size:
        position = int(np.searchsorted(cumulated, cumulated[-1], side="left"))
    return position


def _rejection(
    gradients: Gradients,
    first: list[int],
    k: int,
    keys: NDArray[np.uint64],
    rng: np.random.Generator,
) -> Seeds:
    picks = list(first)
    weights = np.full(len(keys), np.inf)
    on_device = held((gradients.feature, gradients.residual), gradients.squared)
    _lower(weights, gradients, picks, on_device)
    n_proposals, n_passes = 0, 1
    while 0 < len(picks) < k and weights.max() > 0:
        found, tried = _propose(gradients, weights, k - len(picks), rng)
        picks += found
        report(len(picks), k)
        n_proposals += tried
        if len(picks) < k:
            _lower(weights, gradients, found, on_device)
            n_passes += 1
    facts = {"algorithm": "rejection", "n_proposals": n_proposals, "n_passes": n_passes}
    return _seeds(picks, k, keys, facts)


def _propose(
    gradients: Gradients, weights: NDArray[np.float64], k: int, rng: np.random.Generator
) -> tuple[list[int], int]:
    # Up to k choices and the number of proposals. A proposal from the stale weight d is kept with
    # probability t / d, t <= d the true weight: what is kept follows t.
    cumulated = np.cumsum(weights)
    noise = gradients.noise()
    limit = min(k, _PICKS_PER_FLUSH)
    chosen = gradients.chosen(np.zeros(limit, dtype=np.int64))  # room for them
    found: list[int] = []
    misses = 0
    while len(found) < limit and misses < _MISSES_PER_FLUSH:
        place, chance = rng.random(2)
        row = _locate(cumulated, place)
        # Distances to earlier choices are in the weight; if the nearest of these is nearer, it is
        # the true one, and otherwise the proposal is kept for certain.
        nearest = np.inf
        if found:
            earlier = chosen.first(len(found))
            nearest = float(gradients.nearest(earlier, slice(row, row + 1))[0])
        if nearest >= noise[row] and chance * weights[row] < nearest and row not in found:
            chosen.put(len(found), gradients.chosen(np.array([row])))
            found.append(row)
        else:
            misses += 1
    return found, len(found) + misses


def _lower(
    weights: NDArray[np.float64], gradients: Gradients, picks: list[int], on_device: Held | None
) -> None:
    # weights <- min(weights, squared distance to each pick), in place, in bounded memory.
    if not picks:
        return
    columns = np.array(picks)
    for rows, least in _least(gradients, columns, on_device):
        least[least < gradients.noise(rows)] = 0.0
        np.minimum(weights[rows], least, out=weights[rows])
    weights[columns] = 0.0


def _least(
    gradients: Gradients, picks: IntArray, on_device: Held | None
) -> Iterator[tuple[slice, NDArray[np.floating]]]:
    # Squared distances to the nearest of some picks, all at once or in blocks.
    if on_device is not None:
        parts = (gradients.feature[picks], gradients.residual[picks])
        yield slice(None), on_device.nearest(parts, gradients.squared[picks])[1]
        return
    chosen = gradients.chosen(picks)
    for start in range(0, len(gradients.squared), _ROW_CHUNK):
        rows = slice(start, start + _ROW_CHUNK)
        yield rows, gradients.nearest(chosen, rows)


def _seeds(picks: list[int], k: int, keys: NDArray[np.uint64], facts: dict[str, Any]) -> Seeds:
    n_by_key = k - len(picks)
    if n_by_key:
        free = np.setdiff1d(np.arange(keys.size), picks)
        picks = picks + free[by_key(keys[free], n_by_key)].tolist()
    return Seeds(np.array(picks, dtype=np.int64), {**facts, "n_by_key": n_by_key})
