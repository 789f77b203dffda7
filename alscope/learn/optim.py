"""What of training follows from its configuration: batches, steps, optimizer, schedule."""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import nn

from alscope.config import TrainConfig
from alscope.types import IntArray

__all__ = [
    "SGD",
    "AdamW",
    "batch_bounds",
    "epoch_batches",
    "make_optimizer",
    "n_steps_of",
    "rate",
    "set_rate",
]

_SORTED_BATCHES = 16
"""How many batches are sorted by length together: few enough to stay random, enough to save."""


class _Eager(torch.optim.Optimizer):
    """An optimizer that does not load torch's compiler, which is not used.

    Every optimizer of torch imports it at the first step, only to mark a place where a compiled
    program would be cut: more than a second and 150 MB in every process. What is done is the same.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update."""
        found: float | None = _bare(super().step)(self, closure)
        return found

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        _bare(super().zero_grad)(self, set_to_none)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Train these, too."""
        _bare(super().add_param_group)(self, param_group)


def _bare(method: Any) -> Callable[..., Any]:
    """The function below what torch wraps around it; itself if nothing is."""
    found: Callable[..., Any] = inspect.unwrap(method.__func__)
    return found


class AdamW(_Eager, torch.optim.AdamW):
    """Torch's AdamW."""


class SGD(_Eager, torch.optim.SGD):
    """Torch's SGD."""


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


def make_optimizer(train: TrainConfig, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """AdamW, or SGD with Nesterov momentum.

    References:
        Loshchilov and Hutter 2017, arXiv:1711.05101 (AdamW).
    """
    if train.optimizer == "sgd":
        return SGD(
            parameters,
            lr=train.lr,
            momentum=train.momentum,
            weight_decay=train.weight_decay,
            nesterov=train.momentum > 0,
        )
    # One fused kernel: half the time of a step for networks with a large table of word vectors.
    return AdamW(parameters, lr=train.lr, weight_decay=train.weight_decay, fused=True)


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


def set_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    """Use a learning rate from the next step on."""
    for group in optimizer.param_groups:
        group["lr"] = value
