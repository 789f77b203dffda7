"""MQ-Net by its definitions: one sample and one pair at a time, derivatives by torch."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its customary name

__all__ = ["exp_z", "max_cosine", "net_scores", "pair_loss", "ranks", "train_net"]


def max_cosine(points: np.ndarray, labeled: np.ndarray) -> list[float]:
    """Similarity to the nearest labeled row."""
    return [max(_cosine(a, b) for b in labeled.tolist()) for a in points.tolist()]


def _cosine(a: list[float], b: list[float]) -> float:
    lengths = math.hypot(*a) * math.hypot(*b)
    return sum(x * y for x, y in zip(a, b, strict=True)) / lengths if lengths else 0.0


def exp_z(values: list[float]) -> list[float]:
    """exp of the standardized value, clipped at 5."""
    mean = sum(values) / len(values)
    std = math.sqrt(sum((v - mean) ** 2 for v in values) / len(values))
    return [math.exp(min(5.0, max(-5.0, (v - mean) / max(std, 1e-8)))) for v in values]


def ranks(values: list[float]) -> list[float]:
    """Empirical distribution function."""
    return [sum(w <= v for w in values) / len(values) for v in values]


def pair_loss(scores: list[float], targets: list[float], margin: float) -> float:
    """Mean hinge over the pairs with an order."""
    n = range(len(scores))
    costs = [
        max(0.0, margin - (scores[i] - scores[j])) for i in n for j in n if targets[i] > targets[j]
    ]
    return sum(costs) / len(costs) if costs else 0.0


def net_scores(arrays: list[torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
    """The network with the arrays (raw_in, bias, raw_out)."""
    raw_in, bias, raw_out = arrays
    return torch.sigmoid(inputs @ F.softplus(raw_in) + bias) @ F.softplus(raw_out)


def train_net(
    arrays: list[np.ndarray],
    inputs: np.ndarray,
    targets: np.ndarray,
    *,
    margin: float,
    n_steps: int,
    lr: float,
) -> list[np.ndarray]:
    """Adam on the matrix of all pairs, differentiated by torch."""
    values = [torch.tensor(array, requires_grad=True) for array in arrays]
    optimizer = torch.optim.Adam(values, lr=lr)
    x, y = torch.tensor(inputs), torch.tensor(targets)
    ordered = y[:, None] > y[None]
    for _ in range(n_steps):
        optimizer.zero_grad()
        scores = net_scores(values, x)
        torch.clamp(margin - scores[:, None] + scores[None], min=0)[ordered].mean().backward()
        optimizer.step()
    return [value.detach().numpy() for value in values]
