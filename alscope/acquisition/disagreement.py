"""Disagreement between several predictions of one sample; higher = more disagreement."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._checks import require_finite, require_matrix, require_probs
from alscope.acquisition.uncertainty import entropy_of_probs
from alscope.errors import ShapeError

__all__ = [
    "mean_deviation",
    "mutual_information",
    "mutual_information_of_passes",
    "variation_ratio",
]

# Entropies of equal passes differ by rounding (about 1e-16 per class); what is below this is no
# information, and counting it as 0 makes such samples tie.
_ROUNDING_NATS = 1e-12
_ROUNDING_PROBS = 1e-12  # the same for standard deviations of probabilities


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


def variation_ratio(
    votes: NDArray[np.integer], mean_probs: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Share of the votes that are not for the class with most votes.

    Args:
        votes: How many passes vote for each class, (n, n_classes); rows have one positive sum.
        mean_probs: Mean probability over the passes, (n, n_classes). Only checked: a pass whose
            probabilities are NaN still votes, and its mean tells.

    Returns:
        Scores, (n,), multiples of 1 / n_samples within [0, 1); 0 if the vote is unanimous.

    Raises:
        ShapeError: If the shapes do not fit, a sample has no vote, or a row is no distribution.

    References:
        Freeman 1965, Elementary Applied Statistics.
    """
    if votes.ndim != 2 or votes.shape != mean_probs.shape:
        raise ShapeError(
            f"votes have the shape {votes.shape} and mean_probs {mean_probs.shape}; "
            "(n, n_classes) is needed for both"
        )
    require_probs("mean probabilities", np.asarray(mean_probs, dtype=np.float64))
    totals = votes.sum(axis=1)
    silent = np.flatnonzero(totals <= 0)
    if silent.size:
        raise ShapeError(f"row {silent[0]} has no votes; each pass votes once for every sample")
    # Others over all, not 1 - modal / all: equal counts give equal scores to the last bit.
    others: NDArray[np.float64] = (totals - votes.max(axis=1)) / totals
    return others


def mean_deviation(std_probs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean over the classes of the standard deviation of the probability over passes.

    Args:
        std_probs: Population standard deviation over the passes, (n, n_classes), >= 0.

    Returns:
        Scores, (n,), within [0, 1/2]; values below 1e-12 are rounding and returned as 0.

    Raises:
        ShapeError: If deviations are not a finite matrix; the message names the first row.

    References:
        Kampffmeyer, Salberg and Jenssen 2016 (CVPR Workshops); Kendall et al. 2015,
        arXiv:1511.02680.
    """
    require_matrix("standard deviations", std_probs)
    means: NDArray[np.float64] = std_probs.mean(axis=1, dtype=np.float64)
    return np.where(means > _ROUNDING_PROBS, means, 0.0)
