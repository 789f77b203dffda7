"""What can be learned beside the target model: heads trained with it, and learners of their own.

Specifications only, cheap to import: torch is loaded when something is built or fitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from alscope.backbones.protocols import BackboneSpec
from alscope.config import TrainConfig
from alscope.types import Arrays, Control, IntArray, SampleSpec

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from alscope.data.views import Prepared

__all__ = ["Attachment", "Companion", "LearnerContext", "TrainBatch"]


@dataclass(frozen=True, eq=False)
class TrainBatch:
    """What the loss of an attachment may see of one training step.

    Attributes:
        taps: One vector per sample from every stage of the network, (batch, width) each; gradients
            flow through them into the network unless they are detached.
        logits: Of the target model, in training mode, (batch, n_classes); detached.
        losses: What the target model minimizes, per sample, (batch,); detached.
        rows: Which rows of the labeled set the samples are, (batch,), int64.
        n_labeled: Size of the labeled set.
        epoch: Passes over the labeled set that are complete, from 0.
        n_epochs: Passes over the labeled set in all.
    """

    taps: tuple[Tensor, ...]
    logits: Tensor
    losses: Tensor
    rows: Tensor
    n_labeled: int
    epoch: int
    n_epochs: int


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A head that is trained together with the target model and reads its stages.

    Its fields are its identity and part of the key of the trained model, because its gradients may
    reach the network.
    """

    version: ClassVar[int] = 1
    """Raised when the same fields give another head or loss."""

    @property
    def changes_model(self) -> bool:
        """Whether its gradients reach the target model."""
        return True

    def build(self, widths: tuple[int, ...], n_classes: int) -> nn.Module:
        """A freshly initialized head.

        Its `forward` takes the taps, a sequence of (batch, width) tensors, and returns
        (batch, n_outputs). It must not draw random numbers: the target model's dropout would
        otherwise depend on it.

        Args:
            widths: Width of every tap.
            n_classes: Known classes.
        """
        raise NotImplementedError

    def n_outputs(self, n_classes: int) -> int:
        """Outputs of the head."""
        raise NotImplementedError

    def loss(self, module: nn.Module, batch: TrainBatch, memory: dict[str, Any]) -> Tensor:
        """What is added to the loss of the target model, a scalar.

        Args:
            module: The head.
            batch: The step.
            memory: Empty when a training begins, kept until it ends.
        """
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class LearnerContext:
    """What a companion may use to fit itself and to look at samples; made by the engine.

    Attributes:
        data: Training part and facts about samples. It holds no labels.
        indices: The samples, (n,), ascending.
        labels: Their classes 0..n_classes-1, and n_classes for unknown ones, (n,); empty for a
            companion that uses no labels.
        n_classes: Known classes.
        backbone: The network of the run.
        train: How the run trains; companions that do not say `uses_train` get the defaults.
        seed: A seed of its own, which follows from the trial and the companion.
        device: Where to compute.
        control: Asked once per batch whether to go on.
    """

    data: Prepared
    indices: IntArray
    labels: IntArray
    n_classes: int
    backbone: BackboneSpec
    train: TrainConfig
    seed: int
    device: torch.device
    control: Control

    def generator(self, *names: str | int) -> torch.Generator:
        """A torch generator (CPU) for a named stream."""
        from alscope import rng

        return rng.torch_generator(self.seed, *names)


@dataclass(frozen=True, kw_only=True)
class Companion:
    """A learner of its own beside the target model, which stays as it is.

    A label-free companion is fitted on all samples of the trial: labeled, unknowns and pool. That
    set never changes, so it is fitted once per trial and shared by all strategies that declare an
    equal one. Other companions are fitted on the annotated samples, anew in every round.
    """

    version: ClassVar[int] = 1
    """Raised when the same fields give another learner."""
    label_free: ClassVar[bool] = False
    """Whether it uses no labels."""
    uses_train: ClassVar[bool] = True
    """Whether it depends on how the run trains."""

    @property
    def is_random(self) -> bool:
        """Whether chance plays a part; if not, trials on the same samples share one as well."""
        return True

    @property
    def title(self) -> str:
        """What it is, for people: recorded with every query and shown beside the result."""
        raise NotImplementedError

    def problems(self, backbone: BackboneSpec, sample: SampleSpec) -> tuple[str, ...]:
        """Why it cannot be fitted with such a network on such samples; empty if it can."""
        return ()

    def fit(self, context: LearnerContext) -> tuple[Arrays, dict[str, Any]]:
        """Its state, and facts worth recording (JSON); both follow from fields and context alone.

        Raises:
            Interrupted: If the run is to stop.
        """
        raise NotImplementedError
