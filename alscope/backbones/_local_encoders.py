"""Encoders from models that are on this machine already; reads folders only until loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from alscope.backbones._models import (
    find_checkpoint,
    find_model,
    length_problems,
    model_width,
    sha256_of,
)
from alscope.backbones._torchvision_table import MODELS
from alscope.backbones.encoders import SIDE, TOKENS, EncoderSpec, encoders
from alscope.errors import ConfigError, Problem, nearest
from alscope.types import SampleSpec, Tokenizer

if TYPE_CHECKING:
    from torch import nn

__all__ = ["FolderEncoder", "TorchvisionEncoder"]


@dataclass(frozen=True, kw_only=True)
class TorchvisionEncoder(EncoderSpec):
    """A classification model of torchvision with ImageNet weights from the local cache.

    Attributes:
        model: torchvision's name.
        image_size: Side that images are resized to.
    """

    title = "torchvision"
    hash_name: ClassVar[str] = "encoder:torchvision"
    modalities = frozenset({"image"})

    model: str = ""
    image_size: int = SIDE

    @property
    def n_features(self) -> int:
        """Inputs of the model's last linear layer."""
        if self.model not in MODELS:
            raise ConfigError([Problem("backbone.params.encoder", self.missing()[0])])
        return MODELS[self.model].n_features

    def missing(self) -> tuple[str, ...]:
        """An unknown model, weights that are not here, or a size the model cannot read."""
        known = MODELS.get(self.model)
        if known is None:
            guess = nearest(self.model, MODELS)
            hint = f"; did you mean {guess + '-torchvision'!r}?" if guess else ""
            return (f"torchvision has no encoder {self.model!r}{hint}",)
        wrong_size = known.size_problem(self.image_size)
        if wrong_size:
            return (f"{self.model} {wrong_size}",)
        if find_checkpoint(known.weights) is None:
            return (
                f"the weights of {self.model} are not on this machine; put {known.weights} into "
                "the folder hub/checkpoints of torch's cache",
            )
        return ()

    def weights_digest(self) -> str:
        """Of the file in the cache."""
        return sha256_of(self._file())

    def load(
        self,
        *,
        mean: Sequence[float] = (),
        std: Sequence[float] = (),
        cache: Path | None = None,
    ) -> nn.Module:
        """The network without its last layer."""
        from alscope.backbones._frozen import torchvision_encoder

        return torchvision_encoder(
            self.model, self._file(), side=self.image_size, mean=mean, std=std, cache=cache
        )

    def _file(self) -> Path:
        known = MODELS.get(self.model)
        path = find_checkpoint(known.weights) if known else None
        if path is None:
            raise ConfigError([Problem("backbone.params.encoder", self.missing()[0])])
        return path


@dataclass(frozen=True, kw_only=True)
class FolderEncoder(EncoderSpec):
    """A text encoder from a folder, or from the local cache of the Hugging Face Hub.

    Attributes:
        model: A folder with `config.json`, tokenizer and safetensors files, or a name on the Hub.
        max_tokens: Longest text, special tokens included; the rest is cut off.
    """

    title = "transformers"
    hash_name: ClassVar[str] = "encoder:transformers"
    modalities = frozenset({"text"})

    model: str = ""
    max_tokens: int = TOKENS

    @property
    def n_features(self) -> int:
        """Width of the hidden states, from the model's configuration."""
        width = model_width(self._here())
        if width is None:
            raise ConfigError([Problem("backbone.params.encoder", self.missing()[0])])
        return width

    def problems(self, sample: SampleSpec) -> tuple[str, ...]:
        """A name that is no encoder, or a folder that cannot be read."""
        # Before the modality: a misspelt name would be taken for a text encoder.
        return self.missing() or super().problems(sample)

    def missing(self) -> tuple[str, ...]:
        """A name that is no encoder, or a folder that cannot be read."""
        folder = find_model(self.model)
        if folder is None:
            return (_no_encoder(self.model),)
        if not any(folder.glob("*.safetensors")):
            return (f"the folder of {self.model!r} has no .safetensors file; convert the weights",)
        if model_width(folder) is None:
            return (f"config.json of {self.model!r} cannot be read or names no hidden_size",)
        return length_problems(folder, self.model, self.max_tokens)

    def weights_digest(self) -> str:
        """Over configuration and weights."""
        files = sorted(self._here().glob("*.safetensors"))
        parts = {path.name: sha256_of(path) for path in [*files, self._here() / "config.json"]}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def tokenizer(self) -> Tokenizer:
        """The tokenizer that belongs to the model."""
        from alscope.backbones._huggingface import PretrainedTokenizer

        return PretrainedTokenizer(self._here(), max_tokens=self.max_tokens)

    def load(
        self,
        *,
        mean: Sequence[float] = (),
        std: Sequence[float] = (),
        cache: Path | None = None,
    ) -> nn.Module:
        """The encoder, averaged over tokens."""
        from alscope.backbones._frozen import text_encoder

        return text_encoder(self._here())

    def _here(self) -> Path:
        folder = find_model(self.model)
        if folder is None:
            raise ConfigError([Problem("backbone.params.encoder", _no_encoder(self.model))])
        return folder


def _no_encoder(name: str) -> str:
    guess = nearest(name, encoders.names())
    hint = f"did you mean {guess!r}? Known: " if guess else "use "
    return (
        f"{name!r} is no encoder; {hint}{', '.join(encoders.names())}, <model>-torchvision, or the "
        "folder or Hub name of a text encoder on this machine"
    )
