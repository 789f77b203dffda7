"""Images: decoded once, brought to one size and color as asked, kept as bytes on the disk."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alscope.data.importing._findings import Collector
from alscope.data.importing._limits import Limits, Refused, shown
from alscope.data.importing._mapping import Mapping
from alscope.types import IntArray

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Facts", "Pixels", "decode", "probe", "report_facts"]

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
_WHITE = (255, 255, 255, 255)
_TARGETS = {"rgb": "RGB", "grey": "L"}
_FAMILIES = {
    "1": "grey",
    "L": "grey",
    "LA": "grey with transparency",
    "La": "grey with transparency",
    "RGB": "rgb",
    "P": "rgb",
    "PA": "rgb with transparency",
    "RGBA": "rgb with transparency",
    "RGBa": "rgb with transparency",
    "RGBX": "rgb",
    "CMYK": "CMYK",
    "YCbCr": "YCbCr",
    "LAB": "LAB",
    "HSV": "HSV",
}


class Facts(NamedTuple):
    """What the head of an image file says."""

    width: int
    height: int
    family: str
    animated: bool = False
    turned: bool = False


def probe(data: bytes, limits: Limits) -> Facts:
    """Read the head of an image, not its pixels.

    Raises:
        Refused: If it is none, or too large.
    """
    with _opened(data, limits) as image:
        return _facts(image)


def decode(data: bytes, mapping: Mapping, limits: Limits) -> tuple[Facts, NDArray[np.uint8]]:
    """Pixels, (channels, height, width), of the size and color asked for.

    Raises:
        Refused: If the image cannot be decoded completely, or is too large.
    """
    from PIL import Image, ImageOps

    with _opened(data, limits) as image:
        facts = _facts(image)
        try:
            if mapping.size:
                # JPEG can be decoded at a half, a quarter or an eighth of its size.
                image.draft(None, (2 * mapping.size, 2 * mapping.size))
            upright = ImageOps.exif_transpose(image)
            colored = _colored(upright, facts, mapping.color)
            if mapping.size:
                # Cut first: what is outside of the square must not bleed into its border.
                square = colored.crop(_centre(*colored.size))
                colored = square.resize((mapping.size, mapping.size), Image.Resampling.BILINEAR)
            pixels = np.asarray(colored, dtype=np.uint8)
        except Exception as error:  # decoders raise nearly anything on damaged files
            raise Refused("unreadable", f"cannot be decoded ({shown(error)})") from error
    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return facts, np.ascontiguousarray(planes)  # (channels, height, width)


def _opened(data: bytes, limits: Limits) -> Image.Image:
    from PIL import Image

    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
        width, height = image.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Refused("too_large", "has far too many pixels") from error
    except Exception as error:  # decoders raise nearly anything on damaged files
        raise Refused(
            "unreadable", "is no PNG, JPEG, WebP, BMP or GIF image, or damaged"
        ) from error
    if max(width, height) > limits.image_side or width * height > limits.image_pixels:
        image.close()
        raise Refused(
            "too_large",
            f"has {width:,} x {height:,} pixels; at most {limits.image_pixels:,} are decoded",
        )
    return image


def _facts(image: Image.Image) -> Facts:
    try:
        orientation = image.getexif().get(0x0112, 1)
        animated = bool(getattr(image, "is_animated", False))
    except Exception as error:  # the head of a damaged file
        raise Refused("unreadable", f"has a damaged head ({shown(error)})") from error
    family = _FAMILIES.get(image.mode)
    if image.mode.startswith("I;16"):
        family = "grey with 16 bits"
    if family is None:
        raise Refused("unreadable", f"has the color mode {image.mode}; save it with 8 bits")
    if "transparency" in image.info and "with" not in family:
        family = f"{family} with transparency"
    width, height = image.size
    turned = orientation in range(2, 9)
    if orientation in range(5, 9):
        width, height = height, width
    return Facts(width, height, family, animated, turned)


def _colored(image: Image.Image, facts: Facts, color: str) -> Image.Image:
    from PIL import Image

    target = _TARGETS.get(color) or ("L" if facts.family == "grey" else "RGB")
    if facts.family == "grey with 16 bits":
        levels = np.asarray(image).astype(np.uint16) >> 8
        image = Image.fromarray(levels.astype(np.uint8))
    elif facts.family.endswith("transparency"):
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, _WHITE), layer)
    return image.convert(target)


def _centre(width: int, height: int) -> tuple[int, int, int, int]:
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def report_facts(seen: list[Facts], mapping: Mapping, collect: Collector) -> None:
    """Findings and changes that follow from the sizes and colors of all images."""
    if not seen:
        return
    _report_sizes(seen, mapping, collect)
    _report_colors(seen, mapping, collect)
    for name, text in (
        ("animated", "animated images; only the first frame is read"),
        ("turned", "photographs are turned upright, as their EXIF data say"),
    ):
        count = sum(getattr(facts, name) for facts in seen)
        if count:
            collect.add("info", name, text, count=count)


def _report_sizes(seen: list[Facts], mapping: Mapping, collect: Collector) -> None:
    sizes = Counter((facts.width, facts.height) for facts in seen)
    common = ", ".join(f"{w}x{h} ({count:,})" for (w, h), count in sizes.most_common(5))
    wanted = mapping.size
    if not wanted:
        if len(sizes) > 1 or any(width != height for width, height in sizes):
            collect.add(
                "error",
                "mixed_sizes",
                f"images have {len(sizes):,} sizes or are not square: {common}; choose a size",
                count=len(sizes),
            )
        return
    if len(sizes) > 1:
        collect.add("info", "mixed_sizes", f"images have several sizes: {common}", count=len(sizes))
    resized = sum(count for size, count in sizes.items() if size != (wanted, wanted))
    if resized:
        collect.changes.append(f"resized {resized:,} images to {wanted}x{wanted}")
    cut = sum(count for (width, height), count in sizes.items() if width != height)
    if cut:
        collect.changes.append(f"cut the centre square out of {cut:,} images")
    small = sum(count for size, count in sizes.items() if min(size) < wanted)
    if small:
        collect.add("info", "enlarged", f"images are smaller than {wanted} pixels", count=small)


def _report_colors(seen: list[Facts], mapping: Mapping, collect: Collector) -> None:
    families = Counter(facts.family for facts in seen)
    listed = ", ".join(f"{family} ({count:,})" for family, count in families.most_common())
    if not mapping.color:
        if len(families) > 1 or not families.keys() <= {"rgb", "grey"}:
            collect.add(
                "error",
                "mixed_colors",
                f"images have different or unusual color modes: {listed}; choose rgb or grey",
                count=len(families),
            )
        return
    if len(families) > 1:
        collect.add(
            "info", "mixed_colors", f"images have several modes: {listed}", count=len(families)
        )
    for family, count in families.items():
        if family != mapping.color:
            collect.changes.append(f"converted {count:,} images from {family} to {mapping.color}")
    clear = sum(count for family, count in families.items() if family.endswith("transparency"))
    if clear:
        collect.add(
            "info", "transparency", "images have transparent parts; made white", count=clear
        )


@dataclass(eq=False)
class Pixels:
    """Decoded images, one after the other in a file.

    Attributes:
        path: The file; None: images are only checked, not kept.
        limit: Bytes that may be written.
        shape: Of every image; images of another shape are not kept, which is an error elsewhere.
        slots: Place in the file per sample; -1: none.
    """

    path: Path | None
    limit: int
    shape: tuple[int, ...] = ()
    slots: list[int] = field(default_factory=list)
    _n_kept: int = 0

    def add(self, pixels: NDArray[np.uint8] | None) -> None:
        """The image of the next sample, or None.

        Raises:
            Refused: If the images together would be too large.
        """
        if pixels is not None and not self.shape:
            self.shape = pixels.shape
        if pixels is None or pixels.shape != self.shape:
            self.slots.append(-1)
            return
        if (self._n_kept + 1) * pixels.size > self.limit:
            raise Refused(
                "too_large",
                f"the images need more than {self.limit:,} bytes at this size; choose a smaller "
                "one",
            )
        if self.path is not None:
            with self.path.open("ab") as stream:
                stream.write(pixels.tobytes())
        self.slots.append(self._n_kept)
        self._n_kept += 1

    def write(self, rows: IntArray, folder: Path, part: str) -> None:
        """Images as one array, (n, channels, height, width), uint8."""
        assert self.path is not None
        stored = np.memmap(self.path, dtype=np.uint8, mode="r", shape=(self._n_kept, *self.shape))
        slots = np.array(self.slots, dtype=np.int64)[rows]
        target = np.lib.format.open_memmap(
            folder / f"{part}.npy", mode="w+", dtype=np.uint8, shape=(rows.size, *self.shape)
        )
        for start in range(0, rows.size, 1024):
            target[start : start + 1024] = stored[slots[start : start + 1024]]
        target.flush()
