"""Moments of stochastic passes, in memory that does not grow with their number."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from alscope.types import Arrays, IntArray

__all__ = ["Moments", "Running"]


class Running:
    """Moments of one block of samples while its passes come in, in float64.

    References:
        Welford 1962, doi:10.1080/00401706.1962.10490022.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean = self.squares = self.entropy = self.votes = torch.zeros(())

    def add(self, logits: Tensor) -> None:
        """Take in one pass, (block, n_classes)."""
        log_probs = torch.log_softmax(logits.double(), dim=1)
        probs = log_probs.exp()
        self.count += 1
        distance = probs - self.mean
        self.mean = self.mean + distance / self.count
        self.squares = self.squares + distance * (probs - self.mean)
        self.entropy = self.entropy - (probs * log_probs).sum(dim=1)
        self.votes = self.votes + functional.one_hot(probs.argmax(dim=1), probs.shape[1])

    @property
    def std(self) -> Tensor:
        """Population standard deviation, (block, n_classes)."""
        # Rounding can leave a sum of squares just below zero.
        return (self.squares / self.count).clamp(min=0).sqrt()


class Moments:
    """The arrays of all samples, filled block by block."""

    def __init__(self, n: int, n_classes: int) -> None:
        self._arrays: Arrays = {
            "mean_probs": np.empty((n, n_classes)),
            "mean_entropy": np.empty(n),
            "std_probs": np.empty((n, n_classes)),
            "votes": np.empty((n, n_classes), dtype=np.int64),
        }

    def put(self, positions: IntArray, block: Running) -> None:
        """Store a finished block at its positions."""
        self._arrays["mean_probs"][positions] = block.mean.cpu().numpy()
        self._arrays["mean_entropy"][positions] = (block.entropy / block.count).cpu().numpy()
        self._arrays["std_probs"][positions] = block.std.cpu().numpy()
        self._arrays["votes"][positions] = block.votes.cpu().numpy()

    def arrays(self) -> Arrays:
        """Everything that was stored."""
        return self._arrays
