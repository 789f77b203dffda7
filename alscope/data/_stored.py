"""Data sets that are files: found in one of several formats, or fetched, then read one way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from alscope.data._copies import Copy, Facts
from alscope.data._fetch import download
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
from alscope.hashing import digest
from alscope.types import IntArray, SampleSpec

__all__ = ["StoredSpec"]

_LAYOUT = 1
_WORDS = {"train": "training", "test": "test"}


@dataclass(frozen=True, kw_only=True)
class StoredSpec(DatasetSpec):
    """Base of data sets that are read from files."""

    facts: ClassVar[Facts]
    """What every copy must agree with."""
    folder: ClassVar[str] = ""
    """Sub-folder of the data folder into which `fetch` downloads."""
    places: ClassVar[tuple[str, ...]] = ()
    """Where copies are looked for, in this order, for the message when there is none."""
    download_size: ClassVar[str] = ""
    mean: ClassVar[tuple[float, ...]] = ()
    std: ClassVar[tuple[float, ...]] = ()
    crop_padding: ClassVar[int] = 0
    flip: ClassVar[bool] = False

    def copies(self, root: Path) -> Iterator[Copy | None]:
        """The copies under a data folder in reading order; None where there is none."""
        raise NotImplementedError

    def fetch(self, folder: Path) -> None:
        """Download into a folder; runs in a process of its own and may import torch.

        The folder has the name `self.folder` and is empty or holds what an interrupted try left.
        """
        raise NotImplementedError

    def check_official(self, root: Path) -> None:
        """Check that the copy under a data folder is the complete official set.

        Raises:
            DatasetError: If there is none, or something differs.
        """
        copy = self._find(root)
        if copy is None:
            raise DatasetError(f"what was received are not the files of {self.title}")
        note = _summary(self, copy, stamps(copy.files)).note
        if note:
            raise DatasetError(f"what was received is incomplete: {note}")

    def available(self, root: DataRoot) -> bool:
        """Whether a complete copy is on disk."""
        try:
            return self._find(root.path) is not None
        except DatasetError:
            return False

    def summary(self, root: DataRoot) -> DataSummary:
        """Labels and facts; remembered until a file is replaced."""
        copy = self._require(root)
        return _summary(self, copy, stamps(copy.files))

    def load(self, root: DataRoot) -> RawData:
        """The examples."""
        copy = self._require(root)
        summary = _summary(self, copy, stamps(copy.files))
        return RawData(
            name=self.key,
            sample=summary.sample,
            class_names=summary.class_names,
            train=self._examples(copy, "train", summary.train_targets),
            test=self._examples(copy, "test", summary.test_targets),
            fingerprint=summary.fingerprint,
            mean=self.mean,
            std=self.std,
            crop_padding=self.crop_padding,
            flip=self.flip,
        )

    def _examples(self, copy: Copy, part: str, targets: IntArray) -> Examples:
        inputs = copy.inputs(part, self.facts)
        if len(inputs) != targets.size:
            raise DatasetError(
                f"the {_WORDS[part]} part of {self.title} ({copy.source}) has {len(inputs)} "
                f"examples but {targets.size} labels; replace the files"
            )
        return Examples(inputs=inputs, targets=targets)

    def _find(self, root: Path) -> Copy | None:
        return next((copy for copy in self.copies(root) if copy is not None), None)

    def _require(self, root: DataRoot) -> Copy:
        copy = self._find_settled(root.path)
        if copy is None and root.allow_download:
            copy = self._download(root.path)
        if copy is None:
            looked = "; ".join(str(root.path / place) for place in self.places)
            raise DatasetError(
                f"{self.title} was not found. Looked for: {looked}. Place the files at one of "
                f"these, or allow downloads ({self.download_size})."
            )
        return copy

    def _find_settled(self, root: Path) -> Copy | None:
        """The copy on disk; what is incomplete is looked at again when no download is under way."""
        from filelock import FileLock

        lock = root / f".{self.key}.lock"
        try:
            return self._find(root)
        except DatasetError:
            if not lock.exists():
                raise
        with FileLock(lock):  # files of a finished download are moved into place one by one
            return self._find(root)

    def _download(self, root: Path) -> Copy | None:
        from filelock import FileLock

        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f".{self.key}.lock"):
            # Somebody else may have fetched it while we waited.
            if self._find(root) is None:
                download(self.key, root / self.folder)
        return self._find(root)


@lru_cache(maxsize=32)
def _summary(spec: StoredSpec, copy: Copy, looked_at: tuple[Stamp, ...]) -> DataSummary:
    facts = spec.facts
    targets = {part: copy.targets(part, facts) for part in ("train", "test")}
    for part, labels in targets.items():
        labels.setflags(write=False)
        _check_counts(spec, copy, part, labels)
    return DataSummary(
        class_names=facts.names,
        train_targets=targets["train"],
        test_targets=targets["test"],
        sample=SampleSpec(modality=spec.modality, shape=facts.shape),
        source=copy.source,
        fingerprint=digest({"dataset": spec.key, "layout": _LAYOUT, "files": copy.digests()}),
        note=_note(facts, targets),
        never_known=tuple(facts.names.index(name) for name in spec.never_known),
    )


def _check_counts(spec: StoredSpec, copy: Copy, part: str, labels: IntArray) -> None:
    official = spec.facts.counts[part]
    if not 0 < labels.size <= sum(official):
        raise DatasetError(
            f"the {_WORDS[part]} part of {spec.title} in {copy.files[0].parent} has {labels.size} "
            f"samples; expected 1 to {sum(official)}"
        )
    found = tuple(class_counts(labels, len(official)).tolist())
    if labels.size == sum(official) and found != official:
        raise DatasetError(
            f"the {_WORDS[part]} part of {spec.title} in {copy.files[0].parent} has the official "
            f"size, but the class counts {found} instead of {official}; its labels are not the "
            "official ones"
        )


def _note(facts: Facts, targets: dict[str, IntArray]) -> str:
    parts = [
        f"{labels.size:,} of {sum(facts.counts[part]):,} {_WORDS[part]} samples"
        for part, labels in targets.items()
        if labels.size < sum(facts.counts[part])
    ]
    return f"local subset: {', '.join(parts)}" if parts else ""
