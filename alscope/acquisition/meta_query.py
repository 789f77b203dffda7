"""Weighing purity against informativeness by a small monotone network that learns from answers.

Every sample has two meta-inputs, (n, 2): how informative it seems, and how much it resembles what
is labeled. The network maps them to a score that never falls when one of them rises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from alscope.acquisition._checks import require_finite, require_matrix
from alscope.acquisition.pairs import pair_loss
from alscope.errors import ShapeError

__all__ = [
    "META_INPUTS",
    "QueryNet",
    "cdf_ranks",
    "exp_z",
    "fit_net",
    "fresh_net",
    "max_cosine",
    "net_gradients",
    "rank_correlation",
]

_BLOCK_CELLS = 1 << 21  # float64 cells of a temporary, 16 MB
_DECIMALS = 12
_MIN_STD, _MAX_Z = 1e-8, 5.0
_BETAS, _EPSILON = (0.9, 0.999), 1e-8

_Vector = NDArray[np.float64]
_Matrix = NDArray[np.float64]


def max_cosine(points: NDArray[np.floating], labeled: NDArray[np.floating]) -> _Vector:
    """Cosine of every point to the labeled sample that is most like it.

    A row of zeros has the cosine 0 to everything. Computed in float64 block by block; time
    O(n * n_labeled * n_features).

    Args:
        points: (n, n_features), finite.
        labeled: (n_labeled, n_features), finite, at least one row.

    Returns:
        (n,), within [-1, 1].

    Raises:
        ShapeError: If an array is no finite matrix (the message names the first row), the widths
            differ, or nothing is labeled.
    """
    require_matrix("projections", points)
    require_matrix("labeled projections", labeled)
    if len(labeled) == 0 or labeled.shape[1] != points.shape[1]:
        raise ShapeError(
            f"projections have the shape {points.shape} and labeled ones {labeled.shape}; "
            "give at least one labeled row, and rows of one width"
        )
    directions = _directions(labeled).T
    step = max(1, _BLOCK_CELLS // max(labeled.shape))
    highest = np.empty(len(points))
    for start in range(0, len(points), step):
        block = _directions(points[start : start + step]) @ directions  # (step, n_labeled)
        highest[start : start + step] = block.max(axis=1)
    # Products of equal rows differ in their last bits; keys decide between them, not rounding.
    return np.clip(np.round(highest, _DECIMALS), -1.0, 1.0)


def exp_z(values: _Vector) -> _Vector:
    """exp((value - mean) / std) over the pool, with the exponent held within [-5, 5].

    Args:
        values: One measure of every sample of the pool, (n,), finite.

    Returns:
        (n,), within [exp(-5), exp(5)]; all about 1 if the values are equal.

    Raises:
        ShapeError: Naming the first row that is not finite.

    References:
        Park et al. 2022, arXiv:2210.07805.
    """
    require_finite("scores", values)
    if not values.size:
        return np.empty(0)
    z = (values - values.mean()) / max(float(values.std()), _MIN_STD)
    result: _Vector = np.exp(np.clip(z, -_MAX_Z, _MAX_Z))
    return result


def cdf_ranks(values: _Vector) -> _Vector:
    """Share of the pool whose value is not higher.

    Args:
        values: One measure of every sample of the pool, (n,), finite.

    Returns:
        (n,), within (0, 1]; equal values have equal ranks.

    Raises:
        ShapeError: Naming the first row that is not finite.
    """
    require_finite("scores", values)
    not_higher: _Vector = np.searchsorted(np.sort(values), values, side="right") / values.size
    return not_higher


META_INPUTS: Mapping[str, Callable[[_Vector], _Vector]] = {"exp_z": exp_z, "rank": cdf_ranks}
"""Forms by name: a measure of the whole pool to one meta-input; none changes the order."""


def rank_correlation(first: _Vector, second: _Vector) -> float:
    """Spearman's rank correlation, with mean ranks for ties; 0 if one side is constant.

    Args:
        first: (n,).
        second: (n,).
    """
    ranks = [_mean_ranks(values) for values in (first, second)]
    centred = [values - values.mean() if values.size else values for values in ranks]
    scale = np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum())
    return float(centred[0] @ centred[1] / scale) if scale > 0 else 0.0


@dataclass(frozen=True, eq=False)
class QueryNet:
    """A network from two meta-inputs to a score, with weights that cannot be negative.

    score = softplus(raw_out) . sigmoid(softplus(raw_in)' x + bias). A sample that is at least as
    high in both inputs as another has at least its score, whatever the arrays hold. An output bias
    would change no order, so there is none.

    Attributes:
        raw_in: Weights of the hidden units before softplus, (2, n_hidden).
        bias: (n_hidden,), of any sign.
        raw_out: Weights of the output before softplus, (n_hidden,).
    """

    raw_in: _Matrix
    bias: _Vector
    raw_out: _Vector

    def scores(self, inputs: _Matrix) -> _Vector:
        """Scores of meta-inputs, (n, 2) -> (n,).

        Every row is computed by the same operations in the same order, so that equal rows have
        equal scores and rounding cannot invert an order either.
        """
        weights = _softplus(self.raw_out)
        step = max(1, _BLOCK_CELLS // weights.size)
        result = np.empty(len(inputs))
        for start in range(0, len(inputs), step):
            rows = inputs[start : start + step]
            result[start : start + step] = (self.hidden(rows) * weights).sum(axis=1)
        return result

    def hidden(self, inputs: _Matrix) -> _Matrix:
        """Hidden units of meta-inputs, (n, 2) -> (n, n_hidden)."""
        first, second = _softplus(self.raw_in)
        units: _Matrix = expit(inputs[:, :1] * first + inputs[:, 1:] * second + self.bias)
        return units


def fresh_net(n_hidden: int, rng: np.random.Generator) -> QueryNet:
    """An untrained network: weights near 0.31, and units that switch at different heights."""
    return QueryNet(
        raw_in=rng.normal(-1.0, 0.1, size=(2, n_hidden)),
        bias=rng.uniform(-4.0, 0.0, size=n_hidden),
        raw_out=rng.normal(-1.0, 0.1, size=n_hidden),
    )


def net_gradients(net: QueryNet, inputs: _Matrix, slopes: _Vector) -> QueryNet:
    """Derivatives of sum_i slopes_i * score_i by the arrays of the network.

    Args:
        net: The network.
        inputs: Meta-inputs, (n, 2).
        slopes: (n,).

    Returns:
        An array of derivatives in the place of each array.
    """
    hidden = net.hidden(inputs)  # (n, n_hidden)
    before = np.outer(slopes, _softplus(net.raw_out)) * hidden * (1 - hidden)
    return QueryNet(
        raw_in=inputs.T @ before * expit(net.raw_in),
        bias=before.sum(axis=0),
        raw_out=slopes @ hidden * expit(net.raw_out),
    )


def fit_net(
    net: QueryNet, inputs: _Matrix, targets: _Vector, *, margin: float, n_steps: int, lr: float
) -> QueryNet:
    """The network after full-batch steps of Adam on the ranking loss; `net` is left as it is.

    Args:
        net: Where to begin.
        inputs: Meta-inputs of answered samples, (n, 2), finite.
        targets: What the score should follow, (n,), finite.
        margin: Of the ranking loss.
        n_steps: Steps.
        lr: Learning rate.

    Raises:
        ShapeError: Naming the first row that is not finite.

    References:
        Kingma and Ba 2015, arXiv:1412.6980.
    """
    require_matrix("meta-inputs", inputs)
    require_finite("targets", targets)
    values = _joined(net)
    mean, square = np.zeros_like(values), np.zeros_like(values)
    for step in range(1, n_steps + 1):
        now = _parted(values)
        loss = pair_loss(now.scores(inputs), targets, margin=margin)
        slope = _joined(net_gradients(now, inputs, loss.slopes))
        mean = _BETAS[0] * mean + (1 - _BETAS[0]) * slope
        square = _BETAS[1] * square + (1 - _BETAS[1]) * slope**2
        length = np.sqrt(square / (1 - _BETAS[1] ** step)) + _EPSILON
        values = values - lr / (1 - _BETAS[0] ** step) * mean / length
    return _parted(values)


def _joined(net: QueryNet) -> _Vector:
    return np.concatenate([net.raw_in.ravel(), net.bias, net.raw_out])


def _parted(values: _Vector) -> QueryNet:
    first, second, bias, raw_out = np.split(values, 4)
    return QueryNet(raw_in=np.stack([first, second]), bias=bias, raw_out=raw_out)


def _directions(rows: NDArray[np.floating]) -> _Matrix:
    values = rows.astype(np.float64)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    values /= np.where(lengths > 0, lengths, 1.0)
    return values


def _mean_ranks(values: _Vector) -> _Vector:
    ordered = np.sort(values)
    first, last = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return (first + last) / 2.0


def _softplus(values: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = np.logaddexp(0.0, values)
    return result
