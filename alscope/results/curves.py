"""Learning curves: areas, means over seeds with their bands, labels to reach a target."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from alscope.errors import ShapeError, UnknownNameError
from alscope.results.bootstrap import bootstrap_means
from alscope.results.checks import require_comparable, unique_rounds
from alscope.results.intervals import half_width
from alscope.results.names import check_metric

__all__ = ["BANDS", "aubc", "curve_frame", "labels_to_reach", "mean_curves", "run_areas"]

BANDS = {
    "ci95": "95% t-interval of the mean",
    "boot": "95% bootstrap interval of the mean",
    "std": "standard deviation over seeds",
    "minmax": "smallest to largest seed",
    "seeds": "every seed as a thin line",
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


def run_areas(
    n_annotated: ArrayLike, values: ArrayLike, starts: NDArray[np.intp]
) -> NDArray[np.float64]:
    """The `aubc` of many curves that stand one after another.

    Args:
        n_annotated: Annotations at each evaluation, (n,), strictly increasing within a curve.
        values: Measure at each evaluation, (n,).
        starts: Where each curve begins, (m,), ascending from 0.

    Returns:
        (m,), as `aubc` gives for each curve.

    Raises:
        ShapeError: As `aubc`, for the first curve that is wrong.
    """
    x, y = np.asarray(n_annotated, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if not starts.size:
        return np.empty(0)
    ends = np.append(starts[1:], x.size)
    within = np.ones(x.size, dtype=bool)
    within[ends - 1] = False
    steps = np.append(np.diff(x), 0.0)
    if (steps[within] <= 0).any():
        for start, end in zip(starts, ends, strict=True):
            _curve(x[start:end], y[start:end])
    pieces = np.where(within, steps * (y + np.append(y[1:], 0.0)) / 2, 0.0)
    lengths = x[ends - 1] - x[starts]
    single = lengths == 0
    heights = np.add.reduceat(pieces, starts) / np.where(single, 1.0, lengths)
    return np.where(single, y[starts], heights)


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
        band: One of `BANDS`; "seeds" and "none" leave `low` and `high` empty. One seed has no band.

    Returns:
        scenario, strategy, round, the column named by `x`, mean, low, high, std, n (seeds),
        metric, band; sorted by scenario, strategy and round. `low` and `high` are NaN where there
        is no band, `std` (n - 1) where there is one seed.

    Raises:
        UnknownNameError: If there is no such metric, band or column.
        IncomparableError: If results of different data or runs would be averaged.
    """
    check_metric(metric)
    _check_axis(rounds, x, band)
    require_comparable(rounds)
    curve = _means(unique_rounds(rounds), metric, [x], band).assign(metric=metric, band=band)
    names = ["scenario", "strategy", *dict.fromkeys(["round", x]), "mean", "low", "high", "std"]
    return curve[[*names, "n", "metric", "band"]]


def mean_curves(
    values: pd.DataFrame, *, x: str = "n_annotated", band: str = "ci95"
) -> pd.DataFrame:
    """Mean curve of every strategy, with a band over blocks.

    Args:
        values: From `alscope.results.values.value_frame`.
        x: Column for the horizontal axis: "n_annotated", "n_labeled" or "spent_s". Where the blocks
            of a round do not agree on it, its mean is taken.
        band: One of `BANDS`.

    Returns:
        scenario, strategy, round, n_annotated, `x` if it is another column, mean, low, high, std,
        n (blocks), band; as in `curve_frame`.

    Raises:
        UnknownNameError: If there is no such band or column.
    """
    _check_axis(values, x, band)
    curve = _means(values, "value", ["n_annotated", x], band).assign(band=band)
    names = ["scenario", "strategy", *dict.fromkeys(["round", "n_annotated", x])]
    return curve[[*names, "mean", "low", "high", "std", "n", "band"]]


def _check_axis(frame: pd.DataFrame, x: str, band: str) -> None:
    if x not in frame.columns:
        raise UnknownNameError("column", x, list(frame.columns))
    if band not in BANDS:
        raise UnknownNameError("band", band, BANDS)


def _means(frame: pd.DataFrame, value: str, axes: list[str], band: str) -> pd.DataFrame:
    """One row per scenario, strategy and round, with `low` and `high`."""
    keys = ["scenario", "strategy", "round"]
    groups = frame.groupby(keys, sort=True)
    values = groups[value]
    columns = {axis: groups[axis].mean() for axis in dict.fromkeys(axes) if axis != "round"}
    columns |= {"mean": values.mean(), "std": values.std(ddof=1), "n": values.count()}
    curve = pd.DataFrame(columns)
    low, high = _band(curve, values, band)
    return curve.assign(low=low, high=high).reset_index()


def _band(curve: pd.DataFrame, values: Any, band: str) -> tuple[Any, Any]:
    several = curve["n"] > 1
    if band == "minmax":
        return values.min().where(several), values.max().where(several)
    if band == "boot":
        return _bootstrap(curve, values)
    std = curve["std"].to_numpy()
    widths = {"ci95": half_width(std, curve["n"]), "std": std}
    width = widths.get(band, np.full(len(curve), np.nan))
    return curve["mean"] - width, curve["mean"] + width


def _bootstrap(curve: pd.DataFrame, values: Any) -> tuple[Any, Any]:
    """Bootstrap intervals; points with equally many seeds are resampled together."""
    samples = [group.dropna().to_numpy() for _, group in values]
    low, high = np.full(len(curve), np.nan), np.full(len(curve), np.nan)
    sizes = curve["n"].to_numpy()
    for n in np.unique(sizes[sizes > 1]):
        places = np.flatnonzero(sizes == n)
        low[places], high[places] = bootstrap_means([samples[place] for place in places])
    return low, high


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
