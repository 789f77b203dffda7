"""Small sources of every kind, written by hand, and what a report says about them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from alscope.data.importing import Finding, Mapping, Report, check

TEXT = Mapping("text", "text", "label")
IMAGES = Mapping("images", size=16, color="rgb")
ARRAYS = Mapping("features")

COLORS = {"red": (200, 30, 30), "blue": (30, 30, 200)}


def texts(n: int = 24, classes: Sequence[str] = ("a", "b")) -> list[tuple[str, str]]:
    """Different texts, the classes in turn."""
    return [(f"text number {i}", classes[i % len(classes)]) for i in range(n)]


def write_csv(
    path: Path, rows: Iterable[Sequence[Any]], header: Sequence[str] = ("text", "label")
) -> Path:
    """A CSV file in UTF-8."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, lineterminator="\n").writerows([header, *rows])
    return path


def drawn(seed: int, color: tuple[int, ...] = COLORS["red"], size: tuple[int, int] = (16, 16)):
    """A small picture: a color with noise; every seed another one."""
    noise = np.random.default_rng(seed).integers(-25, 26, (*size, len(color)))
    pixels = np.clip(noise + np.array(color), 0, 255).astype(np.uint8)
    return Image.fromarray(pixels.squeeze())


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    """An image as the bytes of a file."""
    stream = BytesIO()
    image.save(stream, format=format, **options)
    return stream.getvalue()


def image_folder(top: Path, n: int = 12, parts: Sequence[str] = ("",)) -> Path:
    """`n` images per class and part, in class folders."""
    seed = 0
    for part in parts:
        for name, color in COLORS.items():
            folder = top / part / name
            folder.mkdir(parents=True)
            for i in range(n):
                seed += 1
                (folder / f"{i:02}.png").write_bytes(encoded(drawn(seed, color)))
    return top


def arrays(folder: Path, n: int = 24, n_features: int = 5) -> np.ndarray:
    """`features.npy` and `labels.npy`; returns the features."""
    folder.mkdir(exist_ok=True)
    features = np.random.default_rng(0).normal(size=(n, n_features)).astype(np.float32)
    np.save(folder / "features.npy", features)
    np.save(folder / "labels.npy", np.arange(n) % 3)
    return features


def finding(report: Report, code: str) -> Finding:
    """The one finding of a code."""
    (found,) = [each for each in report.findings if each.code == code]
    return found


def codes(report: Report, severity: str = "error") -> list[str]:
    """Codes of all findings of a severity."""
    return [each.code for each in report.findings if each.severity == severity]


def dropping(mapping: Mapping, *words: str) -> Mapping:
    """The mapping with words to leave out."""
    return replace(mapping, drop=words)


def check_rows(folder: Path, rows: Iterable[Sequence[Any]], mapping: Mapping = TEXT) -> Report:
    """The report on a CSV file with these rows."""
    return check(write_csv(folder / "data.csv", rows), mapping)
