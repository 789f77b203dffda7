"""Percentile bootstrap of a mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alscope.errors import ShapeError
from alscope.rng import generator

__all__ = ["N_RESAMPLES", "bootstrap_means"]

N_RESAMPLES = 4000
"""Resamples of an interval; its ends move by about 1% of its width from one drawing to another."""


def bootstrap_means(
    samples: ArrayLike, *, level: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Percentile bootstrap intervals of the means of several samples of one size.

    The generator is fixed and all samples are resampled with the same draws, so the same data give
    the same interval, and neighbouring points of a curve move together.

    Args:
        samples: (m, n), finite, n >= 2.
        level: Coverage.

    Returns:
        Lower and upper ends, (m,) each.

    Raises:
        ShapeError: If the array has another shape or a value is not finite.

    References:
        Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 13.3.
    """
    x = np.asarray(samples, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] < 2 or not np.isfinite(x).all():
        raise ShapeError(f"samples must be finite and (m, n) with n >= 2; got {x.shape}")
    if x.shape[0] == 0:
        return np.empty(0), np.empty(0)
    from scipy.stats import bootstrap

    interval = bootstrap(
        (x,),
        np.mean,
        n_resamples=N_RESAMPLES,
        batch=max(1, 2**22 // x.size),
        axis=-1,
        confidence_level=level,
        method="percentile",
        rng=generator(0, "bootstrap"),
    ).confidence_interval
    return np.asarray(interval.low), np.asarray(interval.high)
