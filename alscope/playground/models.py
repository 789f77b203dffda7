"""Classifiers of points that fit within milliseconds and give strategies what they ask for.

All are deterministic: the same labels and seed give the same classifier. They are small enough to
be written down here, with the two things no library gives together: one output for every known
class, labeled or not, and draws from the posterior of the final layer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alscope.inputs import HeadParams
from alscope.playground.optimize import minimize, posterior_draws, softmax_loss
from alscope.playground.shapes import HALF_WIDTH
from alscope.types import IntArray

__all__ = ["MODELS", "Fitted", "ModelSpec", "radial_features"]

Matrix = NDArray[np.float64]

N_NEIGHBORS = 5
_SMOOTHING = 0.1  # votes that every class has
_NEAR = 0.02  # distance below which a neighbour counts no more
_GRID = 7
_HIDDEN = 16
_HEAD_PRECISION = 0.2  # of the network's last layer


class Fitted(ABC):
    """A classifier that has learned."""

    @abstractmethod
    def features(self, points: Matrix) -> Matrix:
        """What distances between points mean to it, (n, n_features)."""

    @abstractmethod
    def logits(self, points: Matrix) -> Matrix:
        """Whose softmax are the class probabilities, (n, n_outputs)."""

    @abstractmethod
    def passes(self, points: Matrix, n_samples: int, rng: np.random.Generator) -> Matrix:
        """Logits of classifiers that the labels allow as well, (n_samples, n, n_outputs).

        One draw serves all points: pass t is the same classifier everywhere.
        """

    def head(self) -> HeadParams | None:
        """The final linear layer, if there is one: logits = features @ weight.T + bias."""
        return None

    def probs(self, points: Matrix) -> Matrix:
        """Class probabilities, (n, n_outputs)."""
        return softmax(self.logits(points))


def softmax(logits: Matrix) -> Matrix:
    """Probabilities from logits, along the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probs: Matrix = shifted / shifted.sum(axis=-1, keepdims=True)
    return probs


@dataclass(frozen=True, eq=False)
class LinearHead(Fitted):
    """Features, and a softmax regression on them.

    Attributes:
        map: Points to features.
        weights: (n_outputs, n_features + 1), the bias last.
        rows: Features of the labeled points with a column of ones, (n_labeled, n_features + 1).
        precision: Of the Gaussian prior of all weights.
        temperature: By which the loss divides logits.
    """

    map: Callable[[Matrix], Matrix]
    weights: Matrix
    rows: Matrix
    precision: float
    temperature: float

    def features(self, points: Matrix) -> Matrix:
        """The mapped points."""
        return self.map(points)

    def logits(self, points: Matrix) -> Matrix:
        """Linear in the features."""
        return with_ones(self.map(points)) @ self.weights.T

    def head(self) -> HeadParams:
        """Weights and biases."""
        weights = self.weights.astype(np.float32)
        return HeadParams(weights[:, :-1], weights[:, -1])

    def passes(self, points: Matrix, n_samples: int, rng: np.random.Generator) -> Matrix:
        """Draws of the final layer from its Laplace approximation.

        References:
            MacKay 1992, Neural Computation 4; Kristiadi, Hein and Hennig 2020, arXiv:2002.10118.
        """
        draws = posterior_draws(
            self.weights, self.rows, self.precision, self.temperature, n_samples, rng
        )
        drawn: Matrix = np.einsum("nd,tkd->tnk", with_ones(self.map(points)), draws, optimize=True)
        return drawn


@dataclass(frozen=True, eq=False)
class Neighbors(Fitted):
    """The nearest labeled points vote; closer ones count more, every class has a little.

    Attributes:
        points: Labeled points, (n_labeled, 2).
        votes: Their classes as rows of the unit matrix, (n_labeled, n_outputs).
    """

    points: Matrix
    votes: Matrix

    def features(self, points: Matrix) -> Matrix:
        """The points themselves: neighbours are looked for in the plane."""
        return points

    def logits(self, points: Matrix) -> Matrix:
        """Logarithms of shares of the votes."""
        near, weights = self._nearest(points)
        return self._logits(near, weights)

    def passes(self, points: Matrix, n_samples: int, rng: np.random.Generator) -> Matrix:
        """Every labeled point counts more or less, by the Bayesian bootstrap.

        References:
            Rubin 1981, The Annals of Statistics 9.
        """
        near, weights = self._nearest(points)
        luck = rng.standard_exponential(size=(n_samples, len(self.points)))
        return np.stack([self._logits(near, weights * one[near]) for one in luck])

    def _nearest(self, points: Matrix) -> tuple[IntArray, Matrix]:
        squares = ((points[:, None, :] - self.points[None, :, :]) ** 2).sum(axis=2)
        k = min(N_NEIGHBORS, len(self.points))
        near: IntArray = np.argsort(squares, axis=1, kind="stable")[:, :k]
        distances = np.sqrt(np.take_along_axis(squares, near, axis=1))
        return near, 1 / np.maximum(distances, _NEAR)

    def _logits(self, near: IntArray, weights: Matrix) -> Matrix:
        weights = weights / weights.sum(axis=1, keepdims=True) * near.shape[1]
        votes = np.einsum("nk,nkc->nc", weights, self.votes[near]) + _SMOOTHING
        logits: Matrix = np.log(votes / votes.sum(axis=1, keepdims=True))
        return logits


