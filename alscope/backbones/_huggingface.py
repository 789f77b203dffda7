"""Pretrained encoders and their tokenizers, read from a folder with Transformers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging as library_log

from alscope.backbones._text import Encoder, EncoderNetwork
from alscope.files import file_digest, stamps
from alscope.hashing import digest

__all__ = ["PretrainedTokenizer", "build_network", "download", "load_encoder"]

# Said explicitly: by default Transformers asks on the terminal whether to run a model's code.
_LOCAL: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
_READ = (".json", ".txt", ".model", ".safetensors")


class PretrainedTokenizer:
    """The tokenizer of a model folder.

    Its key covers every file of the folder that can change a result, weights included: other
    weights behind the same name make other results.

    Args:
        folder: The model's folder.
        max_tokens: Longest text, special tokens included.
    """

    def __init__(self, folder: Path, *, max_tokens: int) -> None:
        self._folder = folder
        self._max_tokens = max_tokens
        self.key = digest(["pretrained", 1, max_tokens, _contents(folder)])

    @cached_property
    def _tokenizer(self) -> Any:
        # Read when texts are: of data that are encoded already, only the key is asked for.
        return AutoTokenizer.from_pretrained(self._folder, **_LOCAL)

    @property
    def pad_id(self) -> int:
        """The padding token; models without one never see it: the attention mask hides it."""
        known: int | None = self._tokenizer.pad_token_id
        return known or 0

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Token ids with special tokens, cut to the longest length."""
        if not texts:
            return []
        rows: list[list[int]] = self._tokenizer(
            texts, truncation=True, max_length=self._max_tokens, return_attention_mask=False
        )["input_ids"]
        return [row or [self.pad_id] for row in rows]


def build_network(
    folder: Path, n_classes: int, *, dropout: float, pooling: str, head_only: bool
) -> EncoderNetwork:
    """The encoder of a model folder with a fresh head, in float32."""
    encoder = load_encoder(folder)
    return EncoderNetwork(
        encoder,
        n_features=encoder.width,
        n_classes=n_classes,
        dropout=dropout,
        pooling=pooling,
        head_only=head_only,
    )


def load_encoder(folder: Path) -> Encoder:
    """The encoder of a model folder, in float32; heads that come with it are left out."""
    with _quiet():
        model: Any = AutoModel.from_pretrained(
            folder, use_safetensors=True, dtype=torch.float32, **_LOCAL
        )
    return Encoder(model, width=model.config.hidden_size)


def download(name: str) -> None:
    """Bring a model from the Hub into the local cache; weights as safetensors only."""
    AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    AutoModel.from_pretrained(name, trust_remote_code=False, use_safetensors=True)


@contextmanager
def _quiet() -> Iterator[None]:
    # Built anew in every round: no progress bar, no report on the checkpoint's unused head.
    verbosity, bars = library_log.get_verbosity(), library_log.is_progress_bar_enabled()
    library_log.set_verbosity(logging.ERROR)
    library_log.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        library_log.set_verbosity(verbosity)
        if bars:
            library_log.enable_progress_bar()  # type: ignore[no-untyped-call]


def _contents(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.iterdir() if path.suffix in _READ and path.is_file())
    return {stamp.path.name: file_digest(stamp) for stamp in stamps(files)}
