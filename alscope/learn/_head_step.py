"""A training step of a linear head whose inputs never change.

Forward pass, loss and gradient are written out, so torch records nothing and its overhead, which is
most of such a step, is gone. The kernels are those that the network would run, so every result is
the same to the last bit.
"""

from __future__ import annotations

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


class HeadStep:
    """Loss and gradient of `model.head` on rows of one table of embeddings.

    Args:
        model: A network with a fixed embedding, on the CPU.
        embeddings: Of the labeled samples, (n_labeled, n_features).
        labels: Their classes, (n_labeled,).
    """

    def __init__(self, model: Backbone, embeddings: Tensor, labels: Tensor) -> None:
        self._embeddings = embeddings
        self._labels = labels
        self._dropout = model.dropout.p
        weight, bias = model.head.weight, model.head.bias
        self._weight, self._bias = weight.detach(), bias.detach()
        self._to_weight, self._to_bias = torch.empty_like(weight), torch.empty_like(bias)
        weight.grad, bias.grad = self._to_weight, self._to_bias
        self._one = torch.ones(())

    @staticmethod
    def suits(model: Backbone, train: TrainConfig, device: torch.device) -> bool:
        """Whether a network that is trained like this has such steps."""
        plain = train.precision == "float32" and train.label_smoothing == 0
        return model.fixed_embedding and plain and device.type == "cpu"

    @torch.no_grad()
    def __call__(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Set the gradients of the head; dropout is drawn from torch's global generator.

        Args:
            rows: Of the table, (batch,).

        Returns:
            The mean cross-entropy and the number of correct predictions, scalars.
        """
        labels = self._labels.index_select(0, rows)
        inputs = torch.dropout(self._embeddings.index_select(0, rows), self._dropout, train=True)
        logits = torch.addmm(self._bias, inputs, self._weight.t())
        logs = torch.log_softmax(logits, dim=1)
        given = (logs, labels, None, _MEAN, _NONE)
        loss, total = torch.ops.aten.nll_loss_forward(*given)
        to_logs = torch.ops.aten.nll_loss_backward(self._one, *given, total)
        to_logits = torch._log_softmax_backward_data(to_logs, logs, 1, torch.float32)
        torch.mm(to_logits.t(), inputs, out=self._to_weight)
        torch.sum(to_logits, dim=0, out=self._to_bias)
        return loss, (logits.argmax(dim=1) == labels).sum()
