"""Heads that read the stages of a network: the module, its losses, and what it learns from.

Pure torch: nothing here knows what a run or a strategy is.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["DynamicsTable", "TapHead", "detached", "divergence", "ranking_loss"]


class TapHead(nn.Module):
    """A hidden layer per tap, joined by one linear layer.

    For tap v_i, (batch, widths[i]): u_i = ReLU(W_i v_i + a_i), (batch, width); the output is
    W [u_1; u_2; ...] + a. Nothing in it is random, and no sample sees another one.

    Args:
        widths: Width of every tap.
        width: Of every hidden layer.
        n_outputs: Outputs.

    References:
        Yoo and Kweon 2019, arXiv:1905.03677, section 3.2.
    """

    def __init__(self, widths: Sequence[int], *, width: int, n_outputs: int) -> None:
        super().__init__()
        self.hidden = nn.ModuleList([nn.Linear(n_inputs, width) for n_inputs in widths])
        self.out = nn.Linear(width * len(widths), n_outputs)

    def forward(self, taps: Sequence[Tensor]) -> Tensor:
        """Outputs, (batch, n_outputs)."""
        pairs = zip(self.hidden, taps, strict=True)
        outputs: Tensor = self.out(
            torch.cat([functional.relu(layer(tap)) for layer, tap in pairs], dim=1)
        )
        return outputs


def detached(taps: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The same values, from which no gradient reaches the network."""
    return tuple(tap.detach() for tap in taps)


def ranking_loss(predicted: Tensor, losses: Tensor, *, margin: float) -> Tensor:
    """How badly predicted losses order the samples of a batch.

    Sample i of the first half is compared with sample batch - 1 - i; a pair costs
    max(0, margin - s (predicted_i - predicted_j)), with s = 1 if losses_i > losses_j and else -1.
    The last sample of an odd batch has no partner.

    Args:
        predicted: (batch,).
        losses: What they should order like, (batch,); no gradient reaches them.
        margin: By how much predictions of a pair should differ.

    Returns:
        Mean over the pairs, a scalar; 0 with zero gradient if there is none.

    References:
        Yoo and Kweon 2019, arXiv:1905.03677, equation 2.
    """
    n_pairs = len(predicted) // 2
    if n_pairs == 0:
        return 0.0 * predicted.sum()
    first, second = slice(n_pairs), slice(n_pairs, 2 * n_pairs)
    # Within an even number of samples the partner of i is i-th from the end.
    gap = predicted[first] - predicted[second].flip(0)
    larger = losses[first] > losses[second].flip(0)
    signs = torch.where(larger, 1.0, -1.0).to(gap.dtype)
    return (margin - signs * gap).clamp_min(0).mean()


def divergence(outputs: Tensor, target: Tensor) -> Tensor:
    """Kullback-Leibler divergence of the predicted distributions from given ones, mean over rows.

    Its gradient with respect to the outputs is (softmax(outputs) - target) / batch.

    Args:
        outputs: Logits, (batch, n_classes).
        target: Distributions, (batch, n_classes); no gradient reaches them.

    Returns:
        KL(target || softmax(outputs)) in nats, a scalar.
    """
    logs = functional.log_softmax(outputs, dim=1)
    return functional.kl_div(logs, target.detach(), reduction="batchmean")


class DynamicsTable:
    """Mean of the class probabilities that every labeled sample was given during a training.

    The mean is over visits, not over epochs, so it stays a distribution whichever are skipped.

    Args:
        n_labeled: Samples.
        n_classes: Classes.
        device: Where the probabilities are.
    """

    def __init__(self, n_labeled: int, n_classes: int, device: torch.device) -> None:
        # In float64, or thousands of visits would add up their rounding.
        self._sums = torch.zeros(n_labeled, n_classes, dtype=torch.float64, device=device)
        self._visits = torch.zeros(n_labeled, 1, dtype=torch.float64, device=device)

    def update(self, rows: Tensor, probs: Tensor) -> Tensor:
        """Record one visit, and give the means including it.

        Args:
            rows: Which samples, (batch,), distinct.
            probs: Their class probabilities, (batch, n_classes).

        Returns:
            (batch, n_classes), of the type of `probs`, without gradient.
        """
        sums = self._sums[rows] + probs.detach().double()
        visits = self._visits[rows] + 1
        self._sums[rows] = sums
        self._visits[rows] = visits
        return (sums / visits).to(probs.dtype)
