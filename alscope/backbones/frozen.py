"""A head on the features of a frozen encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alscope.backbones.encoders import EncoderSpec, encoder_named
from alscope.backbones.protocols import BackboneSpec
from alscope.errors import ConfigError, Problem
from alscope.params import param
from alscope.registry import backbones
from alscope.types import SampleSpec, Tokenizer

if TYPE_CHECKING:
    from alscope.backbones.protocols import Backbone

__all__ = ["FROZEN_NOTE", "FrozenSpec"]

FROZEN_NOTE = (
    "Only the head is trained; the encoder's features are computed once. So strategies that read "
    "gradients, parameters or stages see those of the head alone, Monte Carlo dropout samples the "
    "head alone, there is no augmentation, and distances between embeddings never change unless "
    "there is a hidden layer. Conclusions hold for such a model, not for one trained end to end."
)
"""What to know about a comparison on frozen features, for people."""


@backbones.register("frozen", title="Frozen encoder")
@dataclass(frozen=True, kw_only=True)
class FrozenSpec(BackboneSpec):
    """A linear or one-layer head on the features of a pretrained encoder that is not trained.

    Features are computed once per data set and kept, so a round takes a second and ten seeds take
    minutes. Each sample's features are brought to mean 0 and variance 1. Strategies that need all
    parameters, gradients or stages of a network work on the head only.

    Attributes:
        encoder: "efficientnet_lite0" for images and "minilm" for texts come in packages;
            "resnet18-torchvision" and the like use weights from torch's cache; anything else is a
            folder or Hub name of a text encoder on this machine.
        hidden: Width of the hidden layer; 0: a linear model. With 0, dropout acts on the features
            themselves.
        image_size: Side that images are resized to; larger is better and slower.
        max_tokens: Longest text, special tokens included; the rest is cut off.
    """

    modalities = frozenset({"image", "text"})
    title = "Frozen encoder"

    encoder: str = param(
        "efficientnet_lite0",
        help="efficientnet_lite0, minilm, <model>-torchvision, or a text encoder's folder.",
    )
    hidden: int = param(0, low=0, high=8192, help="Width of a hidden layer; 0: a linear model.")
    image_size: int = param(
        128, low=16, high=1024, unit="pixels", help="Side that images are resized to."
    )
    max_tokens: int = param(128, low=2, high=8192, unit="tokens", help="Longest text.")

    @property
    def encoder_spec(self) -> EncoderSpec:
        """The encoder whose features the network reads."""
        return encoder_named(self.encoder, image_size=self.image_size, max_tokens=self.max_tokens)

    @property
    def trains_together(self) -> bool:
        """A linear head does: most of its training is overhead of single steps."""
        return self.hidden == 0

    def problems(self, sample: SampleSpec) -> tuple[str, ...]:
        """Samples that the encoder does not read, or an encoder that is not here."""
        return super().problems(sample) or self.encoder_spec.problems(sample)

    def tokenizer(self) -> Tokenizer | None:
        """The encoder's tokenizer, if it reads texts."""
        return self.encoder_spec.tokenizer()

    def build(self, sample: SampleSpec, n_classes: int) -> Backbone:
        """A freshly initialized head.

        Args:
            sample: What the encoder's features look like: ("features", (n_features,)).
            n_classes: Outputs of the head.

        Raises:
            ConfigError: If the samples are not features.
        """
        from alscope.backbones._frozen import FeatureNetwork

        if sample.modality != "features":
            message = f"its network reads the encoder's features, not {sample.modality} data"
            raise ConfigError([Problem("backbone.name", message)])
        (n_inputs,) = sample.shape
        return FeatureNetwork(n_inputs, n_classes, hidden=self.hidden, dropout=self.dropout)
