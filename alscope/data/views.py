"""What a trainer reads: batches of tensors made from raw examples on demand.

Images stay bytes and are normalized per batch; texts are tokenized once, kept as one flat array,
and padded per batch. Everything is vectorized over the batch, on the training device where it fits;
there are no worker processes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from alscope.data._sources import FeatureSource, ImageSource, TextSource
from alscope.data._tokens import token_tables
from alscope.data.protocols import RawData
from alscope.errors import ConfigError, Problem
from alscope.hashing import digest
from alscope.types import FloatArray, IntArray, SampleSpec, Tokenizer

if TYPE_CHECKING:
    import torch

__all__ = ["Prepared", "Source", "feature_source", "prepare"]

_VIEWS = 1


class Source(Protocol):
    """One part of a data set, bound to its preprocessing; batches may be on any device."""

    @property
    def n(self) -> int:
        """Samples."""

    @property
    def lengths(self) -> IntArray | None:
        """Tokens per sample of a text, (n,), for batches of similar length; else None."""

    def eval_batch(self, indices: IntArray) -> dict[str, torch.Tensor]:
        """The deterministic view of samples, in the order of `indices`, (batch,)."""

    def train_batch(self, indices: IntArray, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """The training view; augmentation is drawn from `generator` alone."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data set ready to be read.

    Attributes:
        train: Training part.
        test: Test part.
        sample: What a sample looks like.
        fingerprint: Content address of data, tokenizer and augmentation.
        pixel_mean: What was subtracted from every channel of images scaled to 0..1; empty: nothing.
        pixel_std: What every channel was then divided by; empty: nothing.
        flip: Whether a mirrored image is as good as the original, used in training or not.
    """

    train: Source
    test: Source
    sample: SampleSpec
    fingerprint: str
    pixel_mean: tuple[float, ...] = ()
    pixel_std: tuple[float, ...] = ()
    flip: bool = False


def prepare(
    raw: RawData,
    tokenizer: Tokenizer | None,
    *,
    augment: bool,
    cache: Path,
    device: torch.device | None = None,
) -> Prepared:
    """Bind a data set to its preprocessing.

    Args:
        raw: The data set.
        tokenizer: For text; other modalities ignore it.
        augment: Use the data set's random crop and flip in the training view.
        cache: Folder under which tokens are kept (`tokens/`); may be deleted.
        device: Where batches are made, and where examples stay if they fit; None: the CPU. It
            never changes a value.

    Raises:
        ConfigError: If the data are text and there is no tokenizer.
    """
    train, test = _sources(raw, tokenizer, augment=augment, cache=cache, device=_device(device))
    is_text = raw.sample.modality == "text"
    identity = {
        "views": _VIEWS,
        "data": raw.fingerprint,
        "tokenizer": tokenizer.key if is_text and tokenizer is not None else None,
        "scale": [raw.mean, raw.std],
        "augment": [raw.crop_padding, raw.flip] if augment else None,
    }
    if raw.flip and not augment:
        identity["flip"] = True  # contrastive views mirror images even if training does not
    return Prepared(
        train=train,
        test=test,
        sample=raw.sample,
        fingerprint=digest(identity),
        pixel_mean=raw.mean,
        pixel_std=raw.std,
        flip=raw.flip,
    )


def feature_source(features: FloatArray, device: torch.device | None = None) -> Source:
    """Feature vectors as a trainer reads them.

    Args:
        features: (n, n_features), float32.
        device: Where batches are made; None: the CPU.
    """
    return FeatureSource(features, _device(device))


def _device(device: torch.device | None) -> torch.device:
    import torch

    return device or torch.device("cpu")


def _sources(
    raw: RawData,
    tokenizer: Tokenizer | None,
    *,
    augment: bool,
    cache: Path,
    device: torch.device,
) -> tuple[Source, Source]:
    parts = raw.train, raw.test
    if raw.sample.modality == "image":
        train, test = (ImageSource(raw, part, augment=augment, device=device) for part in parts)
        return train, test
    if raw.sample.modality == "features":
        first, second = (FeatureSource(np.asarray(part.inputs), device) for part in parts)
        return first, second
    if tokenizer is None:
        message = f"reads no text, but {raw.name} is a text data set; choose a text backbone"
        raise ConfigError([Problem("backbone.name", message)])
    tables = token_tables(raw, tokenizer, cache)
    one, other = (TextSource(table, tokenizer.pad_id, device) for table in tables)
    return one, other
