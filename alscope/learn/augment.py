"""Random views of images in [0, 1] and of token ids, for contrastive learning.

Every function is plain arithmetic on the uniform numbers it is given, one row per sample, so that
the same numbers make the same view on every device and in every batch.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from alscope.rng import tie_keys
from alscope.types import IntArray

__all__ = [
    "N_IMAGE_DRAWS",
    "hashed_draws",
    "image_view",
    "reordered",
    "shortened",
    "smallest_area",
    "turned",
]

N_IMAGE_DRAWS = 11
"""Uniform numbers that `image_view` needs per image."""

_N_CROP_DRAWS = 5
_ASPECT = 4 / 3
_SMALLEST_AREA = 0.08
_FEWEST_PIXELS = 6
_JITTER, _JITTER_SHARE = 0.4, 0.8
_HUE = 0.1
_GREY_SHARE = 0.2
_DELETED = 0.1
_LUMA = (0.299, 0.587, 0.114)

_DRAW_BITS = 20


def hashed_draws(ids: IntArray, n_draws: int, *, seed: int) -> Tensor:
    """Uniform numbers that follow from seed and sample id, whatever batch the sample is in.

    Args:
        ids: Stable sample ids, (batch,), below 2**43.
        n_draws: Numbers per sample, below 2**20; the first ones do not depend on it.
        seed: Stream.

    Returns:
        (batch, n_draws), float32, in [0, 1).
    """
    cells = (np.asarray(ids, dtype=np.int64)[:, None] << _DRAW_BITS) + np.arange(n_draws)
    keys = tie_keys(cells, seed=seed, round=0)
    # 24 bits are what a float32 holds exactly; more could round up to 1.
    return torch.from_numpy(((keys >> np.uint64(40)) * 2.0**-24).astype(np.float32))


def smallest_area(height: int, width: int) -> float:
    """Smallest share of an image that a random crop may keep, in [0.08, 1].

    The published 0.08 leaves 2 x 2 of 8 x 8 pixels; a crop keeps at least about 6 x 6 of them.
    """
    return min(1.0, max(_SMALLEST_AREA, (_FEWEST_PIXELS / min(height, width)) ** 2))


def image_view(images: Tensor, draws: Tensor, *, areas: tuple[float, float], flip: bool) -> Tensor:
    """One random view per image: crop, mirroring, colors.

    The crop is resized to the image; its area is uniform, its aspect log-uniform in 3/4..4/3. With
    probability 0.8 brightness, contrast and saturation change by up to 40 % and the hue by a tenth
    of the circle, in this order; with probability 0.2 the image loses its color. Images that do not
    have three channels change in brightness and contrast only.

    Args:
        images: (batch, channels, height, width), in [0, 1].
        draws: Uniform in [0, 1), (batch, `N_IMAGE_DRAWS`).
        areas: Smallest and largest share of the image that is kept.
        flip: Mirror half of the images.

    Returns:
        Like `images`, in [0, 1].

    References:
        Chen, Kornblith, Norouzi and Hinton 2020, arXiv:2002.05709, appendix A.
        Tack, Mo, Jeong and Shin 2020, arXiv:2007.08176, appendix (strengths of the colors).

    Deviations:
        The order of the color changes is fixed. No blur, as for small images in both papers.
    """
    draws = draws.to(images.device)
    cropped = _cropped(images, draws[:, :_N_CROP_DRAWS], areas=areas, flip=flip)
    return _recolored(cropped, draws[:, _N_CROP_DRAWS:]).clamp(0.0, 1.0)


def turned(images: Tensor, quarters: int) -> Tensor:
    """Images turned counter-clockwise by quarters of a circle, exactly."""
    return torch.rot90(images, quarters, dims=(2, 3))


def shortened(inputs: dict[str, Tensor], draws: Tensor) -> dict[str, Tensor]:
    """Texts without about a tenth of their tokens; first and last ones, often special, stay.

    Args:
        inputs: `input_ids` and `attention_mask`, (batch, length).
        draws: Uniform in [0, 1), (batch, length).

    Returns:
        The same shapes; what is left moves to the front, the rest is masked.
    """
    keep = (draws.to(inputs["input_ids"].device) >= _DELETED) & (inputs["attention_mask"] > 0)
    keep |= _ends(inputs["attention_mask"])
    order = torch.argsort((~keep).to(torch.int8), dim=1, stable=True)
    return {
        "input_ids": inputs["input_ids"].gather(1, order),
        "attention_mask": keep.to(inputs["attention_mask"].dtype).gather(1, order),
    }


def reordered(inputs: dict[str, Tensor], draws: Tensor) -> dict[str, Tensor]:
    """Texts with their inner tokens in the order of `draws`; first, last and padding stay.

    Args:
        inputs: `input_ids` and `attention_mask`, (batch, length); padding at the end.
        draws: Uniform in [0, 1), (batch, length).
    """
    mask = inputs["attention_mask"] > 0
    places = draws.to(mask.device).masked_fill(~mask, 3.0)
    first = mask & (mask.cumsum(dim=1) == 1)
    places = places.masked_fill(_ends(mask), 2.0).masked_fill(first, -1.0)
    order = torch.argsort(places, dim=1, stable=True)
    return {**inputs, "input_ids": inputs["input_ids"].gather(1, order)}


def _ends(mask: Tensor) -> Tensor:
    """First and last token of every text, (batch, length), bool."""
    inside = mask > 0
    rank = inside.cumsum(dim=1)
    return inside & ((rank == 1) | (rank == rank[:, -1:]))


def _cropped(images: Tensor, draws: Tensor, *, areas: tuple[float, float], flip: bool) -> Tensor:
    # As an affine map from output to input places, both in [-1, 1]: one resampling for all images.
    n, _, height, width = images.shape
    area, aspect, left, top, mirrored = draws.unbind(dim=1)
    area = areas[0] + (areas[1] - areas[0]) * area
    aspect = torch.exp((2 * aspect - 1) * math.log(_ASPECT))
    # Shares of width and height; pixels are square, so the aspect is that of the sides in pixels.
    across = (area * aspect * height / width).sqrt().clamp(max=1.0)
    down = (area / aspect * width / height).sqrt().clamp(max=1.0)
    maps = torch.zeros(n, 2, 3, device=images.device, dtype=images.dtype)
    maps[:, 0, 0] = torch.where(mirrored < 0.5, -across, across) if flip else across
    maps[:, 0, 2] = (2 * left - 1) * (1 - across)
    maps[:, 1, 1] = down
    maps[:, 1, 2] = (2 * top - 1) * (1 - down)
    grid = functional.affine_grid(maps, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _recolored(images: Tensor, draws: Tensor) -> Tensor:
    columns = [column.view(-1, 1, 1, 1) for column in draws.unbind(dim=1)]
    jittered, brightness, contrast, saturation, hue, grey = columns
    changed = (images * _factor(brightness)).clamp(0.0, 1.0)
    mean = _luma(changed).mean(dim=(2, 3), keepdim=True)  # (batch, 1, 1, 1)
    changed = _mixed(changed, mean, _factor(contrast))
    if images.shape[1] != 3:
        return torch.where(jittered < _JITTER_SHARE, changed, images)
    changed = _mixed(changed, _luma(changed), _factor(saturation))
    changed = _with_hue(changed, _HUE * (2 * hue - 1))
    changed = torch.where(jittered < _JITTER_SHARE, changed, images)
    return torch.where(grey < _GREY_SHARE, _luma(changed).expand_as(changed), changed)


def _factor(draws: Tensor) -> Tensor:
    return 1 + _JITTER * (2 * draws - 1)


def _mixed(images: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    return (factor * images + (1 - factor) * other).clamp(0.0, 1.0)


def _luma(images: Tensor) -> Tensor:
    """Brightness of every pixel, (batch, 1, height, width)."""
    if images.shape[1] != 3:
        return images.mean(dim=1, keepdim=True)
    weights = torch.tensor(_LUMA, device=images.device, dtype=images.dtype).view(3, 1, 1)
    return (images * weights).sum(dim=1, keepdim=True)


def _with_hue(images: Tensor, turn: Tensor) -> Tensor:
    """Hue moved by `turn` circles, value and saturation kept; images of three channels."""
    red, green, blue = images.unbind(dim=1)  # (batch, height, width)
    value, chroma = images.amax(dim=1), images.amax(dim=1) - images.amin(dim=1)
    safe = chroma.clamp(min=1e-12)  # grey has no hue; its chroma is 0 below
    sixth = torch.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4)
    sixth = torch.where(value == red, (green - blue) / safe, sixth) + 6 * turn[:, 0]
    parts = []
    for offset in (5.0, 3.0, 1.0):
        k = (sixth + offset) % 6
        parts.append(value - chroma * torch.minimum(k, 4 - k).clamp(0.0, 1.0))
    return torch.stack(parts, dim=1)
