"""Maximum a posteriori weights of softmax models, and draws around them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.optimize import minimize as scipy_minimize

__all__ = ["minimize", "posterior_draws", "softmax_loss"]

Matrix = NDArray[np.float64]
Loss = Callable[[Matrix], tuple[float, Matrix]]


def minimize(loss: Loss, start: Matrix, *, n_steps: int = 100) -> Matrix:
    """Where L-BFGS ends after at most `n_steps` steps from `start`.

    Args:
        loss: Value and gradient at flat weights.
        start: Flat weights.
        n_steps: A limit of time; what is found by then is a point of descent like any other.
    """
    found = scipy_minimize(
        loss, start, jac=True, method="L-BFGS-B", options={"maxiter": n_steps, "gtol": 1e-4}
    )
    best: Matrix = np.asarray(found.x, dtype=np.float64)
    return best


def softmax_loss(logits: Matrix, targets: Matrix) -> tuple[float, Matrix]:
    """Sum of cross-entropies, and its gradient with respect to the logits, (n, n_outputs).

    Args:
        logits: (n, n_outputs).
        targets: Rows of the unit matrix, (n, n_outputs).
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    exps = np.exp(shifted)
    sums = exps.sum(axis=1, keepdims=True)
    value = float(np.log(sums).sum() - (targets * shifted).sum())
    return value, exps / sums - targets


def posterior_draws(
    weights: Matrix,
    rows: Matrix,
    precision: float,
    temperature: float,
    n_samples: int,
    rng: np.random.Generator,
) -> Matrix:
    """Weights of a softmax regression from the Gaussian with the curvature at their optimum.

    Args:
        weights: Optimum, (n_outputs, n_features), with the bias among the features.
        rows: Labeled samples, (n_labeled, n_features).
        precision: Of the prior of every weight.
        temperature: By which the loss divides logits.
        n_samples: Draws.
        rng: Source of the draws.

    Returns:
        (n_samples, n_outputs, n_features).
    """
    logits = rows @ weights.T / temperature
    exps = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs = exps / exps.sum(axis=1, keepdims=True)
    n_outputs, size = weights.shape
    curvature = np.einsum("nk,kl->nkl", probs, np.eye(n_outputs)) - np.einsum(
        "nk,nl->nkl", probs, probs
    )
    hessian = np.einsum("nkl,nd,ne->kdle", curvature, rows, rows, optimize=True)
    flat = hessian.reshape(n_outputs * size, -1) / temperature**2
    flat[np.diag_indices_from(flat)] += precision
    factor = np.linalg.cholesky(flat)
    noise = rng.standard_normal((n_outputs * size, n_samples))
    steps = solve_triangular(factor, noise, lower=True, trans="T", check_finite=False)
    drawn: Matrix = weights + steps.T.reshape(n_samples, n_outputs, size)
    return drawn
