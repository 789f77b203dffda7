"""Encoded images to bytes of pixels."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alscope.data._copies import Facts
from alscope.errors import DatasetError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["decode"]

_MODES = {1: "L", 3: "RGB"}


def decode(data: object, facts: Facts, where: str) -> NDArray[np.uint8]:
    """Pixels of a PNG or JPEG image, (channels, height, width).

    Args:
        data: The bytes of the file.
        facts: Shape, and whether grey images are expected in a color set.
        where: File and row, for messages.

    Raises:
        DatasetError: If it is no such image, or has another size or color mode.
    """
    from PIL import Image

    if not isinstance(data, bytes):
        raise DatasetError(f"{where} holds no encoded image; embed the bytes in the file")
    try:
        # Few formats, so that no rarely used decoder ever sees the bytes.
        with Image.open(BytesIO(data), formats=("PNG", "JPEG")) as image:
            pixels = np.asarray(_checked(image, facts, where), dtype=np.uint8)
    except (OSError, SyntaxError, ValueError) as error:
        raise DatasetError(f"{where} is not a readable PNG or JPEG image: {error}") from error
    n_channels, height, width = facts.shape
    return pixels.reshape(height, width, n_channels).transpose(2, 0, 1)


def _checked(image: Image, facts: Facts, where: str) -> Image:
    n_channels, height, width = facts.shape
    mode = _MODES[n_channels]
    if facts.grey and image.mode == "L" and (image.height, image.width) == (height, width):
        return image.convert(mode)
    if (image.mode, image.height, image.width) != (mode, height, width):
        raise DatasetError(
            f"{where} is {image.height}x{image.width} {image.mode}, but expected "
            f"{height}x{width} {mode}"
        )
    return image
