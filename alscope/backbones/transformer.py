"""Pretrained text encoder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alscope.backbones.protocols import BackboneSpec
from alscope.errors import ConfigError, Problem
from alscope.params import param
from alscope.registry import backbones
from alscope.types import SampleSpec, Tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from alscope.backbones.protocols import Backbone

__all__ = ["TransformerSpec"]


@backbones.register("transformer", title="Pretrained transformer")
@dataclass(frozen=True, kw_only=True)
class TransformerSpec(BackboneSpec):
    """A pretrained encoder from the Hugging Face Hub or a folder, fine-tuned with a linear head.

    The embedding is pooled from the last hidden states and goes straight into dropout and head;
    heads that come with a checkpoint are not used. Weights are read from safetensors files only,
    and code from a model's repository is never run. While training, the encoder's own dropout is
    active.

    Attributes:
        model: Name on the Hub, or a folder with `config.json`, tokenizer and safetensors files.
        max_tokens: Longest text, special tokens included; the rest is cut off.
        pooling: "mean" over the tokens that are not padding, or the "first" token (CLS).
        mc: Which dropout Monte Carlo passes sample from: "head", only the one before the head, so
            the encoder runs once; or "full", every dropout layer of the encoder as well, with
            masks of its own for every sample. Dropout of attention weights, which is no layer of
            its own in these encoders, stays off.
        allow_download: Fetch the model from the Hub if it is not on this machine.
    """

    modalities = frozenset({"text"})
    title = "Pretrained transformer"

    model: str = param(
        "distilbert-base-uncased", help="Name on the Hugging Face Hub, or a local folder."
    )
    max_tokens: int = param(128, low=2, high=8192, unit="tokens", help="Longest text.")
    pooling: str = param("mean", choices=("mean", "first"), help="How tokens become one vector.")
    mc: str = param("head", choices=("head", "full"), help="Dropout that Monte Carlo uses.")
    allow_download: bool = param(False, help="Fetch the model if it is not on this machine.")

    @property
    def pretrained(self) -> bool:
        """Always."""
        return True

    @property
    def stochastic(self) -> str:
        """Where the dropout lies that Monte Carlo passes sample from."""
        return "full" if self.mc == "full" else super().stochastic

    def problems(self, sample: SampleSpec) -> tuple[str, ...]:
        """A model that is not here, or one that cannot read texts of this length."""
        from alscope.backbones._models import find_model

        wrong = super().problems(sample)
        if wrong:
            return wrong
        folder = find_model(self.model)
        if folder is None:
            return () if self.allow_download else (self._missing(),)
        return tuple(self._folder_problems(folder))

    def tokenizer(self) -> Tokenizer:
        """The tokenizer that belongs to the model."""
        from alscope.backbones._huggingface import PretrainedTokenizer

        return PretrainedTokenizer(self._folder(), max_tokens=self.max_tokens)

    def build(self, sample: SampleSpec, n_classes: int) -> Backbone:
        """Pretrained encoder, freshly initialized head."""
        from alscope.backbones._huggingface import build_network

        return build_network(
            self._folder(),
            n_classes,
            dropout=self.dropout,
            pooling=self.pooling,
            head_only=self.mc == "head",
        )

    def _folder(self) -> Path:
        from alscope.backbones._models import find_model

        folder = find_model(self.model)
        if folder is None and self.allow_download:
            from alscope.backbones._huggingface import download

            download(self.model)
            folder = find_model(self.model)
        if folder is None:
            raise ConfigError([Problem("backbone.params.model", self._missing())])
        return folder

    def _missing(self) -> str:
        return (
            f"the model {self.model!r} is neither a folder nor in the local Hugging Face cache; "
            "give a folder with config.json, tokenizer and safetensors files, or set "
            "backbone.params.allow_download = true to fetch it from the Hub"
        )

    def _folder_problems(self, folder: Path) -> Iterator[str]:
        if not any(folder.glob("*.safetensors")):
            yield (
                f"the model folder of {self.model!r} has no .safetensors file; other formats can "
                "hide code and are not read, so convert the weights"
            )
        try:
            facts: Any = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            longest = facts.get("max_position_embeddings")
        except (OSError, ValueError, AttributeError) as error:
            yield (
                f"the model folder of {self.model!r} has no readable config.json ({error}); "
                "download or save the model again"
            )
            return
        if isinstance(longest, int) and self.max_tokens > longest:
            yield (
                f"max_tokens is {self.max_tokens}, but {self.model!r} reads at most {longest}; "
                "lower backbone.params.max_tokens"
            )
