"""What of training follows from its configuration: batches, steps, optimizer, schedule."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw
from torch.optim.sgd import sgd

from alscope.config import TrainConfig
from alscope.types import IntArray

__all__ = [
    "SGD",
    "AdamW",
    "Optimizer",
    "batch_bounds",
    "epoch_batches",
    "make_optimizer",
    "n_steps_of",
    "rate",
]

_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8
_SORTED_BATCHES = 16
"""How many batches are sorted by length together: few enough to stay random, enough to save."""


class Optimizer:
    """Moves parameters along their gradients, by the kernels of torch.

    The optimizers of torch are not used. They import its compiler at the first step, more than a
    second and 150 MB in every process, and surround every step with hooks for profilers, which take
    longer than the update of a small network. What is done is the same, to the last bit.

    Args:
        parameters: What is moved; those without a gradient stay where they are.
    """

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        self._parameters = list(parameters)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for weights in self._parameters:
            weights.grad = None

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """One update with a learning rate."""
        moved = [at for at, weights in enumerate(self._parameters) if weights.grad is not None]
        gradients = [g for weights in self._parameters if (g := weights.grad) is not None]
        if moved:
            self._move(moved, gradients, lr)

    def _move(self, moved: list[int], gradients: list[Tensor], lr: float) -> None:
        raise NotImplementedError


class AdamW(Optimizer):
    """Adam with decoupled weight decay.

    Args:
        parameters: What is moved.
        weight_decay: Share of a parameter that is lost in every step, times the rate.

    References:
        Loshchilov and Hutter 2017, arXiv:1711.05101.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], *, weight_decay: float) -> None:
        super().__init__(parameters)
        self._weight_decay = weight_decay
        self._first = [torch.zeros_like(weights) for weights in self._parameters]
        self._second = [torch.zeros_like(weights) for weights in self._parameters]
        self._steps = [torch.zeros((), device=weights.device) for weights in self._parameters]

    def _move(self, moved: list[int], gradients: list[Tensor], lr: float) -> None:
        adamw(
            [self._parameters[at] for at in moved],
            gradients,
            [self._first[at] for at in moved],
            [self._second[at] for at in moved],
            [],
            [self._steps[at] for at in moved],
            # One kernel: half the time of a step for networks with a large table of word vectors.
            fused=True,
            amsgrad=False,
            beta1=_BETA_1,
            beta2=_BETA_2,
            lr=lr,
            weight_decay=self._weight_decay,
            eps=_EPSILON,
            maximize=False,
        )


class SGD(Optimizer):
    """Stochastic gradient descent.

    Args:
        parameters: What is moved.
        momentum: Share of the update before that is repeated.
        weight_decay: Of the L2 penalty.
        nesterov: Whether the gradient is that of the place to which momentum leads.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        momentum: float,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(parameters)
        self._momentum, self._weight_decay, self._nesterov = momentum, weight_decay, nesterov
        self._updates: list[Tensor | None] = [None for _ in self._parameters]

    def _move(self, moved: list[int], gradients: list[Tensor], lr: float) -> None:
        updates = [self._updates[at] for at in moved]
        sgd(
            [self._parameters[at] for at in moved],
            gradients,
            updates,
            weight_decay=self._weight_decay,
            momentum=self._momentum,
            lr=lr,
            dampening=0.0,
            nesterov=self._nesterov,
            maximize=False,
        )
        for at, update in zip(moved, updates, strict=True):
            self._updates[at] = update


def batch_bounds(n: int, batch_size: int) -> list[tuple[int, int]]:
    """Start and end of every batch; a last one of one sample joins the one before.

    Batch normalization cannot work on a single sample.
    """
    starts = list(range(0, n, batch_size))
    if batch_size > 1 and len(starts) > 1 and n - starts[-1] == 1:
        starts.pop()
    return list(itertools.pairwise([*starts, n]))


def epoch_batches(
    n: int, batch_size: int, generator: torch.Generator, *, lengths: IntArray | None = None
) -> list[IntArray]:
    """Which samples share a batch in one pass, all in random order.

    With lengths, the random order is cut into pieces of 16 batches, each is sorted by length, and
    the batches are shuffled: those of a piece then hold texts of similar length, which saves
    padding. What is left for a smaller last batch is not sorted, so that it is no longer than
    others.

    Args:
        n: Samples.
        batch_size: Samples per batch; see `batch_bounds` for the last one.
        generator: Source of both orders.
        lengths: Tokens per sample, (n,); None: batches are drawn at random.
    """
    order = torch.randperm(n, generator=generator).numpy()
    bounds = batch_bounds(n, batch_size)
    if lengths is None:
        return [order[start:end] for start, end in bounds]
    n_sorted, size = n - n % batch_size, _SORTED_BATCHES * batch_size
    for start in range(0, n_sorted, size):
        piece = order[start : min(start + size, n_sorted)]
        piece[:] = piece[np.argsort(lengths[piece], kind="stable")]
    shuffled = torch.randperm(len(bounds), generator=generator).tolist()
    return [order[slice(*bounds[place])] for place in shuffled]


def n_steps_of(train: TrainConfig, n_labeled: int) -> int:
    """Optimizer steps: `epochs * ceil(n_labeled / batch_size)`, clipped; 0 without labels."""
    if n_labeled == 0:
        return 0
    wanted = max(train.epochs * math.ceil(n_labeled / train.batch_size), train.min_steps)
    return wanted if train.max_steps is None else min(wanted, train.max_steps)


def make_optimizer(train: TrainConfig, parameters: Iterable[nn.Parameter]) -> Optimizer:
    """AdamW, or SGD with Nesterov momentum."""
    if train.optimizer == "adamw":
        return AdamW(parameters, weight_decay=train.weight_decay)
    return SGD(
        parameters,
        momentum=train.momentum,
        weight_decay=train.weight_decay,
        nesterov=train.momentum > 0,
    )


def rate(train: TrainConfig, step: int, n_steps: int) -> float:
    """Learning rate of a step, stretched to the actual number of steps.

    After the warm-up, "cosine" and "linear" fall from `lr` towards 0 and "constant" stays;
    "multistep" divides by ten after half and again after three quarters of all steps.

    Args:
        train: Training configuration.
        step: From 0.
        n_steps: Steps of the whole training.
    """
    n_warmup = round(train.warmup * n_steps)
    if step < n_warmup:
        return train.lr * (step + 1) / n_warmup
    done = (step - n_warmup) / max(n_steps - n_warmup, 1)
    if train.schedule == "cosine":
        return train.lr * 0.5 * (1 + math.cos(math.pi * done))
    if train.schedule == "linear":
        return train.lr * (1 - done)
    if train.schedule == "multistep":
        share = step / n_steps
        return train.lr * (1.0 if share < 0.5 else 0.1 if share < 0.75 else 0.01)
    return train.lr
