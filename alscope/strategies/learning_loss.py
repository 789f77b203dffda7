"""LearningLoss: a head trained with the network predicts which samples it would get wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition._checks import require_matrix
from alscope.inputs import AttachmentOutput, Input
from alscope.learn.protocols import Attachment, TrainBatch
from alscope.params import param
from alscope.registry import strategies
from alscope.strategies._base import ScoreStrategy
from alscope.types import PoolView

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["LearningLoss", "LossHead"]


@dataclass(frozen=True, kw_only=True)
class LossHead(Attachment):
    """A head that learns to order samples by the loss of the target model.

    Attributes:
        margin: By how much the predictions of two samples should differ.
        weight: Of its loss beside that of the target model.
        width: Of the hidden layer behind every stage.
        detach_after: Share of the passes after which its gradient no longer reaches the network.
        detached: Whether its gradient never does.
    """

    margin: float = 1.0
    weight: float = 1.0
    width: int = 128
    detach_after: float = 0.6
    detached: bool = False

    @property
    def changes_model(self) -> bool:
        """Unless it is detached."""
        return not self.detached

    def build(self, widths: tuple[int, ...], n_classes: int) -> nn.Module:
        """One hidden layer per stage, one output."""
        from alscope.learn.heads import TapHead

        return TapHead(widths, width=self.width, n_outputs=self.n_outputs(n_classes))

    def n_outputs(self, n_classes: int) -> int:
        """One: the predicted loss."""
        return 1

    def loss(self, module: nn.Module, batch: TrainBatch, memory: dict[str, Any]) -> Tensor:
        """The weighted ranking loss over pairs of the batch."""
        from alscope.learn.heads import detached, ranking_loss

        late = batch.epoch / batch.n_epochs >= self.detach_after
        taps = detached(batch.taps) if self.detached or late else batch.taps
        predicted = module(taps).squeeze(1)  # (batch,)
        return self.weight * ranking_loss(predicted, batch.losses, margin=self.margin)


@strategies.register(
    "learning_loss",
    title="LearningLoss",
    group="learned",
    summary="Prefers samples on which a head trained with the network predicts a large loss.",
    formula=(
        r"a_i = m_\phi(x_i), \quad \min_\phi \max\bigl(0,\, \xi - \mathrm{sign}(\ell_i - "
        r"\ell_j)(m_i - m_j)\bigr)"
    ),
)
@dataclass(frozen=True, kw_only=True)
class LearningLoss(ScoreStrategy):
    """Query the samples whose loss is predicted to be largest.

    A head reads every stage of the network: a hidden ReLU layer per stage, joined into one output,
    the predicted loss. It is trained on the labeled samples in the same passes as the network. In
    every batch, sample i is paired with sample B - 1 - i, and a pair with losses l and predictions
    m costs max(0, margin - s (m_i - m_j)), s = 1 if l_i > l_j and else -1: only the order is
    learned. The score is the prediction for the pool, (n_pool,), of no unit. Without labels the
    head is untrained, and scores are defined but arbitrary. What the network gets wrong on classes
    it has never seen is extrapolated.

    Changes training: the head's gradient reaches the network, so accuracies differ from those of
    other strategies at equal labels, unless `detached`.

    Complexity: a head is small beside a network, 123,905 parameters for ResNet-18; one forward pass
    for scores. The paper scores a random 10,000 samples of the pool: limit the candidates of the
    strategy to have the same.

    Attributes:
        margin: By how much the predictions of a pair should differ.
        weight: Of the ranking loss; larger = the network gives way to the head more.
        width: Of the hidden layers.
        detach_after: Share of the training after which the network is left alone; larger = its
            stages learn for the head longer.
        detached: Leave the network alone from the beginning; it is then trained as every other
            strategy's, to the last bit.

    References:
        Yoo and Kweon 2019 (CVPR), arXiv:1905.03677.

    Deviations:
        The head has the optimizer and schedule of the run, with a peak rate of at least 0.001. The
        gradient stops after a share of the passes, the paper's 120 of 200 epochs. A batch of odd
        size leaves its last sample out of the ranking instead of being refused. Texts, which the
        paper has none of, are read at four depths of the encoder.
    """

    margin: float = param(
        1.0,
        low=1e-3,
        high=100.0,
        help="By how much predictions of a pair should differ.",
        paper="1",
    )
    weight: float = param(
        1.0, low=1e-3, high=100.0, help="Of the ranking loss beside the network's.", paper="1"
    )
    width: int = param(128, low=1, high=4096, help="Width of the head's layers.", paper="128")
    detach_after: float = param(
        0.6,
        low=0.0,
        high=1.0,
        help="Share of the training after which the head leaves the network alone.",
        paper="0.6",
    )
    detached: bool = param(False, help="Leave the network alone from the beginning.", paper="False")

    def attachments(self) -> tuple[Attachment, ...]:
        """The head."""
        return (
            LossHead(
                margin=self.margin,
                weight=self.weight,
                width=self.width,
                detach_after=self.detach_after,
                detached=self.detached,
            ),
        )

    def needs(self) -> tuple[Input, ...]:
        """What the head says about the pool."""
        return tuple(AttachmentOutput(attachment=head) for head in self.attachments())

    def scores(self, view: PoolView) -> NDArray[np.float64]:
        """Predicted losses, (n_pool,)."""
        (key,) = self.needs()
        predicted = view[key]  # (n_pool, 1)
        require_matrix("predicted losses", predicted)
        losses: NDArray[np.float64] = predicted[:, 0].astype(np.float64)
        return losses
