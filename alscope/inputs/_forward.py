"""Inputs of the target model as it is: one pass, and its head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.inputs._base import Input, InputContext
from alscope.types import Arrays

__all__ = ["Embeddings", "Forward", "Head", "HeadParams", "Logits", "Probs"]

_BLOCK_CELLS = 1 << 15  # a block stays within the processor's cache
_FEW_CLASSES = 16  # up to here rows are added up faster class by class than row by row


@dataclass(frozen=True, kw_only=True)
class Forward(Input):
    """One deterministic pass: `logits` (n, n_classes) and `embeddings` (n, n_features), float32."""

    asks = "probabilities"

    def compute(self, context: InputContext) -> Arrays:
        """Run the model once over the index set."""
        from alscope.learn.passes import forward_pass

        return forward_pass(context.model, context.batches, n_classes=context.n_classes)


@dataclass(frozen=True, kw_only=True)
class Logits(Input):
    """Logits of the target model, (n, n_classes), float32."""

    asks = "probabilities"

    def source(self) -> Input:
        """Part of the forward pass."""
        return Forward(on=self.on)

    def extract(self, arrays: Arrays) -> NDArray[np.float32]:
        """The logits."""
        return arrays["logits"]


@dataclass(frozen=True, kw_only=True)
class Probs(Input):
    """Class probabilities of the target model, (n, n_classes), float64; rows sum to 1."""

    asks = "probabilities"

    def source(self) -> Input:
        """Part of the forward pass."""
        return Forward(on=self.on)

    def extract(self, arrays: Arrays) -> NDArray[np.float64]:
        """Softmax of the logits."""
        logits = arrays["logits"]
        probs = np.empty(logits.shape)
        step = max(1, _BLOCK_CELLS // max(1, logits.shape[1]))
        order: Literal["F", "C"] = "F" if logits.shape[1] <= _FEW_CLASSES else "C"
        buffer = np.empty((min(step, len(logits)), logits.shape[1]), order=order)
        # Logits that are not finite become NaN quietly; who reads them names the row.
        with np.errstate(invalid="ignore"):
            for start in range(0, len(logits), step):
                block = buffer[: len(logits) - start]
                block[:] = logits[start : start + step]
                block -= block.max(axis=1, keepdims=True, initial=-np.inf)
                np.exp(block, out=block)
                sums = block.sum(axis=1, keepdims=True)
                np.divide(block, sums, out=probs[start : start + step])
        return probs


@dataclass(frozen=True, kw_only=True)
class Embeddings(Input):
    """Input of the final linear layer, (n, n_features), float32."""

    asks = "features"

    def source(self) -> Input:
        """Part of the forward pass."""
        return Forward(on=self.on)

    def extract(self, arrays: Arrays) -> NDArray[np.float32]:
        """The embeddings."""
        return arrays["embeddings"]


class HeadParams(NamedTuple):
    """The final linear layer: logits = embeddings @ weight.T + bias."""

    weight: NDArray[np.float32]
    """(n_classes, n_features)."""
    bias: NDArray[np.float32]
    """(n_classes,)."""


@dataclass(frozen=True, kw_only=True)
class Head(Input):
    """The final linear layer, as `HeadParams`."""

    asks = "features"

    def extract(self, arrays: Arrays) -> HeadParams:
        """Weight and bias."""
        return HeadParams(arrays["weight"], arrays["bias"])

    def compute(self, context: InputContext) -> Arrays:
        """Read the parameters."""
        head = context.model.head
        return {
            "weight": head.weight.detach().float().cpu().numpy().copy(),
            "bias": head.bias.detach().float().cpu().numpy().copy(),
        }
