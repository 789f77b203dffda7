"""What a selection costs at the least: what its specification demands, and what a machine does.

The floor of a strategy is the work that its specification states (every distance, every iteration,
every greedy step as often as it was taken), each part at the measured speed of the best routine for
it: multiply-adds in matrix products, in float64 where scores are specified so; inputs read,
converted and checked to be finite; float64 exponentials and logarithms; the largest or the sum of
every row; to rank n scores, one comparison of each and finding where it holds, because picks are
positions, and the picks sorted. What is done as often as the data demands is counted while it runs
(`benchmarks.speed.tally`). Not counted are loops, bookkeeping, and what is done twice to save
memory.

Covers, k-means and the dual of EntropyCB can leave out rows without changing a choice. What then
remains, counted as it was done, is the least that is known to suffice; it stands beside the floor.

Seconds are of the clock, with as many threads as the process has.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import timed

__all__ = ["FLOORS", "KNOWN", "Rates", "Sizes", "Work", "rates"]

_DRAWS, _PASSES = 30, 10  # perturbations and dropout passes of the default parameters
_SETS = 500  # SIMILAR compares with so many labeled and unknown samples at most


@dataclass(frozen=True)
class Sizes:
    """Sizes of a selection: pool, features, classes, labeled samples, unknowns, batch."""

    n: int
    d: int
    c: int
    labeled: int
    unknowns: int
    b: int


@dataclass(frozen=True)
class Work:
    """The least that must be done.

    Attributes:
        flop: Multiplications and additions of float32 matrix products.
        flop64: The same in float64.
        n_bytes: Read from memory and written to it.
        n_logs: Exponentials and logarithms in float32.
        n_logs64: The same in float64.
        n_rows: Rows of one value per class of which a largest value or a sum is needed.
        n_ranked: Values compared with a least or largest one.
        n_found: Scores or keys of which the positions of those above the least that is taken are
            found.
        n_sorted: Picks brought into the order of their scores or keys.
    """

    flop: float = 0.0
    flop64: float = 0.0
    n_bytes: float = 0.0
    n_logs: float = 0.0
    n_logs64: float = 0.0
    n_rows: float = 0.0
    n_ranked: float = 0.0
    n_found: float = 0.0
    n_sorted: float = 0.0

    def plus(self, more: Mapping[str, float]) -> Work:
        """This and more of some of it."""
        return replace(self, **{name: getattr(self, name) + x for name, x in more.items()})


@dataclass(frozen=True)
class Rates:
    """How much of each kind of work the machine does per second of the clock."""

    flop: float
    flop64: float
    n_bytes: float
    n_logs: float
    n_logs64: float
    n_rows: float
    n_ranked: float
    n_found: float
    n_sorted: float

    def seconds(self, work: Work) -> float:
        """Time of some work, its parts one after the other."""
        return sum(getattr(work, each.name) / getattr(self, each.name) for each in fields(self))

    def best(self, other: Rates) -> Rates:
        """The higher of each: other work on the machine can only lower them."""
        names = [each.name for each in fields(self)]
        return Rates(**{name: max(getattr(self, name), getattr(other, name)) for name in names})


def rates(n_classes: int) -> Rates:
    """Measured in seconds, each with NumPy's routine; rows have n_classes float64 values."""
    rng = np.random.default_rng(0)
    square = rng.random((2048, 2048), dtype=np.float32)
    source, target = np.ones(2**26, dtype=np.float32), np.zeros(2**26, dtype=np.float32)
    numbers = rng.random(2**16)
    rows = numbers[: numbers.size // n_classes * n_classes].reshape(-1, n_classes)
    keys = rng.random(50_000)
    return Rates(
        flop=_product_rate(square),
        flop64=_product_rate(square.astype(np.float64)),
        n_bytes=2 * source.nbytes / timed(lambda: np.copyto(target, source), 5),
        n_logs=_exp_rate(numbers.astype(np.float32)),
        n_logs64=_exp_rate(numbers),
        n_rows=len(rows)
        / min(timed(lambda: rows.max(axis=1), 21), timed(lambda: rows.sum(axis=1), 21)),
        n_ranked=keys.size / timed(lambda: np.count_nonzero(keys > 0.98), 101),
        n_found=keys.size / timed(lambda: np.flatnonzero(keys > 0.98), 101),
        n_sorted=1000 / timed(lambda: np.sort(keys[:1000]), 101),
    )


def _product_rate(square: NDArray[np.floating]) -> float:
    other = square.T.copy()
    return 2 * len(square) ** 3 / timed(lambda: square @ other, 7)


def _exp_rate(numbers: NDArray[np.floating]) -> float:
    out = np.empty_like(numbers)
    return numbers.size / timed(lambda: np.exp(numbers, out=out), 101)


def _ranking(s: Sizes) -> dict[str, float]:
    return {"n_found": s.n, "n_sorted": min(s.b, s.n)}


def _scores(s: Sizes, _: Mapping[str, Any], *, n_rows: int = 3, n_exps: int = 1) -> Work:
    # Logits read once (conversion and checks stay in the cache); of each row the largest and sums.
    cells = s.n * s.c
    return Work(n_bytes=4 * cells, n_logs64=n_exps * cells, n_rows=n_rows * s.n, **_ranking(s))


def _detected(s: Sizes, _: Mapping[str, Any]) -> Work:
    # The largest of each row, and whether it is finite. Mixtures need the activations of each class
    # sorted, scores are places in the order of all; mixtures' iterations are counted while it runs.
    n_sorted = _in_order(s.n, s.n / s.c) + _in_order(s.n, s.n) + s.b
    return Work(n_bytes=4 * s.n * (s.c + 1), n_rows=2 * s.n, n_found=s.n, n_sorted=n_sorted)


def _in_order(n: float, together: float) -> float:
    # So many values sorted, with others of their group, as picks in groups of a thousand: log n
    # comparisons each.
    return n * math.log2(max(together, 2)) / math.log2(1000)


def _balanced(s: Sizes, facts: Mapping[str, Any]) -> Work:
    # Entropies, and probabilities in float64, checked; the rest is counted while it runs.
    return _scores(s, facts, n_rows=7, n_exps=2).plus({"n_bytes": 8 * s.n * s.c})


def _moments(s: Sizes, _: Mapping[str, Any], *, n_rows: int = 2) -> Work:
    # float64 means, checked to be finite, not negative, and of sum 1; one more look at each row.
    return Work(n_bytes=8 * s.n * s.c, n_rows=n_rows * s.n, **_ranking(s))


def _moment_margins(s: Sizes, facts: Mapping[str, Any]) -> Work:
    return _moments(s, facts, n_rows=3)


def _deviations(s: Sizes, _: Mapping[str, Any]) -> Work:
    return Work(n_bytes=8 * s.n * s.c, n_rows=s.n, **_ranking(s))


def _votes(s: Sizes, facts: Mapping[str, Any]) -> Work:
    # The votes, int64, are summed and their largest found, beside the checks of the means.
    return _moments(s, facts, n_rows=3).plus({"n_bytes": 8 * s.n * s.c})


def _moment_logs(s: Sizes, facts: Mapping[str, Any]) -> Work:
    return _moments(s, facts).plus({"n_logs64": s.n * s.c})


def _keys(s: Sizes, _: Mapping[str, Any]) -> Work:
    return Work(n_bytes=8 * s.n, **_ranking(s))


def _column(s: Sizes, _: Mapping[str, Any]) -> Work:
    # float32 outputs read, float64 scores written; one look at each for whether it is finite.
    return Work(n_bytes=12 * s.n, **_ranking(s)).plus({"n_ranked": s.n})


def _levels(s: Sizes, _: Mapping[str, Any]) -> Work:
    # Two losses, and every draw reads and writes the squared distance of every score, in float64.
    return Work(n_bytes=16 * s.n + 16 * s.n * s.b)


def _prepared(n: int, width: int) -> float:
    # Bytes: float32 points checked and averaged, moved to their mean, and read by the products.
    return 16.0 * n * width


def _compared(n_pairs: float, width: int) -> dict[str, float]:
    # Distances of so many pairs, each compared with the least of its sample so far.
    return {"flop": 2 * n_pairs * width, "n_ranked": n_pairs}


def _cover(s: Sizes, facts: Mapping[str, Any]) -> Work:
    # Every sample with every labeled one and with every pick.
    return Work(n_bytes=8 * s.n * s.d).plus(_compared(s.n * (s.labeled + s.b), s.d))


def _known_cover(s: Sizes, _: Mapping[str, Any]) -> Work:
    # Points read for their mean and once more for products; distances of the picks to each other.
    return Work(flop=s.b**2 * s.d, n_bytes=8 * s.n * s.d)


def _balance(s: Sizes) -> dict[str, float]:
    # Probabilities in float64, checked, and how far each row exceeds the quotas at first.
    cells = s.n * s.c
    return {"n_bytes": 20 * cells, "n_logs64": cells, "n_rows": 4 * s.n}


def _balanced_cover(s: Sizes, facts: Mapping[str, Any]) -> Work:
    return _cover(s, facts).plus(_balance(s))


def _known_balanced_cover(s: Sizes, facts: Mapping[str, Any]) -> Work:
    return _known_cover(s, facts).plus(_balance(s))


def _badge(s: Sizes, _: Mapping[str, Any]) -> Work:
    width = s.d + s.c
    work = Work(n_bytes=_prepared(s.n, width), n_logs64=s.n * s.c)
    return work.plus(_compared(s.n * s.b, width))


def _noise(s: Sizes, _: Mapping[str, Any]) -> Work:
    # Distances to the origin are lengths, for which points are read once.
    width = _DRAWS * s.c
    return Work(n_bytes=4 * s.n * width).plus(_compared(s.n * s.b, width))


def _known_noise(s: Sizes, _: Mapping[str, Any]) -> Work:
    width = _DRAWS * s.c
    return Work(flop=s.b**2 * width, n_bytes=4 * s.n * width)


def _mixing(s: Sizes, facts: Mapping[str, Any]) -> Work:
    # Gradients, slopes and distances to the anchors in float64, and seeding; k-means is counted.
    k = facts["n_candidates"]
    work = Work(
        flop64=6 * s.n * s.c * s.d,
        n_bytes=16 * s.n * s.d + 24 * k * s.d,
        n_logs64=s.n * s.c,
        **_ranking(s),
    )
    return work.plus(_compared(k * s.b, s.d))


def _core_mse(s: Sizes, facts: Mapping[str, Any]) -> Work:
    # Deviations are needed three times, their products twice, all in float64.
    pairs, cells = _PASSES * (_PASSES - 1) // 2, s.n * _PASSES * s.c
    work = Work(flop64=4 * _PASSES * cells + s.n * pairs**2, n_bytes=10 * cells, **_ranking(s))
    return work.plus(_compared(facts["n_candidates"] * s.b, pairs))


def _core_log(s: Sizes, facts: Mapping[str, Any]) -> Work:
    places = min(600, 2 * 10**10 // (s.n * s.c**2))
    terms = s.n * places * s.c**2
    # Logarithms and what surrounds them stay in the cache; gains are written and read.
    n_bytes = 4 * s.n * _PASSES * s.c + 8 * s.n * places
    work = Work(flop=2 * (_PASSES + 1) * terms, n_bytes=n_bytes, n_logs=terms)
    return work.plus(_compared(facts["n_candidates"] * s.b, places))


def _log_det(s: Sizes, _: Mapping[str, Any]) -> Work:
    q, p = min(s.labeled, _SETS), min(s.unknowns, _SETS)
    width = s.d + 1 + s.c
    # Similarities to both sets, conditioning on them, and one more row of two factors per pick,
    # which share the rows of one set. Gains may rise: each pick compares all.
    flop = s.n * (2 * (p + q) * width + (p + q) ** 2 + 2 * s.b * (width + p + q + s.b))
    return Work(flop=flop, n_bytes=4 * s.n * width, n_ranked=s.n * s.b)


def _facility(s: Sizes, _: Mapping[str, Any]) -> Work:
    q, p = min(s.labeled, _SETS), min(s.unknowns, _SETS)
    width = s.d + 1 + s.c
    # Every pair once: similarity is symmetric.
    flop = 2 * s.n * (p + q) * width + s.n**2 * width
    return Work(flop=flop, n_bytes=4 * s.n * width)


def _contrast(s: Sizes, _: Mapping[str, Any]) -> Work:
    # Semantic and distinctive projections, each with those of all labeled samples.
    # Cosines are specified to nine digits: float64.
    return Work(flop64=4 * s.n * s.d * s.labeled, n_bytes=24 * s.n * s.d, **_ranking(s))


def _nearest(s: Sizes, _: Mapping[str, Any]) -> Work:
    return Work(flop64=2 * s.n * s.d * s.labeled, n_bytes=12 * s.n * s.d, **_ranking(s))


FLOORS: dict[str, Callable[[Sizes, Mapping[str, Any]], Work]] = {
    "random": _keys,
    "learning_loss": _column,
    "saal": _levels,
    "least_confidence": _scores,
    "margin": _scores,
    "entropy": _scores,
    "tidal": _scores,
    "entropy_cb": _balanced,
    "lfosa": _detected,
    "mean_std": _deviations,
    "var_ratio": _votes,
    "least_confidence_dropout": _moments,
    "margin_dropout": _moment_margins,
    "entropy_dropout": _moment_logs,
    "bald": _moment_logs,
    "coreset": _cover,
    "coreset_cb": _balanced_cover,
    "badge": _badge,
    "noise_stability": _noise,
    "alpha_mix": _mixing,
    "core_mse": _core_mse,
    "core_log": _core_log,
    "similar": _log_det,
    "similar(flcmi)": _facility,
    "ccal": _contrast,
    "mqnet": _nearest,
}
"""Case -> the work its specification states, given sizes and what the selection reports."""

KNOWN = FLOORS | {
    "coreset": _known_cover,
    "coreset_cb": _known_balanced_cover,
    "noise_stability": _known_noise,
}
"""The same without comparisons that are known to be avoidable: those made are counted."""
