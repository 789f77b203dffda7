"""What iterations cost, counted while a selection runs.

How often k-means moves its centres, or the dual of EntropyCB is evaluated, depends on the data. The
floor counts what each such step is specified to do, as often as it was taken; the least that is
known to suffice counts what was left when comparisons that cannot matter were left out. Counting
costs a call of Python per step: microseconds beside milliseconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

from alscope.acquisition import _assigned, _bounds, _lazy, _mixtures, _smoothed, _swaps, dual

__all__ = ["counted"]

Steps = Counter[str]
_UNSEEN = 1e-16  # shares below this are lost in the sum of the others
_UNBENT = 1e-12  # rows whose share is this near 0 or 1 add nothing to the curvature


class Counts(NamedTuple):
    """Work by the names of `floors.Work`: as specified, and the least known to suffice."""

    specified: Steps
    known: Steps


def _first(_: Any, rows: Any, squared: Any, centres: Any, *__: Any) -> Steps:
    # k-means: every row is compared with every centre.
    return Steps(flop=2 * len(rows) * centres.size, n_ranked=len(rows) * len(centres))


def _move(assigned: Any, centres: Any) -> Steps:
    return _first(assigned, assigned._rows, None, centres)


def _assignment(rows: Any, some: Any, centres: Any, *_: Any) -> Steps:
    # Rows are compared with centres unless it is known already that others are nearer.
    n_rows = len(rows) if some is None else some.size
    return Steps(flop=2 * n_rows * centres.size, n_ranked=n_rows * len(centres))


def _comparison(rows: Any, squared: Any, centres: Any, **_: Any) -> Steps:
    # A cover compares samples with more centres while they may still be among the farthest. Other
    # orders might need fewer comparisons, but none is known to.
    return Steps(flop=2 * rows.size * centres.squared.size)


class _AllRows:
    """The dual of EntropyCB as specified: of all rows, also of those that were found out of reach.

    What is found from a sample counts as that.
    """

    def __init__(self) -> None:
        self._n = 0

    def point(self, smoothed: Any, *_: Any) -> Steps:
        """Worths and the gradient: two products with the probabilities, and a logarithm."""
        self._n = max(self._n, len(smoothed.probs))
        return Steps(n_bytes=16 * self._n * smoothed.quotas.size, n_logs64=self._n)

    def curvature(self, smoothed: Any, _: Any) -> Steps:
        """A symmetric product."""
        cells = self._n * smoothed.quotas.size
        return Steps(flop64=cells * smoothed.quotas.size, n_bytes=8 * cells)


def _dual(smoothed: Any, prices: Any, worth: Any, threshold: Any, shares: Any) -> Steps:
    # Worths and the gradient: two products with the probabilities of the rows that have a share,
    # float64, and a logarithm.
    n_rows = int(np.count_nonzero(shares > _UNSEEN))
    return Steps(n_bytes=16 * n_rows * smoothed.quotas.size, n_logs64=n_rows)


def _curvature(smoothed: Any, shares: Any) -> Steps:
    # A symmetric product of the rows that bend the dual.
    n_rows = int(np.count_nonzero(shares * (1 - shares) > _UNBENT))
    return Steps(
        flop64=n_rows * smoothed.quotas.size**2,
        n_bytes=8 * n_rows * smoothed.quotas.size,
    )


def _exponentials(x: Any) -> Steps:
    return Steps(n_logs64=int(np.count_nonzero(x < -np.log(_UNSEEN))))


def _overshoots(probs: Any, _: Any) -> Steps:
    # By how much a greedy pick would exceed the quotas: a sum over the classes.
    return Steps(n_rows=len(probs))


def _pick(scores: Any, *_: Any) -> Steps:
    # Every row that is kept up to date is compared with the best.
    return Steps(n_ranked=scores.size)


def _swap(rows: Any, others: Any) -> Steps:
    # Of each pair three operations per class, a difference, its size and a sum, and a comparison.
    n_pairs = len(rows) * len(others)
    return Steps(flop64=3 * n_pairs * rows.shape[1], n_ranked=n_pairs)


def _expectation(values: Any, *_: Any) -> Steps:
    # One exponential for the share of each value, one logarithm for its likelihood.
    return Steps(n_logs64=2 * values.size)


_Costs = tuple[tuple[Any, str, Callable[..., Steps]], ...]

_KNOWN: _Costs = (
    (_assigned, "nearest", _assignment),
    (_bounds, "least", _comparison),
    (_smoothed.SmoothedDual, "_point", _dual),
    (_smoothed.SmoothedDual, "curvature", _curvature),
)
_BOTH: _Costs = (
    (_smoothed, "_logistic", _exponentials),
    (dual, "marginal_overshoot", _overshoots),
    (_lazy, "_first_within", _pick),
    (_swaps, "_distances", _swap),
    (_mixtures, "_terms", _expectation),
)


def _specified() -> _Costs:
    all_rows = _AllRows()
    return (
        (_assigned.Assigned, "__init__", _first),
        (_assigned.Assigned, "move", _move),
        (_smoothed.SmoothedDual, "_point", all_rows.point),
        (_smoothed.SmoothedDual, "curvature", all_rows.curvature),
    )


@contextmanager
def counted() -> Iterator[Counts]:
    """The work of the iterations taken inside the block."""
    counts = Counts(Steps(), Steps())
    with ExitStack() as stack:
        for costs, totals in ((_specified(), counts[:1]), (_KNOWN, counts[1:]), (_BOTH, counts)):
            for owner, name, cost in costs:
                counting = _counting(getattr(owner, name), cost, totals)
                stack.enter_context(patch.object(owner, name, counting))
        yield counts


def _counting(function: Callable[..., Any], cost: Callable[..., Steps], totals: Any) -> Any:
    def counting(*args: Any, **options: Any) -> Any:
        steps = cost(*args, **options)
        for total in totals:
            total.update(steps)
        return function(*args, **options)

    return counting
