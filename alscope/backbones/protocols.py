"""The one surface of every network, and the specification that builds it.

A specification is a frozen dataclass, cheap to import and to list; `build` loads torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from alscope.params import param
from alscope.types import SampleSpec, Tokenizer

if TYPE_CHECKING:
    import torch
    from torch import nn

    from alscope.backbones.encoders import EncoderSpec

__all__ = ["Backbone", "BackboneSpec", "channel_problems", "size_problems"]


@dataclass(frozen=True, kw_only=True)
class BackboneSpec:
    """Base of backbone specifications.

    Attributes:
        dropout: Probability of the one dropout before the head; used in training and for Monte
            Carlo dropout.
    """

    modalities: ClassVar[frozenset[str]] = frozenset()
    """Which samples it reads: "image", "text", "features"."""
    title: ClassVar[str] = ""
    """Name for people."""
    key: ClassVar[str] = ""
    """Registry name; set by the registry."""
    version: ClassVar[int] = 1
    """Raised when the same fields give another network."""
    order_blind: ClassVar[bool] = False
    """Whether tokens of a text in another order give the same output."""

    dropout: float = param(0.2, low=0.0, high=0.9, help="Dropout before the head.")

    @property
    def stochastic(self) -> str:
        """Where active dropout lies: "none", "head" (only before the head) or "full"."""
        return "head" if self.dropout > 0 else "none"

    @property
    def pretrained(self) -> bool:
        """Whether a freshly built network has learned from other data already."""
        return False

    @property
    def trains_together(self) -> bool:
        """Whether trainings that differ in seed and samples take less time in lockstep."""
        return False

    @property
    def encoder_spec(self) -> EncoderSpec | None:
        """The frozen encoder whose features `build`'s network reads; None: it reads samples."""
        return None

    def problems(self, sample: SampleSpec) -> tuple[str, ...]:
        """Why this backbone cannot read such samples; empty if it can."""
        if sample.modality not in self.modalities:
            wanted = " or ".join(sorted(self.modalities))
            return (f"{self.key} reads {wanted} data, not {sample.modality} data",)
        return ()

    def tokenizer(self) -> Tokenizer | None:
        """The tokenizer for text backbones, else None."""
        return None

    def build(self, sample: SampleSpec, n_classes: int) -> Backbone:
        """A freshly initialized network; random numbers come from torch's global generator."""
        raise NotImplementedError


class Backbone(Protocol):
    """A network: `logits == head(dropout(embed(inputs)))`. An `nn.Module`."""

    stages: nn.ModuleList
    """Successive parts; their outputs are what loss-predicting heads read."""
    dropout: nn.Dropout
    """The one dropout before the head."""
    head: nn.Linear
    """The final linear layer, (n_classes, n_features)."""
    n_features: int
    """Width of the embedding."""
    head_only_dropout: bool
    """Whether `dropout` is the only one that Monte Carlo passes sample from."""
    fixed_embedding: bool
    """Whether all parameters are those of `head`, and `embed` is the same in training, whatever
    shares a batch: such a head is trained on embeddings that are computed once."""

    def stage_outputs(self, inputs: dict[str, torch.Tensor]) -> list[torch.Tensor]:
        """Output of every stage; the last one is what `embed` pools."""

    def embed(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """Exact input of dropout and head, (batch, n_features)."""

    def with_taps(
        self, inputs: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """Logits, and one vector per sample from successive depths, in one forward pass.

        The logits are bitwise those of a call, with the same random draws. The taps, (batch, width)
        each with a width of its own, are what heads trained with the network read: the stages
        averaged over the image, four layers averaged over the tokens of a text that are not
        padding, flat stages as they are. Gradients flow through them.
        """

    def __call__(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """Logits, (batch, n_classes)."""


def size_problems(name: str, sample: SampleSpec, *, smallest: int) -> tuple[str, ...]:
    """Why an image is too small for a network; empty if it is not."""
    _, height, width = sample.shape
    if min(height, width) >= smallest:
        return ()
    return (
        f"{name} needs images of at least {smallest}x{smallest} pixels, these have "
        f"{height}x{width}; use mlp",
    )


def channel_problems(name: str, sample: SampleSpec) -> tuple[str, ...]:
    """Why a network made for color images cannot read these; empty if it can."""
    if sample.shape[0] in (1, 3):
        return ()
    return (f"{name} reads images of 1 or 3 channels, these have {sample.shape[0]}; use resnet18",)
