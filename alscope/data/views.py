"""What a trainer reads: batches of tensors made from raw examples on demand.

Images stay bytes in memory and are normalized per batch; texts are tokenized once, kept as one flat
array, and padded per batch. Everything is vectorized over the batch; there are no worker processes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from alscope.data._tokens import TokenTable, token_tables
from alscope.data.protocols import Examples, RawData
from alscope.errors import ConfigError, Problem
from alscope.hashing import digest
from alscope.types import FloatArray, IntArray, SampleSpec, Tokenizer

if TYPE_CHECKING:
    import torch

__all__ = ["Prepared", "Source", "feature_source", "prepare"]

_VIEWS = 1


class Source(Protocol):
    """One part of a data set, bound to its preprocessing. Tensors are on the CPU."""

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


def prepare(raw: RawData, tokenizer: Tokenizer | None, *, augment: bool, cache: Path) -> Prepared:
    """Bind a data set to its preprocessing.

    Args:
        raw: The data set.
        tokenizer: For text; other modalities ignore it.
        augment: Use the data set's random crop and flip in the training view.
        cache: Folder under which tokens are kept (`tokens/`); may be deleted.

    Raises:
        ConfigError: If the data are text and there is no tokenizer.
    """
    train, test = _sources(raw, tokenizer, augment=augment, cache=cache)
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


def feature_source(features: FloatArray) -> Source:
    """Feature vectors as a trainer reads them.

    Args:
        features: (n, n_features), float32.
    """
    return _FeatureSource(features)


def _sources(
    raw: RawData, tokenizer: Tokenizer | None, *, augment: bool, cache: Path
) -> tuple[Source, Source]:
    if raw.sample.modality == "image":
        return _image_source(raw, raw.train, augment), _image_source(raw, raw.test, augment)
    if raw.sample.modality == "features":
        return _FeatureSource(np.asarray(raw.train.inputs)), _FeatureSource(
            np.asarray(raw.test.inputs)
        )
    if tokenizer is None:
        message = f"reads no text, but {raw.name} is a text data set; choose a text backbone"
        raise ConfigError([Problem("backbone.name", message)])
    train, test = token_tables(raw, tokenizer, cache)
    return _TextSource(train, tokenizer.pad_id), _TextSource(test, tokenizer.pad_id)


def _image_source(raw: RawData, part: Examples, augment: bool) -> _ImageSource:
    n_channels = raw.sample.shape[0]
    return _ImageSource(
        images=np.asarray(part.inputs),
        mean=raw.mean or (0.0,) * n_channels,
        std=raw.std or (1.0,) * n_channels,
        crop_padding=raw.crop_padding if augment else 0,
        flip=raw.flip and augment,
    )


@dataclass(frozen=True, eq=False)
class _ImageSource:
    images: NDArray[np.uint8]
    """(n, channels, height, width)."""
    mean: tuple[float, ...]
    std: tuple[float, ...]
    crop_padding: int
    flip: bool
    lengths: IntArray | None = None

    @property
    def n(self) -> int:
        return len(self.images)

    def eval_batch(self, indices: IntArray) -> dict[str, torch.Tensor]:
        return {"pixel_values": self._normalized(self.images[indices])}

    def train_batch(self, indices: IntArray, generator: torch.Generator) -> dict[str, torch.Tensor]:
        images = self.images[indices]
        if self.crop_padding:
            images = _random_crop(images, self.crop_padding, generator)
        if self.flip:
            images = _random_flip(images, generator)
        return {"pixel_values": self._normalized(images)}

    def _normalized(self, images: NDArray[np.uint8]) -> torch.Tensor:
        import torch

        mean = torch.tensor(self.mean).view(-1, 1, 1)
        std = torch.tensor(self.std).view(-1, 1, 1)
        # One multiplication and one subtraction per pixel: (x / 255 - mean) / std.
        return torch.from_numpy(images).float().mul_(1.0 / (255.0 * std)).sub_(mean / std)


def _random_crop(
    images: NDArray[np.uint8], padding: int, generator: torch.Generator
) -> NDArray[np.uint8]:
    # A window of the original size at a random place of the image padded with black. NumPy copies
    # whole rows here; indexing pixel by pixel in torch took 25 times as long.
    import torch

    n, _, height, width = images.shape
    border = (padding, padding)
    padded = np.pad(images, ((0, 0), (0, 0), border, border))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(2, 3))
    top, left = torch.randint(0, 2 * padding + 1, (2, n), generator=generator).numpy()
    cropped: NDArray[np.uint8] = windows[np.arange(n), :, top, left]  # (n, channels, height, width)
    return cropped


def _random_flip(images: NDArray[np.uint8], generator: torch.Generator) -> NDArray[np.uint8]:
    import torch

    mirrored = (torch.rand(len(images), generator=generator) < 0.5).numpy()
    flipped = images.copy()
    flipped[mirrored] = images[mirrored, :, :, ::-1]
    return flipped


@dataclass(frozen=True, eq=False)
class _TextSource:
    table: TokenTable
    pad_id: int

    @property
    def n(self) -> int:
        return self.table.offsets.size - 1

    @property
    def lengths(self) -> IntArray:
        return np.diff(self.table.offsets)

    def eval_batch(self, indices: IntArray) -> dict[str, torch.Tensor]:
        import torch

        starts = self.table.offsets[indices]
        lengths = self.table.offsets[np.asarray(indices) + 1] - starts
        steps = np.arange(max(1, int(lengths.max(initial=0))))
        inside = steps < lengths[:, None]  # (batch, longest)
        ids = np.full(inside.shape, self.pad_id, dtype=np.int64)
        ids[inside] = self.table.values[(starts[:, None] + steps)[inside]]
        return {
            "input_ids": torch.from_numpy(ids),
            "attention_mask": torch.from_numpy(inside.astype(np.int64)),
        }

    def train_batch(self, indices: IntArray, generator: torch.Generator) -> dict[str, torch.Tensor]:
        return self.eval_batch(indices)


@dataclass(frozen=True, eq=False)
class _FeatureSource:
    features: FloatArray
    """(n, n_features)."""
    lengths: IntArray | None = None

    @property
    def n(self) -> int:
        return len(self.features)

    def eval_batch(self, indices: IntArray) -> dict[str, torch.Tensor]:
        import torch

        return {"features": torch.from_numpy(self.features[indices].astype(np.float32))}

    def train_batch(self, indices: IntArray, generator: torch.Generator) -> dict[str, torch.Tensor]:
        return self.eval_batch(indices)
