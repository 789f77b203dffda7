"""Frozen encoders: pretrained networks that turn samples into features once per data set.

A specification is a frozen dataclass, cheap to import, and says what is missing; `load` loads
torch. Weights are pinned by their SHA-256 where they come from packages, and are never unpickled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from alscope.params import param, params_of
from alscope.registry import Registry
from alscope.types import SampleSpec, Tokenizer

if TYPE_CHECKING:
    from torch import nn

__all__ = ["SIDE", "TOKENS", "EncoderSpec", "encoder_named", "encoders"]

encoders: Registry[Any] = Registry("encoder", "alscope.backbones")
"""Encoders with a name of their own; others are models by name, see `encoder_named`."""

SIDE = param(128, low=16, high=1024, unit="pixels", help="Side that images are resized to.")
TOKENS = param(128, low=2, high=8192, unit="tokens", help="Longest text.")

_TORCHVISION = "-torchvision"


@dataclass(frozen=True, kw_only=True)
class EncoderSpec:
    """Base of encoder specifications. Equal digests and equal weights make equal features."""

    key: ClassVar[str] = ""
    """Registry name; set by the registry."""
    title: ClassVar[str] = ""
    """Name for people."""
    version: ClassVar[int] = 1
    """Raised when the same fields and weights give other features."""
    modalities: ClassVar[frozenset[str]] = frozenset()
    """Which samples it reads: "image" or "text"."""

    @property
    def n_features(self) -> int:
        """Width of the features.

        Raises:
            ConfigError: If the model is not here.
        """
        raise NotImplementedError

    def problems(self, sample: SampleSpec) -> tuple[str, ...]:
        """Why such samples cannot be encoded on this machine; empty if they can."""
        if sample.modality not in self.modalities:
            wanted = " or ".join(sorted(self.modalities))
            return (
                f"the encoder {self.title} reads {wanted} data, not {sample.modality} data; "
                "choose another one in backbone.params.encoder",
            )
        if sample.modality == "image" and sample.shape[0] not in (1, 3):
            return (
                f"the encoder {self.title} reads images of 1 or 3 channels, these have "
                f"{sample.shape[0]}",
            )
        return self.missing()

    def missing(self) -> tuple[str, ...]:
        """What has to be installed or fetched first, in words; empty if nothing."""
        return ()

    def weights_digest(self) -> str:
        """SHA-256 of the weights.

        Raises:
            ConfigError: If there are none on this machine.
        """
        raise NotImplementedError

    def tokenizer(self) -> Tokenizer | None:
        """The tokenizer of a text encoder, else None."""
        return None

    def load(
        self,
        *,
        mean: Sequence[float] = (),
        std: Sequence[float] = (),
        cache: Path | None = None,
    ) -> nn.Module:
        """The network: a batch as a trainer reads it to features (batch, n_features), float32.

        It is in evaluation mode and has no gradients. Samples do not influence each other.

        Args:
            mean: What was subtracted from every channel of images scaled to 0..1; empty: nothing.
            std: What every channel was then divided by; empty: nothing.
            cache: Folder for what is derived from weights; None: keep nothing.

        Raises:
            ConfigError: If something is missing.
            MissingDependency: If a package is missing.
            StoreError: If the weights are not those that were pinned.
        """
        raise NotImplementedError


def encoder_named(name: str, *, image_size: int, max_tokens: int) -> EncoderSpec:
    """The encoder of a name.

    Args:
        name: A registered name; `<model>-torchvision`; or a folder or Hub name of a text encoder.
        image_size: For encoders that resize images.
        max_tokens: For encoders that read texts.
    """
    from alscope.backbones._local_encoders import FolderEncoder, TorchvisionEncoder

    if name in encoders:
        cls: type[EncoderSpec] = encoders.get(name)
        given = {"image_size": image_size, "max_tokens": max_tokens}
        fields = {field.name for field in params_of(cls)}
        return cls(**{key: value for key, value in given.items() if key in fields})
    if name.endswith(_TORCHVISION):
        return TorchvisionEncoder(model=name.removesuffix(_TORCHVISION), image_size=image_size)
    return FolderEncoder(model=name, max_tokens=max_tokens)
