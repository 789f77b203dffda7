"""Heads on frozen features: differentiated, written out, and those of all seeds in one solve.

    python -m benchmarks.run heads

What steps without differentiation gain, what a study gains beyond where the heads of its seeds are
trained in lockstep, and whether the weights are the same to the last bit.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch

from alscope.backbones.frozen import FrozenSpec
from alscope.config import TrainConfig
from alscope.data.views import feature_source
from alscope.engine.control import NullControl
from alscope.errors import TrainingDiverged
from alscope.learn import device as devices
from alscope.learn._head_step import HeadStep
from alscope.learn.trainer import Attempt, Fit, fit_together
from alscope.types import SampleSpec
from benchmarks.report import Options, Table

N, WIDTH, N_CLASSES = 6_000, 384, 4
TRAIN = TrainConfig(epochs=30, min_steps=200, batch_size=32, lr=1e-3, weight_decay=0.1)
SAMPLE = SampleSpec(modality="features", shape=(WIDTH,))
SPEC = FrozenSpec(encoder="minilm")
CASES = ((5, 200), (10, 200), (10, 100), (16, 200))


def heads(options: Options) -> Iterator[Table]:
    """Seconds of all ways, and whether the weights are the same."""
    devices.configure(1)
    rows = []
    for n_seeds, n_labeled in CASES[:1] if options.quick else CASES:
        jobs = trainings(n_seeds, n_labeled)
        ways = [measured(lambda w=way, j=jobs: w(j), options) for way in WAYS]
        (long, first), (short, second), (all_, third) = ways
        same = np.array_equal(first, second) and np.array_equal(first, third)
        shown = (f"{long:.2f}", f"{short:.2f}", f"{all_:.2f}")
        ratios = (f"{long / short:.1f}", f"{short / all_:.1f}", f"{long / all_:.1f}")
        rows.append(
            (str(n_seeds), str(n_labeled), *shown, *ratios, "the same" if same else "other")
        )
    caption = (
        f"Linear head on {WIDTH} features, {N_CLASSES} classes, at least {TRAIN.min_steps} steps "
        f"of {TRAIN.batch_size}: CPU seconds for the heads of all seeds, one thread."
    )
    head = (
        "seeds",
        "labels",
        "differentiated",
        "written out",
        "and in one solve",
        "gain of writing out",
        "of one solve",
        "of both",
        "weights",
    )
    yield Table(caption, head, rows)


def data() -> tuple[np.ndarray, np.ndarray]:
    """Features in four clouds."""
    made = np.random.default_rng(0)
    features = made.normal(size=(N, WIDTH)).astype(np.float32)
    labels = made.integers(0, N_CLASSES, N)
    features[np.arange(N), labels] += 2
    return features, labels


def measured(run: Callable[[], np.ndarray], options: Options) -> tuple[float, np.ndarray]:
    """Median CPU seconds, and the weights."""
    weights = run()
    taken = []
    for _ in range(options.repeats):
        start = time.process_time()
        run()
        taken.append(time.process_time() - start)
    return statistics.median(taken), weights


def apart(jobs: list[Attempt]) -> np.ndarray:
    """One after the other; weights (n_seeds, n_classes, n_features)."""
    return weights([fit for job in jobs for fit in fit_together([job])])


def together(jobs: list[Attempt]) -> np.ndarray:
    """In one solve."""
    return weights(fit_together(jobs))


def differentiated(jobs: list[Attempt]) -> np.ndarray:
    """One after the other, as any other network is trained."""
    suits = HeadStep.suits
    HeadStep.suits = staticmethod(lambda *_: False)  # type: ignore[method-assign]
    try:
        return apart(jobs)
    finally:
        HeadStep.suits = suits  # type: ignore[method-assign]


def weights(fits: list[Fit | TrainingDiverged]) -> np.ndarray:
    """Of all heads."""
    return np.stack(
        [fit.model.head.weight.detach().numpy().copy() for fit in fits if isinstance(fit, Fit)]
    )


def trainings(n_seeds: int, n_labeled: int) -> list[Attempt]:
    """One for every seed, each with labels of its own."""
    features, labels = data()
    source = feature_source(features)
    picks = [
        np.sort(np.random.default_rng(seed).choice(N, n_labeled, replace=False))
        for seed in range(n_seeds)
    ]
    return [
        Attempt(
            spec=SPEC,
            sample=SAMPLE,
            source=source,
            indices=pick,
            labels=labels[pick],
            n_classes=N_CLASSES,
            train=TRAIN,
            seed=seed,
            device=torch.device("cpu"),
            control=NullControl(),
        )
        for seed, pick in enumerate(picks)
    ]


WAYS = (differentiated, apart, together)
