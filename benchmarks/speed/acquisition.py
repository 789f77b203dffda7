"""Time the acquisition functions at the size of CIFAR: 50,000 samples, 512 features.

    OMP_NUM_THREADS=2 python benchmarks/speed/acquisition.py [--repeats 5]

Data are Gaussian, with logits from a random linear head; the numbers are wall-clock seconds from
cached arrays to positions, without inference.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

from alscope.acquisition import (
    balance,
    balanced_cover,
    cover,
    disagreement,
    dual,
    ranking,
    seeding,
    uncertainty,
)
from alscope.rng import tie_keys

N_POOL, N_FEATURES, N_LABELED, N_QUERY = 50_000, 512, 1_000, 1_000
ROW = "{:<22} {:>9} {:>9} {:>9}  {}"

Case = tuple[str, Callable[[], object]]


def main() -> None:
    """Print one line per case: median, fastest, slowest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    threads = os.environ.get("OMP_NUM_THREADS", "default")
    write(f"n={N_POOL} features={N_FEATURES} labeled={N_LABELED} query={N_QUERY}")
    write(f"threads={threads} numpy={np.__version__} {platform.machine()} repeats={repeats}")
    write(ROW.format("case", "median_s", "min_s", "max_s", "").rstrip())
    for name, run in cases():
        seconds = sorted(measure(run) for _ in range(repeats))
        figures = (statistics.median(seconds), seconds[0], seconds[-1])
        write(ROW.format(name, *(f"{s:.3f}" for s in figures), "").rstrip())


def cases() -> Iterator[Case]:
    """Name and function of every case, on fixed data."""
    rng = np.random.default_rng(0)
    points = np.maximum(rng.normal(size=(N_POOL, N_FEATURES)), 0).astype(np.float32)
    centres = np.maximum(rng.normal(size=(N_LABELED, N_FEATURES)), 0).astype(np.float32)
    keys = tie_keys(np.arange(N_POOL), seed=0, round=0)
    for n_classes in (10, 100):
        head = rng.normal(size=(n_classes, N_FEATURES)).astype(np.float32) / 8
        yield from score_cases(points @ head.T, keys)
        yield f"badge C={n_classes}", seed_case(points @ head.T, points, keys)
        yield from balanced_cases(points @ head.T, points, centres, keys)
    yield "coreset", lambda: cover.k_center_greedy(points, centres, N_QUERY, keys=keys)


def score_cases(logits: np.ndarray, keys: np.ndarray) -> Iterator[Case]:
    """Score and rank."""
    n_classes = logits.shape[1]
    for score in (uncertainty.least_confidence, uncertainty.margin, uncertainty.entropy):
        name = f"{score.__name__} C={n_classes}"
        yield name, lambda score=score: ranking.top_k(score(logits), N_QUERY, keys=keys)
    probs = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    probs /= probs.sum(axis=1, keepdims=True)
    mean_entropy = uncertainty.entropy_of_probs(probs) / 2

    def bald() -> np.ndarray:
        scores = disagreement.mutual_information(probs, mean_entropy)
        return ranking.top_k(scores, N_QUERY, keys=keys)

    yield f"bald C={n_classes}", bald


def seed_case(logits: np.ndarray, points: np.ndarray, keys: np.ndarray) -> Callable[[], object]:
    """BADGE with fresh draws in every repetition."""
    rng = np.random.default_rng(1)
    return lambda: seeding.gradient_seeding(logits, points, N_QUERY, keys=keys, rng=rng)


def balanced_cases(
    logits: np.ndarray, points: np.ndarray, centres: np.ndarray, keys: np.ndarray
) -> Iterator[Case]:
    """EntropyCB and CoresetCB with labels that favour the first classes by ten to one."""
    n_classes = logits.shape[1]
    shares = np.exp(np.linspace(0, -np.log(10), n_classes))
    counts = np.round(N_LABELED * shares / shares.sum()).astype(np.int64)
    quotas = balance.paper_quotas(counts, N_QUERY)
    probs = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    probs /= probs.sum(axis=1, keepdims=True)

    def entropy_cb() -> dual.BalancedBatch:
        values, lam = uncertainty.entropy(logits), 0.6 * (n_classes / 10) ** 0.52
        return dual.balanced_top_k(values, probs, N_QUERY, quotas=quotas, weight=lam, keys=keys)

    def coreset_cb() -> np.ndarray:
        return balanced_cover.balanced_k_center(
            points, centres, probs, N_QUERY, quotas=quotas, weight=0.5, keys=keys
        )

    yield f"entropy_cb C={n_classes}", entropy_cb
    yield f"coreset_cb C={n_classes}", coreset_cb


def measure(run: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def write(line: str) -> None:
    """One line to standard output."""
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
