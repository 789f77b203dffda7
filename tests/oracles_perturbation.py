"""Definitions of methods that change the weights, written down literally and slowly."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

Inputs = dict[str, Tensor]


def perturbed_copy(model: nn.Module, scale: float, generator: torch.Generator) -> nn.Module:
    """A copy whose modules' own `weight` tensors carry noise of `scale` times their length."""
    other = copy.deepcopy(model).eval()
    seen: set[int] = set()
    with torch.no_grad():
        for module in other.modules():
            weight = getattr(module, "weight", None)
            if not isinstance(weight, Tensor) or id(weight) in seen:
                continue
            seen.add(id(weight))
            noise = torch.randn(weight.shape, generator=generator).to(weight.dtype)
            if float(noise.norm()) > 0:
                weight.add_(noise * (scale * weight.norm() / noise.norm()))
    return other


def noise_embedding(
    model: nn.Module,
    inputs: Inputs,
    *,
    n_draws: int,
    scale: float,
    generator: Callable[..., torch.Generator],
) -> np.ndarray:
    """Deviations of the probabilities over all draws, (n, n_draws * n_classes)."""
    with torch.no_grad():
        clean = torch.softmax(model(inputs).double(), dim=1)
        parts = []
        for draw in range(n_draws):
            other = perturbed_copy(model, scale, generator("noise", draw))
            moved = torch.softmax(other(inputs).double(), dim=1)
            parts.append((moved - clean) / clean.norm(dim=1, keepdim=True))
    return torch.cat(parts, dim=1).numpy()


def farthest_first_from_origin(points: np.ndarray, k: int, keys: np.ndarray) -> list[int]:
    """Point by point: farthest from the origin and from everything taken; ties by key."""
    wide = points.astype(np.float64)
    taken: list[int] = []
    while len(taken) < min(k, len(wide)):
        ranked = []
        for i in range(len(wide)):
            if i not in taken:
                centres = [np.zeros(wide.shape[1]), *(wide[s] for s in taken)]
                nearest = min(float(((wide[i] - centre) ** 2).sum()) for centre in centres)
                ranked.append((-nearest, int(keys[i]), i))
        taken.append(min(ranked)[2])
    return taken


def worst_case_pair(model: nn.Module, one: Inputs, radius: float, *, adaptive: bool) -> list[float]:
    """Loss at the predicted class before and after the step, on a copy of the network."""
    other = copy.deepcopy(model).eval()
    logits = other(one).double()
    label = logits.argmax(dim=1)
    clean = nn.functional.cross_entropy(logits, label)
    weights = list(other.parameters())
    gradients = torch.autograd.grad(clean, weights)
    units = [w.detach().abs() if adaptive else torch.ones_like(w) for w in weights]
    total = sum(float(((t * g) ** 2).sum()) for t, g in zip(units, gradients, strict=True))
    with torch.no_grad():
        for weight, unit, gradient in zip(weights, units, gradients, strict=True):
            weight.add_(unit**2 * gradient * (radius / total**0.5))
        moved = nn.functional.cross_entropy(other(one).double(), label)
    return [float(clean.detach()), float(moved)]
