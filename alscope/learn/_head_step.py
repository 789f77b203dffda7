"""Training of linear heads whose inputs never change, any number of them side by side.

Forward pass, loss and gradient are written out, so torch records nothing and its overhead, which is
most of such a step, is gone; what is left of it is shared by all heads. The kernels are those that
the networks would run, every head draws from its own streams, and none sees another: each is the
same to the last bit as if it had been differentiated, alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from alscope.config import TrainConfig

if TYPE_CHECKING:
    from alscope.backbones.protocols import Backbone

__all__ = ["HeadStep"]

_NONE = -100
"""The label that torch leaves out of a loss; no label has it."""
_MEAN = 1
_ALIGNMENT = 64  # bytes, of every tensor that torch allocates


class HeadStep:
    """Losses and gradients of the heads of some networks.

    Args:
        models: Networks of one kind with a fixed embedding, on the CPU.
        embeddings: Of the labeled samples of each, (n_labeled, n_features).
        labels: Their classes, (n_labeled,) each.
    """

    def __init__(
        self, models: Sequence[Backbone], embeddings: Sequence[Tensor], labels: Sequence[Tensor]
    ) -> None:
        self._embeddings, self._labels = torch.cat(list(embeddings)), torch.cat(list(labels))
        self._starts = torch.arange(len(models))[:, None] * len(labels[0])
        self._kept = 1 - models[0].dropout.p
        heads = [model.head for model in models]
        self._weights = [head.weight.detach() for head in heads]
        self._biases = [head.bias.detach() for head in heads]
        for head in heads:
            head.weight.grad = torch.empty_like(head.weight)
            head.bias.grad = torch.empty_like(head.bias)
        self._slopes = [(head.weight.grad, head.bias.grad) for head in heads]
        self._one = torch.ones(())

    @staticmethod
    def suits(model: Backbone, train: TrainConfig, device: torch.device) -> bool:
        """Whether a network that is trained like this has such steps."""
        fixed = getattr(model, "fixed_embedding", False)  # a network of others may not say
        return fixed and train.has_plain_steps and device.type == "cpu"

    @torch.no_grad()
    def __call__(self, rows: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        """Set the gradients of all heads.

        Args:
            rows: Labeled samples of every head, (n_heads, batch).
            generators: Of the dropout of every head.

        Returns:
            Mean cross-entropy and number of correct predictions, (n_heads, 2).
        """
        n_heads, size = rows.shape
        rows = (rows + self._starts).flatten()
        labels = self._labels.index_select(0, rows)
        inputs = self._dropped(self._embeddings.index_select(0, rows), generators)
        parts = [_aligned(part) for part in torch.split(inputs, size)]
        logits = torch.cat(
            [
                torch.addmm(bias, part, weight.t())
                for part, weight, bias in zip(parts, self._weights, self._biases, strict=True)
            ]
        )
        logs = torch.log_softmax(logits, dim=1)
        losses, to_logs = [], []
        for head_logs, head_labels in zip(
            torch.split(logs, size), torch.split(labels, size), strict=True
        ):
            given = (head_logs, head_labels, None, _MEAN, _NONE)
            loss, total = torch.ops.aten.nll_loss_forward(*given)
            to_logs.append(torch.ops.aten.nll_loss_backward(self._one, *given, total))
            losses.append(loss)
        to_logits = torch._log_softmax_backward_data(torch.cat(to_logs), logs, 1, torch.float32)
        for shared, part, (to_weight, to_bias) in zip(
            torch.split(to_logits, size), parts, self._slopes, strict=True
        ):
            slope = _aligned(shared)
            torch.mm(slope.t(), part, out=to_weight)
            torch.sum(slope, dim=0, out=to_bias)
        n_correct = (logits.argmax(dim=1) == labels).view(n_heads, size).sum(dim=1)
        return torch.stack([torch.stack(losses), n_correct.float()], dim=1)

    def _dropped(self, inputs: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        # As torch's dropout does it.
        if self._kept == 1:
            return inputs
        noise = torch.empty_like(inputs)
        for part, generator in zip(noise.chunk(len(generators)), generators, strict=True):
            part.bernoulli_(self._kept, generator=generator)
        return inputs.mul_(noise.div_(self._kept))


def _aligned(part: Tensor) -> Tensor:
    """The same values where a tensor of their own would begin: products round by alignment."""
    return part if part.data_ptr() % _ALIGNMENT == 0 else part.clone()
