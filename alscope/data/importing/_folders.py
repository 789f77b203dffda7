"""Reading images in class folders: a folder per class, or a folder per part above them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from alscope.data.importing._findings import Collector
from alscope.data.importing._images import Facts, Pixels, decode, report_facts
from alscope.data.importing._limits import Limits, Refused
from alscope.data.importing._mapping import Mapping
from alscope.data.importing._places import Place, Places
from alscope.data.importing._scan import Progress, Scan, content_key

__all__ = ["Sample", "image_samples", "scan_images"]

_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif")
_OTHER_IMAGES = (".tif", ".tiff", ".heic", ".heif", ".avif", ".svg", ".jp2", ".psd", ".dng")


class Sample(NamedTuple):
    """One image file: where it is, and what its folders say."""

    place: Place
    label: str | None
    part: str | None


def image_samples(places: Sequence[Place], *, split_folders: bool) -> list[Sample]:
    """Images with the class and the part that their folders name.

    Folders around everything are ignored, so that an archive of one folder is read as that folder.
    """
    images = [place for place in places if place.name.lower().endswith(_SUFFIXES)]
    needed = 3 if split_folders else 2  # part, class, file
    skip = _wrapping([place.parts for place in images], needed)
    samples = []
    for place in images:
        folders = place.parts[skip:-1]
        part = folders[0] if split_folders and folders else None
        labels = folders[1:] if split_folders else folders
        samples.append(Sample(place, labels[0] if labels else None, part))
    return samples


def scan_images(
    path: Path,
    mapping: Mapping,
    limits: Limits,
    collect: Collector,
    *,
    staging: Path | None,
    progress: Progress,
) -> Scan:
    """Decode every image once.

    Args:
        path: Folder or zip archive.
        mapping: What the user chose.
        limits: Bounds.
        collect: Receives the findings.
        staging: File that receives the pixels; None: they are checked and forgotten.
        progress: Told after every hundred images.

    Raises:
        Refused: If the source as a whole is refused.
    """
    scan = Scan("image", has_parts=mapping.split_folders)
    pixels = Pixels(staging, limits.output_bytes)
    scan.payload = pixels
    seen: list[Facts] = []
    with Places(path, limits, collect) as places:
        listed = places.list()
        _report_others(listed, collect)
        samples = image_samples(listed, split_folders=mapping.split_folders)
        for number, sample in enumerate(samples):
            _read(sample, mapping, limits, scan=scan, pixels=pixels, seen=seen)
            if number % 100 == 0:
                progress("read", number / len(samples))
    if not scan.where:
        raise Refused(
            "empty",
            f"{path.name} holds no images; put PNG, JPEG, WebP, BMP or GIF files into one folder "
            "per class",
        )
    report_facts(seen, mapping, collect)
    return scan


def _read(
    sample: Sample,
    mapping: Mapping,
    limits: Limits,
    *,
    scan: Scan,
    pixels: Pixels,
    seen: list[Facts],
) -> None:
    where = sample.place.name.encode("utf-8", "replace").decode()
    key, image, problem = b"", None, ""
    try:
        data = sample.place.read()
        facts, image = decode(data, mapping, limits)
        key = content_key(data)
        seen.append(facts)
    except Refused as refusal:
        problem = str(refusal)
    scan.add(where, key=key, label=sample.label, part=sample.part, limits=limits)
    pixels.add(image)
    if problem:
        scan.mark("unreadable", problem)


def _wrapping(names: Sequence[tuple[str, ...]], needed: int) -> int:
    # How many folders all files share that are neither class nor part.
    if not names:
        return 0
    spare = min(len(parts) for parts in names) - needed
    skip = 0
    while skip < spare and len({parts[skip] for parts in names}) == 1:
        skip += 1
    return skip


def _report_others(places: Sequence[Place], collect: Collector) -> None:
    names = [place.name for place in places if not place.name.lower().endswith(_SUFFIXES)]
    unsupported = [name for name in names if name.lower().endswith(_OTHER_IMAGES)]
    others = sorted(set(names) - set(unsupported))
    if unsupported:
        collect.add(
            "warning",
            "unsupported_images",
            "images of other formats are left out; save them as PNG or JPEG",
            where=unsupported,
            count=len(unsupported),
        )
    if others:
        collect.add(
            "info", "other_files", "other files are left out", where=others, count=len(others)
        )
