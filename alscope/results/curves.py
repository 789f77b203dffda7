"""Learning curves: areas, means over seeds with their bands, labels to reach a target."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from alscope.errors import ShapeError, UnknownNameError
from alscope.results.checks import require_comparable, unique_rounds
from alscope.results.columns import METRICS
from alscope.results.intervals import half_width

__all__ = ["BANDS", "aubc", "curve_frame", "labels_to_reach"]

BANDS = {
    "ci95": "95% t-interval of the mean",
    "std": "standard deviation over seeds",
    "minmax": "smallest to largest seed",
    "none": "no band",
}
"""Kinds of band, with their names for people."""


def aubc(n_annotated: ArrayLike, values: ArrayLike) -> float:
    """Area under the budget curve: its mean height over the budget axis.

    Trapezoid over the annotations divided by their range, so a constant curve gives its own value
    whatever the steps. A single evaluation has no area; its value is returned.

    Args:
        n_annotated: Annotations at each evaluation, (n,), strictly increasing.
        values: Measure at each evaluation, (n,).

    Returns:
        The mean height, in the unit of `values`; NaN if a value is NaN.

    Raises:
        ShapeError: If the arrays do not match, are empty or the budget does not increase.
    """
    x, y = _curve(n_annotated, values)
    if x.size == 1:
        return float(y[0])
    return float(np.trapezoid(y, x) / (x[-1] - x[0]))


def labels_to_reach(
    n_annotated: ArrayLike, values: ArrayLike, target: float, *, higher_is_better: bool = True
) -> float | None:
    """Annotations at which a curve first reaches a target, linear between evaluations.

    Args:
        n_annotated: Annotations at each evaluation, (n,), strictly increasing.
        values: Measure at each evaluation, (n,).
        target: Value to reach.
        higher_is_better: Whether the curve should rise to the target or fall to it.

    Returns:
        Annotations, possibly fractional; None if the target is not reached: nothing is
        extrapolated beyond the data.

    Raises:
        ShapeError: As `aubc`.
    """
    x, y = _curve(n_annotated, values)
    if not higher_is_better:
        y, target = -y, -target
    reached = np.flatnonzero(y >= target)
    if not reached.size:
        return None
    place = int(reached[0])
    if place == 0:
        return float(x[0])
    share = (target - y[place - 1]) / (y[place] - y[place - 1])
    return float(x[place - 1] + share * (x[place] - x[place - 1]))


def curve_frame(
    rounds: pd.DataFrame, metric: str = "accuracy", *, x: str = "n_annotated", band: str = "ci95"
) -> pd.DataFrame:
    """Mean curve of every strategy on every scenario, with a band over seeds.

    Seeds are joined by round. Where they do not agree on `x` (seconds; known labels in an open set)
    its mean is taken. Seeds that have not come as far as others shorten `n`, not the curve: look at
    `n` before reading a step in the mean.

    Args:
        rounds: From `rounds_frame`.
        metric: One of `METRICS`.
        x: Column for the horizontal axis.
        band: "ci95" (t-interval), "std", "minmax" or "none". One seed has no band.

    Returns:
        scenario, strategy, round, the column named by `x`, mean, low, high, std, n (seeds),
        metric, band; sorted by scenario, strategy and round. `low` and `high` are NaN where there
        is no band, `std` (n - 1) where there is one seed.

    Raises:
        UnknownNameError: If there is no such metric, band or column.
        IncomparableError: If results of different data or runs would be averaged.
    """
    check_names(rounds, metric, x=x, band=band)
    require_comparable(rounds)
    groups = unique_rounds(rounds).groupby(["scenario", "strategy", "round"], sort=True)
    values = groups[metric]
    curve = pd.DataFrame(
        {
            **({} if x == "round" else {x: groups[x].mean()}),
            "mean": values.mean(),
            "std": values.std(ddof=1),
            "n": values.count(),
            "min": values.min(),
            "max": values.max(),
        }
    ).reset_index()
    low, high = _band(curve, band)
    curve = curve.assign(low=low, high=high, metric=metric, band=band)
    names = ["scenario", "strategy", *dict.fromkeys(["round", x]), "mean", "low", "high", "std"]
    return curve[[*names, "n", "metric", "band"]]


def check_names(
    rounds: pd.DataFrame, metric: str, *, x: str = "n_annotated", band: str = "none"
) -> None:
    """Raise `UnknownNameError` for a metric, column or band that does not exist."""
    if metric not in METRICS:
        raise UnknownNameError("metric", metric, METRICS)
    if x not in rounds.columns:
        raise UnknownNameError("column", x, list(rounds.columns))
    if band not in BANDS:
        raise UnknownNameError("band", band, BANDS)


def _band(curve: pd.DataFrame, band: str) -> tuple[Any, Any]:
    several = curve["n"] > 1
    if band == "minmax":
        return curve["min"].where(several), curve["max"].where(several)
    std = curve["std"].to_numpy()
    widths = {"ci95": half_width(std, curve["n"]), "std": std, "none": np.full(len(curve), np.nan)}
    return curve["mean"] - widths[band], curve["mean"] + widths[band]


def _curve(
    n_annotated: ArrayLike, values: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x = np.asarray(n_annotated, dtype=np.float64)
    y = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or x.size == 0:
        raise ShapeError(
            f"a curve needs as many budgets as values, at least one; got {x.shape} and {y.shape}"
        )
    if not (np.diff(x) > 0).all():
        raise ShapeError(f"the budget of a curve must increase at every step; got {x.tolist()}")
    return x, y
