"""Parts of data sets as tensors: gathered, augmented and normalized on the training device.

Random numbers are drawn on the CPU from the generator that is passed in, a few per sample, so that
every device makes the same views. Augmentation moves bytes; only the result becomes floating-point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alscope.data._tokens import TokenTable
from alscope.data.protocols import Examples, RawData
from alscope.data.resident import moved, resident
from alscope.types import FloatArray, IntArray

if TYPE_CHECKING:
    import torch

__all__ = ["FeatureSource", "ImageSource", "TextSource"]

Batch = dict[str, "torch.Tensor"]


class ImageSource:
    """Images as bytes, normalized per batch.

    Args:
        raw: For statistics and the training view.
        part: The images, (n, channels, height, width), uint8.
        augment: Crop and flip in the training view as the data set says.
        device: Where batches are made.
    """

    lengths: IntArray | None = None

    def __init__(
        self, raw: RawData, part: Examples, *, augment: bool, device: torch.device
    ) -> None:
        import torch

        n_channels = raw.sample.shape[0]
        mean = torch.tensor(raw.mean or (0.0,) * n_channels).view(-1, 1, 1)
        std = torch.tensor(raw.std or (1.0,) * n_channels).view(-1, 1, 1)
        # One multiplication and one subtraction per pixel: (x / 255 - mean) / std.
        self._scale = (1.0 / (255.0 * std)).to(device)
        self._shift = (mean / std).to(device)
        self._images = resident(np.asarray(part.inputs), device)
        self._crop_padding = raw.crop_padding if augment else 0
        self._flip = raw.flip and augment
        self._device = device

    @property
    def n(self) -> int:
        """Samples."""
        return len(self._images)

    def eval_batch(self, indices: IntArray) -> Batch:
        """Normalized images, (batch, channels, height, width)."""
        return {"pixel_values": self._normalized(self._rows(indices))}

    def train_batch(self, indices: IntArray, generator: torch.Generator) -> Batch:
        """Cropped and flipped as the data set says, then normalized."""
        images = self._rows(indices)
        if self._crop_padding:
            images = _random_crop(images, self._crop_padding, generator)
        if self._flip:
            images = _random_flip(images, generator)
        return {"pixel_values": self._normalized(images)}

    def _rows(self, indices: IntArray) -> torch.Tensor:
        # Bytes travel, not floating-point numbers.
        return moved(_rows(self._images, indices), self._device)

    def _normalized(self, images: torch.Tensor) -> torch.Tensor:
        return images.float().mul_(self._scale).sub_(self._shift)


def _random_crop(images: torch.Tensor, padding: int, generator: torch.Generator) -> torch.Tensor:
    """A window of the original size at a random place of the image padded with black."""
    import torch

    n, channels, height, width = images.shape
    top, left = torch.randint(0, 2 * padding + 1, (2, n), generator=generator)
    steps = torch.arange(height)[:, None], torch.arange(width)
    # Place of every pixel of the window in its padded image; all channels share it.
    line = width + 2 * padding
    places = (top[:, None, None] + steps[0]) * line + left[:, None, None] + steps[1]
    padded = torch.nn.functional.pad(images, (padding,) * 4).flatten(2)
    places = moved(places, images.device).view(n, 1, -1).expand(n, channels, -1)
    return padded.gather(2, places).view(images.shape)


def _random_flip(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Half of the images, mirrored."""
    import torch

    mirrored = moved(torch.rand(len(images), generator=generator) < 0.5, images.device)
    return torch.where(mirrored.view(-1, 1, 1, 1), images.flip(3), images)


class TextSource:
    """Token ids, padded per batch to its longest text.

    Args:
        table: Ids of all texts.
        pad_id: What fills a text up.
        device: Where batches are made.
    """

    def __init__(self, table: TokenTable, pad_id: int, device: torch.device) -> None:
        values = table.values if table.values.size else np.full(1, pad_id, dtype=np.int32)
        self._offsets = table.offsets
        self._values = resident(values, device)
        self._pad_id = pad_id
        self._device = device
        self.lengths: IntArray = np.diff(table.offsets)

    @property
    def n(self) -> int:
        """Samples."""
        return self._offsets.size - 1

    def eval_batch(self, indices: IntArray) -> Batch:
        """Ids and mask, (batch, longest), int64."""
        import torch

        lengths = self.lengths[indices]
        place = self._values.device
        starts = moved(torch.from_numpy(self._offsets[indices]), place)
        steps = torch.arange(max(1, int(lengths.max(initial=0))), device=place)
        inside = steps < moved(torch.from_numpy(lengths), place)[:, None]  # (batch, longest)
        # What is behind a text belongs to the next one, or is behind the last one.
        places = (starts[:, None] + steps).clamp_(max=len(self._values) - 1)
        ids = self._values[places].long().masked_fill_(~inside, self._pad_id)
        batch = {"input_ids": ids, "attention_mask": inside.long()}
        return {name: moved(tensor, self._device) for name, tensor in batch.items()}

    def train_batch(self, indices: IntArray, generator: torch.Generator) -> Batch:
        """The same."""
        return self.eval_batch(indices)


class FeatureSource:
    """Feature vectors as they are.

    Args:
        features: (n, n_features).
        device: Where batches are made.
    """

    lengths: IntArray | None = None

    def __init__(self, features: FloatArray, device: torch.device) -> None:
        self._features = resident(features, device)
        self._device = device

    @property
    def n(self) -> int:
        """Samples."""
        return len(self._features)

    def eval_batch(self, indices: IntArray) -> Batch:
        """Features, (batch, n_features), float32."""
        return {"features": moved(_rows(self._features, indices).float(), self._device)}

    def train_batch(self, indices: IntArray, generator: torch.Generator) -> Batch:
        """The same."""
        return self.eval_batch(indices)


def _rows(tensor: torch.Tensor, indices: IntArray) -> torch.Tensor:
    import torch

    chosen = torch.from_numpy(np.asarray(indices, dtype=np.int64))
    return tensor.index_select(0, moved(chosen, tensor.device))
