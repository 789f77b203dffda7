"""What a selection costs at the least: arithmetic, bytes, logarithms, and what a machine does.

The floor of a strategy is the work that no exact method avoids, at the speed of the best routine
for it: multiply-adds in matrix products, every input read once, exponentials and logarithms where
scores are made of them. It leaves out loops, checks, bookkeeping and steps whose number depends on
the data: where an iteration must converge, one pass of it is counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.report import timed

__all__ = ["FLOORS", "Rates", "Sizes", "Work", "rates"]

_DRAWS, _PASSES = 10, 10  # perturbations and dropout passes of the default parameters
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
        flop: Multiplications and additions of matrix products.
        n_bytes: Read from memory.
        n_logs: Exponentials and logarithms.
    """

    flop: float = 0.0
    n_bytes: float = 0.0
    n_logs: float = 0.0


@dataclass(frozen=True)
class Rates:
    """What the machine does per second of processor time."""

    flop: float
    n_bytes: float
    n_logs: float

    def seconds(self, work: Work) -> float:
        """Time of some work, its parts one after the other."""
        parts = (work.flop / self.flop, work.n_bytes / self.n_bytes, work.n_logs / self.n_logs)
        return sum(parts)


def rates() -> Rates:
    """Measured in a second: products of matrices, copies, exponentials, all in float32."""
    rng = np.random.default_rng(0)
    left, right = (rng.random((2048, 2048), dtype=np.float32) for _ in range(2))
    source, target = np.ones(2**26, dtype=np.float32), np.zeros(2**26, dtype=np.float32)
    cached = rng.random(2**16, dtype=np.float32)
    out = np.empty_like(cached)

    def per_call(run: Callable[[], object]) -> float:
        return timed(run, 5, time.process_time)

    return Rates(
        flop=2 * 2048**3 / per_call(lambda: left @ right),
        n_bytes=2 * source.nbytes / per_call(lambda: np.copyto(target, source)),
        n_logs=64 * cached.size / per_call(lambda: [np.exp(cached, out=out) for _ in range(64)]),
    )


def _scores(s: Sizes, _: Mapping[str, Any]) -> Work:
    return Work(n_bytes=4 * s.n * s.c, n_logs=s.n * s.c)


def _moments(s: Sizes, _: Mapping[str, Any]) -> Work:
    return Work(n_bytes=8 * s.n * s.c)


def _moment_logs(s: Sizes, _: Mapping[str, Any]) -> Work:
    return Work(n_bytes=8 * s.n * s.c, n_logs=s.n * s.c)


def _column(s: Sizes, _: Mapping[str, Any]) -> Work:
    return Work(n_bytes=8 * s.n)


def _cover(s: Sizes, _: Mapping[str, Any]) -> Work:
    # Distances to the labeled samples only: most samples need not be compared with every pick.
    return Work(flop=2 * s.n * s.d * s.labeled, n_bytes=4 * s.n * s.d)


def _badge(s: Sizes, _: Mapping[str, Any]) -> Work:
    width = s.d + s.c
    return Work(flop=2 * s.n * width * s.b, n_bytes=4 * s.n * width, n_logs=s.n * s.c)


def _noise(s: Sizes, _: Mapping[str, Any]) -> Work:
    width = _DRAWS * s.c
    return Work(flop=2 * s.n * width * s.b, n_bytes=4 * s.n * width)


def _mixing(s: Sizes, facts: Mapping[str, Any]) -> Work:
    # Gradients, slopes and distances to the anchors, then seeding and one assignment.
    flop = 6 * s.n * s.c * s.d + 4 * facts["n_candidates"] * s.b * s.d
    return Work(flop=flop, n_bytes=4 * s.n * s.d, n_logs=s.n * s.c)


def _core_mse(s: Sizes, facts: Mapping[str, Any]) -> Work:
    pairs = _PASSES * (_PASSES - 1) // 2
    flop = 4 * s.n * _PASSES**2 * s.c + 4 * facts["n_candidates"] * s.b * pairs
    return Work(flop=flop, n_bytes=8 * s.n * _PASSES * s.c)


def _core_log(s: Sizes, facts: Mapping[str, Any]) -> Work:
    places = min(600, 2 * 10**10 // (s.n * s.c**2))
    terms = s.n * places * s.c**2
    flop = 2 * (_PASSES + 1) * terms + 4 * facts["n_candidates"] * s.b * places
    return Work(flop=flop, n_bytes=4 * s.n * _PASSES * s.c, n_logs=terms)


def _log_det(s: Sizes, _: Mapping[str, Any]) -> Work:
    q, p = min(s.labeled, _SETS), min(s.unknowns, _SETS)
    width = s.d + 1 + s.c
    # Similarities to both sets, conditioning on them, and one more row of two factors per pick.
    flop = s.n * (2 * (p + q) * width + (p + q) ** 2 + 2 * s.b * (width + 2 * p + q + s.b))
    return Work(flop=flop, n_bytes=4 * s.n * width)


def _facility(s: Sizes, _: Mapping[str, Any]) -> Work:
    q, p = min(s.labeled, _SETS), min(s.unknowns, _SETS)
    width = s.d + 1 + s.c
    # Every pair once: similarity is symmetric.
    flop = 2 * s.n * (p + q) * width + s.n**2 * width
    return Work(flop=flop, n_bytes=4 * s.n * width)


def _contrast(s: Sizes, _: Mapping[str, Any]) -> Work:
    # Semantic and distinctive projections, each with those of all labeled samples.
    return Work(flop=4 * s.n * s.d * s.labeled, n_bytes=8 * s.n * s.d)


def _nearest(s: Sizes, _: Mapping[str, Any]) -> Work:
    return Work(flop=2 * s.n * s.d * s.labeled, n_bytes=4 * s.n * s.d)


FLOORS: dict[str, Callable[[Sizes, Mapping[str, Any]], Work]] = {
    "random": _column,
    "learning_loss": _column,
    "saal": _column,
    "least_confidence": _scores,
    "margin": _scores,
    "entropy": _scores,
    "tidal": _scores,
    "entropy_cb": _scores,
    "lfosa": _scores,
    "mean_std": _moments,
    "var_ratio": _moments,
    "least_confidence_dropout": _moments,
    "margin_dropout": _moments,
    "entropy_dropout": _moment_logs,
    "bald": _moment_logs,
    "coreset": _cover,
    "coreset_cb": _cover,
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
"""Case -> its least work, given sizes and what the selection reports of itself."""
