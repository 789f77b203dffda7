"""TiDAL: a head predicts the class probabilities a sample would have had during training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alscope.acquisition import uncertainty
from alscope.acquisition._checks import require_matrix
from alscope.errors import ShapeError
from alscope.inputs import AttachmentOutput, Input, Logits
from alscope.learn.protocols import Attachment, TrainBatch
from alscope.params import param
from alscope.registry import strategies
from alscope.strategies._base import ScoreStrategy
from alscope.types import PoolView

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["DynamicsHead", "TiDAL", "margin_at"]

_TABLE = "table"


@dataclass(frozen=True, kw_only=True)
class DynamicsHead(Attachment):
    """A head that learns the mean of the target model's predictions over its training.

    Attributes:
        weight: Of its loss beside that of the target model.
        width: Of the hidden layer behind every stage.
        detached: Whether its gradient never reaches the network.
    """

    weight: float = 1.0
    width: int = 128
    detached: bool = False

    @property
    def changes_model(self) -> bool:
        """Unless it is detached."""
        return not self.detached

    def build(self, widths: tuple[int, ...], n_classes: int) -> nn.Module:
        """One hidden layer per stage, one output per class."""
        from alscope.learn.heads import TapHead

        return TapHead(widths, width=self.width, n_outputs=self.n_outputs(n_classes))

    def n_outputs(self, n_classes: int) -> int:
        """One per class: logits of the mean."""
        return n_classes

    def loss(self, module: nn.Module, batch: TrainBatch, memory: dict[str, Any]) -> Tensor:
        """The weighted divergence from the mean predictions so far, this one included."""
        from alscope.learn.heads import DynamicsTable, detached, divergence

        logits = batch.logits
        if _TABLE not in memory:
            memory[_TABLE] = DynamicsTable(batch.n_labeled, logits.shape[1], logits.device)
        target = memory[_TABLE].update(batch.rows, logits.softmax(dim=1))
        outputs = module(detached(batch.taps) if self.detached else batch.taps)
        return self.weight * divergence(outputs, target)


@strategies.register(
    "tidal",
    title="TiDAL",
    group="learned",
    summary="Prefers samples a head trained with the network expects it to be long unsure of.",
    formula=(
        r"a_i = H(q_i), \quad \min_q \mathrm{KL}\bigl(\tfrac{1}{V} \sum_v p_i^{(v)} \,\Vert\, "
        r"q_i\bigr)"
    ),
)
@dataclass(frozen=True, kw_only=True)
class TiDAL(ScoreStrategy):
    """Query the samples whose predictions, averaged over the training, would be most uncertain.

    Whenever a labeled sample is visited, its class probabilities are recorded; their mean over all
    visits of this round's training tells samples learned early from those learned late, which
    predictions of the finished network no longer do. A head that reads every stage, a hidden ReLU
    layer per stage joined into one output per class, learns that mean: it minimizes
    KL(mean || q), q its softmax, in the same passes as the network. Labels play no part. The score
    of a sample of the pool, (n_pool,), is the entropy of q in nats, or -(q_y - max_{c != y} q_c)
    with y the class the network predicts, which is above 0 where head and network disagree. With
    one class all scores are 0. Without labels the head is untrained, and scores are defined but
    arbitrary. Samples of unknown classes attract it, and so do rare classes.

    Changes training: the head's gradient reaches the network, so accuracies differ from those of
    other strategies at equal labels, unless `detached`.

    Complexity: O(n_labeled * n_classes) memory while training; one forward pass for scores. The
    paper scores a random 10,000 samples of the pool: limit the candidates of the strategy to have
    the same.

    Attributes:
        query: "entropy" of the predicted mean, or its "margin" at the network's prediction.
        weight: Of the head's loss; larger = the network gives way to the head more.
        width: Of the hidden layers.
        detached: Leave the network alone; it is then trained as every other strategy's, to the last
            bit.

    References:
        Kye, Choi, Byun and Chang 2023 (ICCV), arXiv:2210.06788; Yoo and Kweon 2019,
        arXiv:1905.03677 (the head).

    Deviations:
        The mean is over visits instead of epochs, so it sums to 1 whichever epochs are skipped. The
        head has the optimizer and schedule of the run, with a peak rate of at least 0.001, and no
        normalization layers. Texts, which the paper has none of, are read at four depths of the
        encoder.
    """

    query: str = param(
        "entropy",
        choices=("entropy", "margin"),
        help="Entropy of the predicted mean, or its margin at the network's prediction.",
        paper="entropy",
    )
    weight: float = param(
        1.0, low=1e-3, high=100.0, help="Of the head's loss beside the network's.", paper="1"
    )
    width: int = param(128, low=1, high=4096, help="Width of the head's layers.", paper="128")
    detached: bool = param(False, help="Leave the network alone.", paper="False")

    def attachments(self) -> tuple[Attachment, ...]:
        """The head."""
        return (DynamicsHead(weight=self.weight, width=self.width, detached=self.detached),)

    def needs(self) -> tuple[Input, ...]:
        """What the head says about the pool, and for the margin, the network."""
        outputs = tuple(AttachmentOutput(attachment=head) for head in self.attachments())
        return (*outputs, Logits()) if self.query == "margin" else outputs

    def scores(self, view: PoolView) -> NDArray[np.float64]:
        """Entropy or negative margin of the predicted mean, (n_pool,)."""
        key, *rest = self.needs()
        outputs = view[key]
        if outputs.shape != (view.n_pool, view.n_classes):
            raise ShapeError(
                f"outputs of the head have the shape {outputs.shape}, but one per sample and class "
                f"is needed: {(view.n_pool, view.n_classes)}"
            )
        return margin_at(outputs, view[rest[0]]) if rest else uncertainty.entropy(outputs)


def margin_at(outputs: NDArray[np.floating], logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Negative margin of one prediction at the class that another one puts first.

    Args:
        outputs: Logits of q, (n, n_classes), finite.
        logits: Whose largest decides on the class y, (n, n_classes), finite.

    Returns:
        max_{c != y} q_c - q_y, (n,), within [-1, 1]; above 0 if q puts another class first; 0 with
        one class.

    Raises:
        ShapeError: If either is not a finite matrix; the message names the first row.
    """
    require_matrix("outputs of the head", outputs)
    require_matrix("logits", logits)
    if outputs.shape[1] == 1:
        return np.zeros(len(outputs))
    rows, chosen = np.arange(len(outputs)), logits.argmax(axis=1)
    values = outputs.astype(np.float64)
    values -= values.max(axis=1, keepdims=True)
    sums = np.exp(values).sum(axis=1)
    at = values[rows, chosen]
    values[rows, chosen] = -np.inf
    other = values.max(axis=1)
    # exp(larger) (1 - exp(smaller - larger)): near ties keep their digits.
    gaps = np.exp(np.maximum(at, other)) * -np.expm1(-np.abs(at - other)) / sums
    result: NDArray[np.float64] = np.where(other > at, gaps, -gaps)
    return result
