"""Heads on frozen features: seeds one after the other, and all of them as one batched network.

    python -m benchmarks.run heads

What a study would gain if the heads of all its seeds were trained in lockstep, and what it would
lose: whether the weights are the same to the last bit.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch.nn import functional

from alscope import rng
from alscope.backbones.frozen import FrozenSpec
from alscope.config import TrainConfig
from alscope.data.views import feature_source
from alscope.engine.control import NullControl
from alscope.learn import device as devices
from alscope.learn.optim import batch_bounds, epoch_batches, n_steps_of, rate
from alscope.learn.trainer import fit
from alscope.types import SampleSpec
from benchmarks.report import Options, Table

N, WIDTH, N_CLASSES = 6_000, 384, 4
TRAIN = TrainConfig(epochs=30, min_steps=200, batch_size=32, lr=1e-3, weight_decay=0.1)
SAMPLE = SampleSpec(modality="features", shape=(WIDTH,))
SPEC = FrozenSpec(encoder="minilm")
CASES = ((5, 200), (10, 200), (10, 100))


def heads(options: Options) -> Iterator[Table]:
    """Seconds of both ways, and how far the weights are apart."""
    devices.configure(1)
    features, labels = data()
    rows = []
    for n_seeds, n_labeled in CASES[:1] if options.quick else CASES:
        picks = [
            np.sort(np.random.default_rng(seed).choice(N, n_labeled, replace=False))
            for seed in range(n_seeds)
        ]
        one, first = measured(lambda p=picks: apart(p, features, labels), options)
        all_, second = measured(lambda p=picks: together(p, features, labels), options)
        apart_by = float(np.abs(first - second).max() / np.abs(first).max())
        same = "the same" if np.array_equal(first, second) else f"differ by {apart_by:.0e}"
        shown = (f"{one:.2f}", f"{all_:.2f}", f"{one / all_:.1f}", same)
        rows.append((str(n_seeds), str(n_labeled), *shown))
    caption = (
        f"Linear head on {WIDTH} features, {N_CLASSES} classes, at least {TRAIN.min_steps} steps "
        f"of {TRAIN.batch_size}: CPU seconds for the heads of all seeds, one thread."
    )
    head = (
        "seeds",
        "labels",
        "one after the other",
        "batched",
        "times faster",
        "weights, relative",
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


def apart(picks: list[np.ndarray], features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The trainer, once per seed; weights (n_seeds, n_classes, n_features)."""
    source = feature_source(features)
    found = []
    for seed, indices in enumerate(picks):
        done = fit(
            SPEC,
            SAMPLE,
            source,
            indices=indices,
            labels=labels[indices],
            n_classes=N_CLASSES,
            train=TRAIN,
            seed=seed,
            device=torch.device("cpu"),
            control=NullControl(),
        )
        found.append(done.model.head.weight.detach().numpy().copy())
    return np.stack(found)


def together(picks: list[np.ndarray], features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """All heads in one batched product per step, with the same random draws."""
    n = picks[0].size
    heads = [initial(seed, n) for seed in range(len(picks))]
    weight, bias = (torch.stack(parts).requires_grad_() for parts in zip(*heads, strict=True))
    optimizer = torch.optim.AdamW(
        [weight, bias], lr=TRAIN.lr, weight_decay=TRAIN.weight_decay, fused=True
    )
    inputs = [functional.layer_norm(torch.from_numpy(features[p]), (WIDTH,)) for p in picks]
    targets = [torch.from_numpy(labels[p]) for p in picks]
    n_steps, n_batches = n_steps_of(TRAIN, n), len(batch_bounds(n, TRAIN.batch_size))
    step = 0
    for epoch in range(math.ceil(n_steps / n_batches)):
        orders = [
            epoch_batches(n, TRAIN.batch_size, rng.torch_generator(s, "data_order", n, 0, epoch))
            for s in range(len(picks))
        ]
        masks = [rng.torch_generator(s, "dropout", n, 0, epoch) for s in range(len(picks))]
        for place in range(min(n_batches, n_steps - step)):
            rows = [torch.from_numpy(order[place]) for order in orders]
            x = torch.stack([part[row] for part, row in zip(inputs, rows, strict=True)])
            y = torch.stack([part[row] for part, row in zip(targets, rows, strict=True)])
            kept = 1 - SPEC.dropout
            keep = [torch.empty(x.shape[1:]).bernoulli_(kept, generator=mask) for mask in masks]
            logits = torch.baddbmm(
                bias[:, None], x * (torch.stack(keep) / kept), weight.transpose(1, 2)
            )
            losses = functional.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none")
            optimizer.zero_grad()
            losses.view(len(picks), -1).mean(1).sum().backward()
            optimizer.param_groups[0]["lr"] = rate(TRAIN, step, n_steps)
            optimizer.step()
            step += 1
    return weight.detach().numpy()


def initial(seed: int, n_labeled: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias that the trainer would begin with."""
    with rng.seeded(seed, "model_init", n_labeled, 0):
        head = SPEC.build(SAMPLE, N_CLASSES).head
    return head.weight.detach().clone(), head.bias.detach().clone()
