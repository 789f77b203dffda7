"""Student's t-interval of a mean, the only interval that tables and bands use."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

__all__ = ["Interval", "half_width", "mean_interval"]


class Interval(NamedTuple):
    """A mean with its interval; `low` and `high` are NaN for fewer than two values."""

    mean: float
    low: float
    high: float
    n: int


def mean_interval(values: ArrayLike, *, level: float = 0.95) -> Interval:
    """Mean and t-interval of a sample.

    Args:
        values: (n,); NaN are left out.
        level: Coverage if the values are normally distributed.
    """
    x = np.asarray(values, dtype=np.float64)
    x = x[~np.isnan(x)]
    if x.size == 0:
        return Interval(np.nan, np.nan, np.nan, 0)
    mean = float(x.mean())
    if x.size == 1:
        return Interval(mean, np.nan, np.nan, 1)
    width = float(half_width(x.std(ddof=1), x.size, level=level))
    return Interval(mean, mean - width, mean + width, x.size)


def half_width(std: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> NDArray[np.float64]:
    """Half the width of the t-interval of a mean.

    Args:
        std: Sample standard deviations (n - 1), any shape.
        n: Sample sizes, the same shape.
        level: Coverage.

    Returns:
        t(n - 1) * std / sqrt(n), NaN where n < 2.
    """
    size = np.asarray(n, dtype=np.float64)
    enough = size > 1
    safe = np.where(enough, size, 2.0)
    width = stdtrit(safe - 1, 0.5 + level / 2) * np.asarray(std, dtype=np.float64) / np.sqrt(safe)
    return np.where(enough, width, np.nan)
