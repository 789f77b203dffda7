"""The user's own data, once imported: data sets like any other, by the name `own:<slug>`."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from alscope.data._manifest import MANIFEST, Manifest, check_slug, read_manifest, sha256
from alscope.data._parquet import opened as opened_parquet
from alscope.data.protocols import (
    DataRoot,
    DatasetSpec,
    DataSummary,
    Examples,
    RawData,
    class_counts,
)
from alscope.errors import DatasetError
from alscope.files import Stamp, stamps
from alscope.types import IntArray, SampleSpec

__all__ = [
    "PREFIX",
    "OwnDataset",
    "OwnInfo",
    "delete_own",
    "origins",
    "own_folder",
    "own_info",
    "own_sets",
]

PREFIX = "own:"
_log = logging.getLogger(__name__)
_PARTS = ("train", "test")
_SMALL = 8  # below this many pixels the convolutional networks cannot halve the image
_LARGE = 64


@dataclass(frozen=True)
class OwnInfo:
    """What lists and cards show of an imported set.

    Attributes:
        slug: Folder name.
        title: Name for people.
        modality: "image", "text", "features", or "" if the manifest cannot be read.
        shape: As in `SampleSpec`.
        class_counts: Class name -> (training samples, test samples), in label order.
        n_bytes: Size of its files.
        source: Name of what was imported.
        imported: When, ISO 8601.
        changes: What the import did to the samples.
        findings: Rows of the import's report.
        fingerprint: Content address, as in the summary.
        problem: Why it cannot be used; "" if it can.
    """

    slug: str
    title: str
    modality: str = ""
    shape: tuple[int, ...] = ()
    class_counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    n_bytes: int = 0
    source: str = ""
    imported: str = ""
    changes: tuple[str, ...] = ()
    findings: tuple[dict[str, Any], ...] = ()
    fingerprint: str = ""
    problem: str = ""

    @property
    def name(self) -> str:
        """What studies call it: `own:<slug>`."""
        return f"{PREFIX}{self.slug}"

    @property
    def n_train(self) -> int:
        """Training samples."""
        return sum(train for train, _ in self.class_counts.values())

    @property
    def n_test(self) -> int:
        """Test samples."""
        return sum(test for _, test in self.class_counts.values())

    @property
    def backbone(self) -> str:
        """Backbone to propose; "" if the set cannot be used."""
        if self.modality != "image":
            return {"text": "text_bag", "features": "mlp"}.get(self.modality, "")
        side = min(self.shape[1:])
        if side < _SMALL:
            return "mlp"
        return "small_cnn" if side < _LARGE else "resnet18"


@dataclass(frozen=True, kw_only=True)
class OwnDataset(DatasetSpec):
    """A data set that the user imported.

    Attributes:
        slug: Its folder below `own/`.
        info: What is known of it, for catalogues; without it title and proposals are missing.
    """

    licence: ClassVar[str] = "your own"
    citation: ClassVar[str] = "your own data"

    slug: str
    info: OwnInfo | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        # Facts of the class for registered sets are facts of the instance here.
        info = self.info or OwnInfo(slug=self.slug, title=self.slug)
        facts = {"key": info.name, "title": info.title, "modality": info.modality}
        for name, value in {**facts, "backbone": info.backbone}.items():
            object.__setattr__(self, name, value)

    def available(self, root: DataRoot) -> bool:
        """Whether the manifest can be read and all files are there."""
        try:
            folder = own_folder(root, self.slug)
            _check_sizes(folder, read_manifest(folder))
        except DatasetError:
            return False
        return True

    def summary(self, root: DataRoot) -> DataSummary:
        """Labels and facts; remembered until a file is replaced."""
        folder = own_folder(root, self.slug)
        manifest = read_manifest(folder)
        _check_sizes(folder, manifest)
        return _summary(folder, stamps([folder / name for name in (MANIFEST, *manifest.files)]))

    def load(self, root: DataRoot) -> RawData:
        """The examples; images and features stay on the disk and are mapped into memory."""
        summary = self.summary(root)
        folder = own_folder(root, self.slug)
        manifest = read_manifest(folder)
        targets = (summary.train_targets, summary.test_targets)
        train, test = (
            Examples(inputs=_inputs(folder, part, manifest, labels.size), targets=labels)
            for part, labels in zip(_PARTS, targets, strict=True)
        )
        return RawData(
            name=self.key,
            sample=summary.sample,
            class_names=summary.class_names,
            train=train,
            test=test,
            fingerprint=summary.fingerprint,
            mean=manifest.mean,
            std=manifest.std,
            crop_padding=manifest.crop_padding,
            flip=manifest.flip,
        )


def own_folder(root: DataRoot, slug: str) -> Path:
    """Where a set is, whether or not it exists.

    Raises:
        DatasetError: If the slug may not name a folder.
    """
    return root.path / "own" / check_slug(slug)


def own_sets(root: DataRoot) -> tuple[OwnInfo, ...]:
    """All imported sets by slug; those that cannot be read say why in `problem`."""
    folders = sorted((root.path / "own").glob(f"*/{MANIFEST}"))
    return tuple(
        own_info(root, path.parent.name)
        for path in folders
        if not path.parent.name.startswith(".")  # imports under way
    )


def own_info(root: DataRoot, slug: str) -> OwnInfo:
    """What is known of one set; `problem` says why it cannot be read."""
    try:
        folder = own_folder(root, slug)
        manifest = read_manifest(folder)
        _check_sizes(folder, manifest)
    except DatasetError as error:
        return OwnInfo(slug=slug, title=slug, problem=str(error))
    counts = zip(manifest.n_train, manifest.n_test, strict=True)
    return OwnInfo(
        slug=slug,
        title=manifest.title,
        modality=manifest.modality,
        shape=manifest.shape,
        class_counts=dict(zip(manifest.class_names, counts, strict=True)),
        n_bytes=sum(int(facts["bytes"]) for facts in manifest.files.values()),
        source=manifest.source,
        imported=manifest.imported,
        changes=manifest.changes,
        findings=manifest.findings,
        fingerprint=manifest.fingerprint,
    )


def origins(root: DataRoot, slug: str) -> tuple[str, ...]:
    """Where in its source each training sample stood, such as `line 12`, in their order."""
    folder = own_folder(root, slug)
    return tuple(_column(folder, "train", "origin", read_manifest(folder)).to_pylist())


def delete_own(root: DataRoot, slug: str) -> None:
    """Delete an imported set. Results of studies on it stay, but it must be imported to go on.

    Raises:
        DatasetError: If there is none of that name.
    """
    folder = own_folder(root, slug)
    if folder.is_symlink():
        raise DatasetError(f"{folder} is a link; remove it yourself")
    if not folder.is_dir():
        raise DatasetError(f"there is no imported data set {slug!r} in {folder.parent}")
    # Without its manifest it is no set any more, also if the rest cannot be deleted.
    (folder / MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(folder)
    _log.info("deleted the imported data set %s", slug)


@lru_cache(maxsize=32)
def _summary(folder: Path, looked_at: tuple[Stamp, ...]) -> DataSummary:
    manifest = read_manifest(folder)
    train, test = (_targets(folder, part, manifest) for part in _PARTS)
    changes = "; ".join(manifest.changes)
    return DataSummary(
        class_names=manifest.class_names,
        train_targets=train,
        test_targets=test,
        sample=SampleSpec(modality=manifest.modality, shape=manifest.shape),
        source=f"imported from {manifest.source}",
        fingerprint=manifest.fingerprint,
        note=f"changed when imported: {changes}" if changes else "",
    )


def _targets(folder: Path, part: str, manifest: Manifest) -> IntArray:
    labels: IntArray = _column(folder, part, "label", manifest).to_numpy().astype(np.int64)
    expected = manifest.n_train if part == "train" else manifest.n_test
    if labels.min(initial=0) < 0 or tuple(class_counts(labels, len(expected))) != expected:
        said = f"the class counts of {folder / part}.parquet are not those of its manifest"
        raise DatasetError(f"{said}; import the data set again")
    labels.setflags(write=False)
    return labels


def _inputs(
    folder: Path, part: str, manifest: Manifest, n_samples: int
) -> NDArray[Any] | list[str]:
    if manifest.modality == "text":
        return list(_column(folder, part, "text", manifest).to_pylist())
    path = _verified(folder, f"{part}.npy", manifest)
    try:
        stored = np.load(path, allow_pickle=False, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    expected = (n_samples, *manifest.shape)
    if stored.shape != expected:
        raise DatasetError(
            f"{path} has the shape {stored.shape}, but its manifest says {expected}; import the "
            "data set again"
        )
    return np.asarray(stored)


def _column(folder: Path, part: str, name: str, manifest: Manifest) -> Any:
    with opened_parquet(_verified(folder, f"{part}.parquet", manifest)) as file:
        return file.read(columns=[name]).column(0)


def _verified(folder: Path, name: str, manifest: Manifest) -> Path:
    path = folder / name
    if name not in manifest.files or sha256(stamps([path])[0]) != manifest.files[name]["sha256"]:
        raise DatasetError(
            f"{path} was changed since it was imported (its SHA-256 differs); import it again"
        )
    return path


def _check_sizes(folder: Path, manifest: Manifest) -> None:
    for name, facts in manifest.files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != facts["bytes"]:
            raise DatasetError(
                f"{path} is missing or has another size than when it was imported; import the "
                "data set again"
            )
