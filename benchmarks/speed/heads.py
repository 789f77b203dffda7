"""Heads on frozen features: differentiated, written out, and those of all seeds in lockstep.

    python -m benchmarks.run heads

What the trainer gains by steps without differentiation, what a study would gain beyond if the heads
of all its seeds were trained in lockstep, and whether the weights are the same to the last bit.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from alscope import rng
from alscope.backbones.frozen import FrozenSpec
from alscope.config import TrainConfig
from alscope.data.views import feature_source
from alscope.engine.control import NullControl
from alscope.learn import device as devices
from alscope.learn._head_step import HeadStep
from alscope.learn.optim import batch_bounds, epoch_batches, make_optimizer, n_steps_of, rate
from alscope.learn.trainer import fit
from alscope.types import SampleSpec
from benchmarks.report import Options, Table

N, WIDTH, N_CLASSES = 6_000, 384, 4
TRAIN = TrainConfig(epochs=30, min_steps=200, batch_size=32, lr=1e-3, weight_decay=0.1)
SAMPLE = SampleSpec(modality="features", shape=(WIDTH,))
SPEC = FrozenSpec(encoder="minilm")
CASES = ((5, 200), (10, 200), (10, 100))


def heads(options: Options) -> Iterator[Table]:
    """Seconds of all ways, and whether the weights are the same."""
    devices.configure(1)
    features, labels = data()
    rows = []
    for n_seeds, n_labeled in CASES[:1] if options.quick else CASES:
        picks = [
            np.sort(np.random.default_rng(seed).choice(N, n_labeled, replace=False))
            for seed in range(n_seeds)
        ]
        long, first = measured(lambda p=picks: apart(p, features, labels, short=False), options)
        short, second = measured(lambda p=picks: apart(p, features, labels), options)
        all_, third = measured(lambda p=picks: together(p, features, labels), options)
        same = np.array_equal(first, second) and np.array_equal(first, third)
        shown = (f"{long:.2f}", f"{short:.2f}", f"{all_:.2f}")
        ratios = (f"{long / short:.1f}", f"{short / all_:.1f}")
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
        "and in lockstep",
        "gain of writing out",
        "of lockstep",
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


def apart(
    picks: list[np.ndarray], features: np.ndarray, labels: np.ndarray, *, short: bool = True
) -> np.ndarray:
    """The trainer, once per seed; weights (n_seeds, n_classes, n_features).

    Args:
        picks: Labeled samples of every seed.
        features: Of all samples.
        labels: Of all samples.
        short: Whether steps are written out; else they are differentiated.
    """
    source, suits = feature_source(features), HeadStep.suits
    found = []
    HeadStep.suits = suits if short else staticmethod(lambda *_: False)  # type: ignore[method-assign]
    try:
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
    finally:
        HeadStep.suits = suits  # type: ignore[method-assign]
    return np.stack(found)


@torch.no_grad()
def together(picks: list[np.ndarray], features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """All heads in lockstep: one product per step, written out, with the same random draws."""
    n, n_seeds = picks[0].size, len(picks)
    weights, biases = (torch.stack(parts) for parts in zip(*initials(n_seeds, n), strict=True))
    parameters = [nn.Parameter(part) for part in (*weights.unbind(), *biases.unbind())]
    to_weights, to_biases = torch.empty_like(weights), torch.empty_like(biases)
    optimizer = make_optimizer(TRAIN, parameters)
    for parameter, gradient in zip(
        parameters, (*to_weights.unbind(), *to_biases.unbind()), strict=True
    ):
        parameter.grad = gradient
    everything = np.concatenate(picks)
    table = functional.layer_norm(torch.from_numpy(features[everything]), (WIDTH,))
    targets = torch.from_numpy(labels[everything])
    n_steps, n_batches = n_steps_of(TRAIN, n), len(batch_bounds(n, TRAIN.batch_size))
    kept, step = 1 - SPEC.dropout, 0
    for epoch in range(math.ceil(n_steps / n_batches)):
        orders = [
            epoch_batches(n, TRAIN.batch_size, rng.torch_generator(s, "data_order", n, 0, epoch))
            for s in range(n_seeds)
        ]
        masks = [rng.torch_generator(s, "dropout", n, 0, epoch) for s in range(n_seeds)]
        for place in range(min(n_batches, n_steps - step)):
            rows = torch.from_numpy(np.stack([s * n + o[place] for s, o in enumerate(orders)]))
            drawn = torch.empty(*rows.shape, WIDTH)
            for one, mask in zip(drawn, masks, strict=True):
                one.bernoulli_(kept, generator=mask)
            inputs = table.index_select(0, rows.flatten()).view_as(drawn) * drawn.div_(kept)
            logits = torch.baddbmm(biases[:, None], inputs, weights.transpose(1, 2))
            logs = torch.log_softmax(logits, dim=2)
            slopes = torch.zeros_like(logs)
            slopes.scatter_(2, targets[rows][:, :, None], -1 / rows.shape[1])
            slopes = torch._log_softmax_backward_data(slopes, logs, 2, torch.float32)
            torch.bmm(slopes.transpose(1, 2), inputs, out=to_weights)
            for slope, to_bias in zip(slopes, to_biases, strict=True):
                torch.sum(slope, dim=0, out=to_bias)
            optimizer.step(rate(TRAIN, step, n_steps))
            step += 1
    return weights.numpy()


def initials(n_seeds: int, n_labeled: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Weight and bias that the trainer would begin with."""
    for seed in range(n_seeds):
        with rng.seeded(seed, "model_init", n_labeled, 0):
            head = SPEC.build(SAMPLE, N_CLASSES).head
        yield head.weight.detach().clone(), head.bias.detach().clone()
