"""The manifest of an imported data set: what its files are, and how they came to be."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from alscope.errors import DatasetError
from alscope.files import Stamp, stamps, write_atomic
from alscope.hashing import digest

__all__ = ["MANIFEST", "Manifest", "check_slug", "read_manifest", "sha256", "write_manifest"]

MANIFEST = "manifest.json"
_LAYOUT = 1
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_RESERVED = re.compile(r"con|prn|aux|nul|(com|lpt)[0-9]")
_LARGEST = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything about an imported set but its samples.

    Attributes:
        slug: Folder name; the set is called `own:<slug>`.
        title: Name for people.
        modality: "image", "text" or "features".
        shape: As in `SampleSpec`.
        class_names: In label order.
        n_train: Training samples per class, in label order.
        n_test: Test samples per class.
        files: File name -> {"sha256": ..., "bytes": ...}.
        mean: Per-channel mean of the training images scaled to 0..1.
        std: Per-channel standard deviation.
        flip: As in `RawData`.
        crop_padding: As in `RawData`.
        source: Name of the file or folder that was imported, without its path.
        imported: When, ISO 8601; for display only.
        mapping: What the user chose.
        changes: What was done to the samples, for people.
        findings: The report of the import.
    """

    slug: str
    title: str
    modality: str
    shape: tuple[int, ...]
    class_names: tuple[str, ...]
    n_train: tuple[int, ...]
    n_test: tuple[int, ...]
    files: dict[str, dict[str, Any]]
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    flip: bool = False
    crop_padding: int = 0
    source: str = ""
    imported: str = ""
    mapping: dict[str, Any] = field(default_factory=dict)
    changes: tuple[str, ...] = ()
    findings: tuple[dict[str, Any], ...] = ()

    @property
    def fingerprint(self) -> str:
        """Content address of all that a result can depend on."""
        return digest(
            {
                "dataset": "own",
                "layout": _LAYOUT,
                "files": {name: facts["sha256"] for name, facts in self.files.items()},
                "sample": [self.modality, self.shape],
                "classes": self.class_names,
                "view": [self.mean, self.std, self.flip, self.crop_padding],
            }
        )


def check_slug(slug: str) -> str:
    """The slug itself.

    Raises:
        DatasetError: If it may not name a folder.
    """
    if not _SLUG.fullmatch(slug) or _RESERVED.fullmatch(slug):
        raise DatasetError(
            f"{slug!r:.80} cannot name a data set; use 1 to 64 of a-z, 0-9, - and _, beginning "
            "with a letter or digit, and no name that Windows keeps for devices"
        )
    return slug


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write it with a checksum of its own."""
    body = json.loads(json.dumps({"layout": _LAYOUT, **asdict(manifest)}))
    text = json.dumps({"checksum": digest(body), "body": body}, indent=1, ensure_ascii=False)
    write_atomic(folder / MANIFEST, text.encode())


def read_manifest(folder: Path) -> Manifest:
    """Read and check it; remembered until it is replaced.

    Raises:
        DatasetError: If it is missing, damaged or of another version.
    """
    try:
        return _read(stamps([folder / MANIFEST])[0])
    except OSError as error:
        raise DatasetError(
            f"{folder} holds no imported data set ({MANIFEST}: {error.strerror}); import it again"
        ) from error


@lru_cache(maxsize=64)
def _read(stamp: Stamp) -> Manifest:
    damaged = f"{stamp.path} is damaged; import the data set again"
    if stamp.size > _LARGEST:
        raise DatasetError(damaged)
    try:
        document = json.loads(stamp.path.read_bytes())
        body = document["body"]
        sound = digest(body) == document["checksum"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DatasetError(damaged) from error
    if not sound:
        raise DatasetError(damaged)
    layout = body.pop("layout", None)
    if layout != _LAYOUT:
        raise DatasetError(
            f"{stamp.path} has the layout {layout}, but this version reads {_LAYOUT}; import the "
            "data set again"
        )
    return _manifest(body, damaged)


def _manifest(body: Mapping[str, Any], damaged: str) -> Manifest:
    lists = {key: tuple(value) for key, value in body.items() if isinstance(value, list)}
    try:
        manifest = Manifest(**{**body, **lists})
    except TypeError as error:
        raise DatasetError(damaged) from error
    # The folder decides what a set is called, and files are looked up by name.
    if any(Path(name).name != name for name in manifest.files):
        raise DatasetError(damaged)
    return manifest


@lru_cache(maxsize=256)
def sha256(stamp: Stamp) -> str:
    """SHA-256 of a file's bytes; remembered until the file is replaced."""
    with stamp.path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
