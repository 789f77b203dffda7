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
# By how many temperatures worths may come nearer to the threshold in one step; the few steps that
# go farther are made again with all rows. A row is left out when it is 65 away, so 40 remain after
# that step; these are 120 of the next temperature, which is a third at most, so that 95 remain
# after the next step, and so on: never less than 40.
_ROOM = 25.0
_FEW = 0.5  # copying so many of the rows is faster than reading all of them several times

_Vector = NDArray[np.float64]


class Step(NamedTuple):
    """The best prices at one temperature."""

    prices: _Vector
    threshold: float | None
    """That of the shares; None where nothing is known of it."""
    dual: SmoothedDual
    """Of the rows that are within reach: the others have no share worth mentioning."""
    rows: IntArray
    """Their positions, ascending."""


def price_path(dual: SmoothedDual, keys: NDArray[np.uint64]) -> Iterator[Step]:
    """Best prices at falling temperatures, each found from those before.

    While it is warm all rows have shares, but prices are only where the search goes on from: in a
    large pool they are found from a sample.

    Args:
        dual: Of all rows, at any temperature.
        keys: By which a sample is drawn, (n,).
    """
    whole = Step(np.zeros(dual.quotas.size), None, dual, np.arange(keys.size))
    step, temperatures = _warmed(whole, keys)
    for temperature in temperatures:
        whole = whole._replace(dual=replace(dual, temperature=temperature))
        step = step._replace(dual=replace(step.dual, temperature=temperature))
        step, is_sure = _followed(step, keys.size)
        if not is_sure:
            again = whole._replace(prices=step.prices, threshold=step.threshold)
            step, is_sure = _followed(again, keys.size)
        if not is_sure:
            start = whole.dual.at(step.prices, step.threshold)
            step = _moved(whole, maximised(whole.dual, start, _PRECISE))
        yield step


def _warmed(whole: Step, keys: NDArray[np.uint64]) -> tuple[Step, tuple[float, ...]]:
    # Where to start, and temperatures that are left.
    dual = whole.dual
    n = max(_SAMPLE, round(_SAMPLED_PICKS * keys.size / dual.k))
    if keys.size < _LARGE * n:
        return whole, _WARM + _COLD
    share = n / keys.size
    few = dual.among(np.sort(by_key(keys, n)))
    few = replace(few, k=share * dual.k, quotas=share * dual.quotas)
    for temperature in _WARM:
        few = replace(few, temperature=temperature)
        point = maximised(few, few.at(whole.prices, whole.threshold), _ROUGH)
        whole = _moved(whole, point)
    return whole, _COLD


def _followed(step: Step, n_all: int) -> tuple[Step, bool]:
    # The best prices from those before, and whether no row that was left out, now or before, can
    # have come within reach: worths rise by no more than the price that rises most.
    start = step.dual.at(step.prices, step.threshold)
    first, found, rows = start, step, np.flatnonzero(start.shares > np.exp(-_NOTHING - _ROOM))
    if step.dual.k < rows.size <= _FEW * step.rows.size:
        found = step._replace(dual=step.dual.among(rows), rows=step.rows[rows])
        first = start._replace(shares=start.shares[rows])
    point = maximised(found.dual, first, _PRECISE)
    before = start.threshold if step.threshold is None else max(start.threshold, step.threshold)
    nearer = float((point.prices - step.prices).max()) + before - point.threshold
    is_sure = found.rows.size == n_all or nearer <= _ROOM * step.dual.temperature
    return _moved(found, point), is_sure


def _moved(step: Step, point: Point) -> Step:
    return step._replace(prices=point.prices, threshold=point.threshold)
