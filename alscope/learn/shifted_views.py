"""What counts as a view and as a shift of a sample, per modality."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from alscope import rng
from alscope.learn.augment import (
    N_IMAGE_DRAWS,
    hashed_draws,
    image_view,
    reordered,
    shortened,
    smallest_area,
    turned,
)
from alscope.learn.protocols import LearnerContext
from alscope.types import IntArray

__all__ = ["Draw", "ImageViews", "Inputs", "TextViews", "Views", "views_of"]

Inputs = dict[str, Tensor]
Draw = Callable[[int], Tensor]
"""Uniform numbers in [0, 1) for a batch: `draw(n)` is (batch, n), on the CPU."""

_INFERENCE_AREA = 0.54


class Views(Protocol):
    """Copies of samples that show the same, and copies that show it strongly changed."""

    @property
    def n_shifts(self) -> int:
        """Strongly changed copies, the unchanged one included."""

    def shifted(self, inputs: Inputs, shift: int, ids: IntArray) -> Inputs:
        """The samples `ids` strongly changed; shift 0 leaves them as they are."""

    def random(self, inputs: Inputs, draw: Draw) -> Inputs:
        """A random view of every sample, equally large."""


@dataclass(frozen=True, eq=False)
class ImageViews:
    """Random crops and colors; shifts are turns.

    Attributes:
        mean: Subtracted from every channel of the inputs, (channels, 1, 1).
        std: What they were divided by, (channels, 1, 1).
        areas: Smallest and largest share of an image that a crop keeps.
        flip: Mirror half of the images.
        turns: Quarters of a circle, one number per shift, the first one 0.
    """

    mean: Tensor
    std: Tensor
    areas: tuple[float, float]
    flip: bool
    turns: tuple[int, ...]

    @property
    def n_shifts(self) -> int:
        """One per turn."""
        return len(self.turns)

    def shifted(self, inputs: Inputs, shift: int, ids: IntArray) -> Inputs:
        """The images turned."""
        return {"pixel_values": turned(inputs["pixel_values"], self.turns[shift])}

    def random(self, inputs: Inputs, draw: Draw) -> Inputs:
        """Cropped and recolored as pixels in [0, 1], where colors mean something."""
        pixels = (inputs["pixel_values"] * self.std + self.mean).clamp(0.0, 1.0)
        changed = image_view(pixels, draw(N_IMAGE_DRAWS), areas=self.areas, flip=self.flip)
        return {"pixel_values": (changed - self.mean) / self.std}


@dataclass(frozen=True, eq=False)
class TextViews:
    """Texts without some of their tokens; the shift is another order of tokens.

    Attributes:
        n_shifts: 2, or 1 without the other order.
        seed: Stream of the orders; a sample keeps its order.
    """

    n_shifts: int
    seed: int

    def shifted(self, inputs: Inputs, shift: int, ids: IntArray) -> Inputs:
        """As it is, or with its inner tokens in another order."""
        if shift == 0:
            return inputs
        return reordered(inputs, hashed_draws(ids, inputs["input_ids"].shape[1], seed=self.seed))

    def random(self, inputs: Inputs, draw: Draw) -> Inputs:
        """Some tokens deleted."""
        return shortened(inputs, draw(inputs["input_ids"].shape[1]))


def views_of(context: LearnerContext, *, shifts: bool, fixed: bool = False) -> Views:
    """The views of the samples of a trial.

    Args:
        context: Data, network and seed.
        shifts: Whether strongly changed copies are wanted; where the samples or the network have
            none, there is the unchanged one alone.
        fixed: Crops of 54 % of an image instead of any size, for projections.

    References:
        Du et al. 2021, ICCV, pp. 8927-8936 (the fixed size; from the authors' program).
    """
    sample = context.data.sample
    if sample.modality == "text":
        n_shifts = 2 if shifts and not context.backbone.order_blind else 1
        return TextViews(n_shifts=n_shifts, seed=rng.seed_for(context.seed, "order of tokens"))
    n_channels, height, width = sample.shape
    quarters = (0, 1, 2, 3) if height == width else (0, 2)
    smallest = smallest_area(height, width)
    return ImageViews(
        mean=_column(context.data.pixel_mean or (0.0,) * n_channels, context.device),
        std=_column(context.data.pixel_std or (1.0,) * n_channels, context.device),
        areas=(_INFERENCE_AREA, _INFERENCE_AREA) if fixed else (smallest, 1.0),
        flip=context.data.flip,
        turns=quarters if shifts else (0,),
    )


def _column(values: tuple[float, ...], device: torch.device) -> Tensor:
    return torch.tensor(values, device=device).view(-1, 1, 1)
