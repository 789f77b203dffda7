"""Disagreement between several predictions of one sample; higher = more disagreement."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._checks import require_finite
from alscope.acquisition.uncertainty import entropy_of_probs
from alscope.errors import ShapeError

__all__ = ["mutual_information", "mutual_information_of_passes"]

# Entropies of equal passes differ by rounding (about 1e-16 per class); what is below this is no
# information, and counting it as 0 makes such samples tie.
_ROUNDING_NATS = 1e-12


def mutual_information(
    mean_probs: NDArray[np.floating], mean_entropy: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Mutual information between label and model, per sample, from moments over passes.

    Entropy of the mean prediction minus mean entropy of the predictions. Zero when all passes
    agree, however unsure they are.

    Args:
        mean_probs: Mean probability over the passes, (n, n_classes); rows sum to 1.
        mean_entropy: Mean entropy of the passes in nats, (n,).

    Returns:
        Scores in nats, (n,), within [0, log(n_classes)]; non-negative by Jensen's inequality, so
        negative values and values below 1e-12 are rounding and returned as 0.

    Raises:
        ShapeError: If the shapes do not fit or a row is no distribution; the message names it.

    References:
        Houlsby et al. 2011, arXiv:1112.5745, eq. 2.
    """
    total = entropy_of_probs(mean_probs)
    expected = np.asarray(mean_entropy, dtype=np.float64)
    if expected.shape != total.shape:
        raise ShapeError(
            f"mean_entropy has the shape {expected.shape} but mean_probs has {len(total)} rows; "
            "give one mean entropy per row"
        )
    require_finite("mean entropies", expected)
    information = total - expected
    return np.where(information > _ROUNDING_NATS, information, 0.0)


def mutual_information_of_passes(probs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mutual information between label and model, per sample, from every pass.

    Args:
        probs: Class probabilities of each stochastic pass, (n_samples, n, n_classes); rows sum
            to 1.

    Returns:
        Scores in nats, (n,), within [0, log(n_classes)].

    Raises:
        ShapeError: If `probs` is not three-dimensional, has no pass, or a row is no distribution.

    References:
        Houlsby et al. 2011, arXiv:1112.5745, eq. 2.
    """
    values = np.asarray(probs, dtype=np.float64)
    if values.ndim != 3 or values.shape[0] == 0:
        raise ShapeError(
            f"probs have the shape {values.shape}, but (n_samples, n, n_classes) with at least "
            "one pass is needed"
        )
    entropies = np.stack([entropy_of_probs(one) for one in values])  # (n_samples, n)
    return mutual_information(values.mean(axis=0), entropies.mean(axis=0))
