"""Prices of the smoothed dual while its temperature falls; see `dual`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._smoothed import Point, SmoothedDual, maximised
from alscope.acquisition.ranking import by_key
from alscope.types import IntArray

__all__ = ["USUAL", "Step", "price_path"]

USUAL = 1e-3
"""Down to this temperature prices are worth their time; below it only if the gap is wide."""

_WARM = (1.0, 0.3, 0.1)
_COLD = (0.03, 0.01, 0.003, 0.001, 3e-4, 1e-4, 3e-5, 1e-5)
_SAMPLE, _SAMPLED_PICKS = 8_192, 16
_LARGE = 4  # pools of so many samples are worth sampling
_ROUGH, _PRECISE = 1e-2, 1e-7  # of k: the gradient that prices are left with
_NOTHING = 40.0  # a share of exp(-40) is not noticed in the sum of all
_ROOM = 40.0  # temperatures by which worths may come nearer to the threshold
_FEW = 0.5  # copying so many of the rows is faster than reading all of them several times

_Vector = NDArray[np.float64]


class Step(NamedTuple):
    """The best prices at one temperature."""

    prices: _Vector
    dual: SmoothedDual
    """Of the rows that are within reach: the others have no share worth mentioning."""
    rows: IntArray | slice
    """Their positions, ascending."""


def price_path(dual: SmoothedDual, keys: NDArray[np.uint64]) -> Iterator[Step]:
    """Best prices at falling temperatures, each found from those before.

    While it is warm all rows have shares, but prices are only where the search goes on from: in a
    large pool they are found from a sample.

    Args:
        dual: Of all rows, at any temperature.
        keys: By which a sample is drawn, (n,).
    """
    prices, threshold, temperatures = _start(dual, keys)
    rows: IntArray | slice = slice(None)
    for temperature in temperatures:
        dual = replace(dual, temperature=temperature)
        start = dual.at(prices, threshold)
        reach = np.flatnonzero(start.shares > np.exp(-_NOTHING - _ROOM))
        near = dual.among(reach) if dual.k < reach.size <= _FEW * start.shares.size else dual
        point = maximised(near, start if near is dual else _among(start, reach), _PRECISE)
        if near is not dual and _came_near(start, point) > _ROOM * temperature:
            point = maximised(dual, dual.at(point.prices, point.threshold), _PRECISE)
        elif near is not dual:
            dual, rows = near, reach if isinstance(rows, slice) else rows[reach]
        prices, threshold = point.prices, point.threshold
        yield Step(prices, dual, rows)


def _start(
    dual: SmoothedDual, keys: NDArray[np.uint64]
) -> tuple[_Vector, float | None, tuple[float, ...]]:
    # Prices, the threshold, and temperatures that are left.
    prices, threshold = np.zeros(dual.quotas.size), None
    n = max(_SAMPLE, round(_SAMPLED_PICKS * keys.size / dual.k))
    if keys.size < _LARGE * n:
        return prices, threshold, _WARM + _COLD
    share = n / keys.size
    few = dual.among(np.sort(by_key(keys, n)))
    few = replace(few, k=share * dual.k, quotas=share * dual.quotas)
    for temperature in _WARM:
        few = replace(few, temperature=temperature)
        point = maximised(few, few.at(prices, threshold), _ROUGH)
        prices, threshold = point.prices, point.threshold
    return prices, threshold, _COLD


def _among(point: Point, rows: IntArray) -> Point:
    return point._replace(shares=point.shares[rows])


def _came_near(start: Point, point: Point) -> float:
    # The most by which a row whose share was not noticed can have come nearer to the threshold:
    # worths of distributions rise by no more than the price that rose most.
    return float((point.prices - start.prices).max() - (point.threshold - start.threshold))