def with_ones(rows: Matrix) -> Matrix:
    """A column of ones added on the right, for the bias."""
    return np.concatenate([rows, np.ones((len(rows), 1))], axis=1)


def radial_features(points: Matrix) -> Matrix:
    """Closeness to the places of a fixed grid, exp(-distance^2 / (2 width^2)), (n, 49)."""
    ticks = np.linspace(-HALF_WIDTH, HALF_WIDTH, _GRID)
    width = 0.6 * (ticks[1] - ticks[0])
    x, y = (np.exp(-((points[:, [axis]] - ticks) ** 2) / (2 * width**2)) for axis in (0, 1))
    features: Matrix = (x[:, :, None] * y[:, None, :]).reshape(len(points), _GRID**2)
    return features


def _linear(
    map_: Callable[[Matrix], Matrix],
    points: Matrix,
    labels: IntArray,
    n_outputs: int,
    precision: float,
    temperature: float,
) -> LinearHead:
    rows = with_ones(map_(points))
    targets = np.eye(n_outputs)[labels]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(n_outputs, -1)
        value, pull = softmax_loss(rows @ weights.T / temperature, targets)
        slope = pull.T @ rows / temperature + precision * weights
        return value + precision / 2 * float((weights**2).sum()), slope.ravel()

    best = minimize(loss, np.zeros(n_outputs * rows.shape[1]))
    return LinearHead(map_, best.reshape(n_outputs, -1), rows, precision, temperature)


def _logistic(
    points: Matrix, labels: IntArray, n_outputs: int, temperature: float, rng: np.random.Generator
) -> Fitted:
    return _linear(lambda p: p, points, labels, n_outputs, 0.02, temperature)


def _rbf(
    points: Matrix, labels: IntArray, n_outputs: int, temperature: float, rng: np.random.Generator
) -> Fitted:
    return _linear(radial_features, points, labels, n_outputs, 0.05, temperature)


def _knn(
    points: Matrix, labels: IntArray, n_outputs: int, temperature: float, rng: np.random.Generator
) -> Fitted:
    return Neighbors(points, np.eye(n_outputs)[labels])


def _mlp(
    points: Matrix, labels: IntArray, n_outputs: int, temperature: float, rng: np.random.Generator
) -> Fitted:
    inputs, targets = with_ones(points), np.eye(n_outputs)[labels]
    cut = 3 * _HIDDEN
    precision = np.concatenate(
        [np.full(cut, 0.02), np.full(n_outputs * (_HIDDEN + 1), _HEAD_PRECISION)]
    )

    def unpack(flat: Matrix) -> tuple[Matrix, Matrix]:
        return flat[:cut].reshape(_HIDDEN, 3), flat[cut:].reshape(n_outputs, _HIDDEN + 1)

    def loss(flat: Matrix) -> tuple[float, Matrix]:
        first, second = unpack(flat)
        hidden = np.tanh(inputs @ first.T)
        value, pull = softmax_loss(with_ones(hidden) @ second.T / temperature, targets)
        pull = pull / temperature
        back = pull @ second[:, :-1] * (1 - hidden**2)
        slope = np.concatenate([(back.T @ inputs).ravel(), (pull.T @ with_ones(hidden)).ravel()])
        return value + float(precision @ flat**2) / 2, slope + precision * flat

    scale = np.concatenate([np.full(cut, 2.0), np.full(n_outputs * (_HIDDEN + 1), 0.3)])
    best = minimize(loss, rng.normal(size=scale.size) * scale, n_steps=150)
    first, second = unpack(best)

    def hidden(points: Matrix) -> Matrix:
        values: Matrix = np.tanh(with_ones(points) @ first.T)
        return values

    return LinearHead(hidden, second, with_ones(hidden(points)), _HEAD_PRECISION, temperature)


@dataclass(frozen=True)
class ModelSpec:
    """A kind of classifier.

    Attributes:
        title: For people.
        summary: How it decides.
        passes: What its stochastic passes are.
        has_head: Whether there is a final linear layer.
        fit: Points, labels, number of outputs, temperature and generator to a classifier.
    """

    title: str
    summary: str
    passes: str
    has_head: bool
    fit: Callable[[Matrix, IntArray, int, float, np.random.Generator], Fitted]


_LAPLACE = "draws of the final layer from its Laplace approximation"

MODELS = {
    "logistic": ModelSpec(
        "Logistic", "A straight line between two classes.", _LAPLACE, True, _logistic
    ),
    "rbf": ModelSpec(
        "RBF",
        "Logistic regression on the closeness to 49 places: bends where labels ask for it.",
        _LAPLACE,
        True,
        _rbf,
    ),
    "knn": ModelSpec(
        "kNN",
        f"The {N_NEIGHBORS} nearest labeled points vote, closer ones more.",
        "draws of how much each labeled point counts (Bayesian bootstrap)",
        False,
        _knn,
    ),
    "mlp": ModelSpec("Network", f"One hidden layer of {_HIDDEN} tanh units.", _LAPLACE, True, _mlp),
}
"""By the name in addresses."""
