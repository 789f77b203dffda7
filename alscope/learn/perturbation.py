"""Passes with changed weights; the model itself is never written to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from alscope.learn.passes import Batches, module_of
from alscope.types import Arrays, IntArray

if TYPE_CHECKING:
    from alscope.backbones.protocols import Backbone

__all__ = ["noise_deviations", "noisy_weights", "worst_case_losses"]

Generators = Callable[..., torch.Generator]
Tensors = dict[str, Tensor]


@torch.no_grad()
def noise_deviations(
    model: Backbone,
    batches: Batches,
    *,
    n_draws: int,
    scale: float,
    n_classes: int,
    generator: Generators,
) -> Arrays:
    """How the class probabilities of every sample move when noise is added to the weights.

    Draw k is the same for all samples and comes from `generator("noise", k)`; it cannot depend on
    how samples are batched. The network runs n_draws + 1 times over the samples; besides the result
    one copy of the weights is held.

    Args:
        model: On the device of `batches`; left in evaluation mode, otherwise untouched.
        batches: The samples.
        n_draws: Number of noise draws.
        scale: Length of the noise relative to that of each weight tensor, above 0.
        n_classes: Outputs of the head.
        generator: Named random streams.

    Returns:
        `deviations` (n, n_draws * n_classes), float32: for draw after draw, the change of the
        probabilities, divided by the Euclidean length of the unperturbed ones.
    """
    module_of(model).eval()
    clean = np.empty((batches.n, n_classes))
    for positions, probs in _probs(model, batches, {}, part=0, n_parts=n_draws + 1):
        clean[positions] = probs
    lengths = np.linalg.norm(clean, axis=1, keepdims=True)
    deviations = np.empty((batches.n, n_draws, n_classes), dtype=np.float32)
    for draw in range(n_draws):
        weights = noisy_weights(model, scale=scale, generator=generator("noise", draw))
        for positions, probs in _probs(model, batches, weights, part=draw + 1, n_parts=n_draws + 1):
            # In float64: the change is a thousand times smaller than what it is a difference of.
            deviations[positions, draw] = (probs - clean[positions]) / lengths[positions]
    return {"deviations": deviations.reshape(batches.n, n_draws * n_classes)}


@torch.no_grad()
def noisy_weights(model: Backbone, *, scale: float, generator: torch.Generator) -> Tensors:
    """Every parameter called `weight` with Gaussian noise of `scale` times its own length added.

    These are the weights of linear, convolutional, embedding and normalization layers; biases and
    buffers are left out. A tensor that several modules share comes once.

    Args:
        model: Only read.
        scale: Length of the noise relative to that of each tensor.
        generator: On the CPU, so that all devices draw alike.

    Returns:
        New tensors by parameter name.
    """
    noisy: Tensors = {}
    for name, weight in module_of(model).named_parameters():
        if name.rpartition(".")[2] == "weight":
            noise = torch.randn(weight.shape, generator=generator).to(weight)
            # A tensor of zeros stays one: its noise has length 0.
            length = scale * weight.double().norm() / noise.double().norm()
            noisy[name] = weight + noise * length.to(weight.dtype)
    return noisy


def worst_case_losses(
    model: Backbone, batches: Batches, *, radius: float, adaptive: bool
) -> Arrays:
    """Loss of every sample at its predicted class, before and after its worst change of weights.

    Sample by sample: g is the gradient of the cross-entropy at the predicted class with respect to
    all trainable parameters, T their absolute values (1 if not adaptive), and the weights move by
    radius * T^2 g / |T g|. Two forward passes and one backward pass per sample; besides the result
    a few copies of the weights are held.

    Args:
        model: On the device of `batches`; left in evaluation mode, otherwise untouched.
        batches: The samples.
        radius: Length of the change, measured in units of T.
        adaptive: Whether large weights may move further than small ones.

    Returns:
        `clean` and `perturbed`, (n,), float64, in nats; equal where the gradient vanishes.
    """
    module = module_of(model).eval()
    losses: Arrays = {name: np.empty(batches.n) for name in ("clean", "perturbed")}
    done = 0
    for positions, inputs in batches:
        for row, position in enumerate(positions):
            batches.tick(done / batches.n)
            one = {name: tensor[row : row + 1] for name, tensor in inputs.items()}
            pair = _worst_case(module, one, radius=radius, adaptive=adaptive)
            losses["clean"][position], losses["perturbed"][position] = pair
            done += 1
    return losses


def _worst_case(
    module: nn.Module, one: Tensors, *, radius: float, adaptive: bool
) -> tuple[float, float]:
    trainable = {name: p for name, p in module.named_parameters() if p.requires_grad}
    with torch.enable_grad():
        logits: Tensor = module(one)
        label = logits.detach().argmax(dim=1)
        lag = _lag(logits, label)
        # The loss, log(1 + exp(lag)), rises with the lag: their gradients have one direction, but
        # that of the loss vanishes where the prediction is confident.
        found = torch.autograd.grad(lag, list(trainable.values()), allow_unused=True)
    gradients = {n: g for n, g in zip(trainable, found, strict=True) if g is not None}
    with torch.no_grad():
        units = {n: trainable[n].abs() if adaptive else 1.0 for n in gradients}
        steps = {n: units[n] * gradient for n, gradient in gradients.items()}  # T g
        parts = [torch.linalg.vector_norm(s, dtype=torch.float64) for s in steps.values()]
        length = float(torch.stack(parts).norm())
        before = _loss(lag)
        if length == 0:
            return before, before
        moved = {n: trainable[n] + units[n] * step * (radius / length) for n, step in steps.items()}
        return before, _loss(_lag(functional_call(module, moved, (one,)), label))


def _lag(logits: Tensor, label: Tensor) -> Tensor:
    # By how much the logit of the label is below the log-sum-exp of the others, which are as
    # probable together as one class of that logit; (1,).
    wide = logits.double()
    others = wide.scatter(1, label[:, None], -torch.inf)
    return others.logsumexp(dim=1) - wide.gather(1, label[:, None])[:, 0]


def _loss(lag: Tensor) -> float:
    # In float64: losses of confident predictions would round to 0.
    return float(torch.logaddexp(lag, torch.zeros_like(lag)))


def _probs(
    model: Backbone, batches: Batches, weights: Tensors, *, part: int, n_parts: int
) -> Iterator[tuple[IntArray, NDArray[np.float64]]]:
    for positions, inputs in batches.part(part, n_parts):
        logits: Tensor = functional_call(module_of(model), weights, (inputs,))
        yield positions, torch.softmax(logits.double(), dim=1).cpu().numpy()
