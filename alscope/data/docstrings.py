"""Docstrings of installed packages: a text data set without a download."""

from __future__ import annotations

import json
import logging
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from alscope.data._harvest import HARVEST, content_hash, harvest, source_folder
from alscope.data.protocols import DataRoot, DatasetSpec, DataSummary, Examples, RawData
from alscope.errors import DatasetError
from alscope.files import Stamp, stamps, write_atomic
from alscope.hashing import digest
from alscope.registry import datasets
from alscope.types import SampleSpec

__all__ = ["Docstrings"]

_log = logging.getLogger(__name__)
_SAMPLE = SampleSpec(modality="text")
_IMPORT_NAMES = {"scikit-learn": "sklearn"}
_TEST_SHARE = 0.25


@datasets.register("docstrings", title="Docstrings")
@dataclass(frozen=True, kw_only=True)
class Docstrings(DatasetSpec):
    """Which library is this docstring from? About 4,000 short texts of 6 classes, 6 to 50 words.

    Read from the source files of installed packages, which are parsed and never imported. The
    texts depend on the installed versions: the fingerprint covers every word, and results with
    different fingerprints must not be compared. For learning and trying out, not a benchmark.
    A text that occurs in two packages is dropped. The quarter of each class with the smallest
    content hashes is the test part.

    Attributes:
        packages: Distribution names, one class each.
        max_files: Files read per package; more take longer and change the texts.
        max_texts: Texts kept per package.
    """

    title: ClassVar[str] = "Docstrings"
    modality: ClassVar[str] = "text"
    licence: ClassVar[str] = "those of the packages (BSD family); nothing is redistributed"
    citation: ClassVar[str] = "the packages' authors"
    homepage: ClassVar[str] = ""
    built_in: ClassVar[bool] = True
    backbone: ClassVar[str] = "text_bag"

    packages: tuple[str, ...] = ("numpy", "pandas", "scikit-learn", "torch", "networkx", "sympy")
    max_files: int = 150
    max_texts: int = 800

    def available(self, root: DataRoot) -> bool:
        """Whether all packages are installed with their sources."""
        return all(source_folder(_import_name(name)) for name in self.packages)

    def at_once(self, root: DataRoot) -> bool:
        """Whether the packages have been read; that takes seconds."""
        return self._path(root).is_file()

    def summary(self, root: DataRoot) -> DataSummary:
        """Labels and facts; reads the packages once, then a table in the cache."""
        table = self._table(root)
        return DataSummary(
            class_names=self.packages,
            train_targets=table.train.targets,
            test_targets=table.test.targets,
            sample=_SAMPLE,
            source="installed packages",
            fingerprint=table.fingerprint,
            note=table.note,
        )

    def load(self, root: DataRoot) -> RawData:
        """The examples."""
        table = self._table(root)
        return RawData(
            name=self.key,
            sample=_SAMPLE,
            class_names=self.packages,
            train=table.train,
            test=table.test,
            fingerprint=table.fingerprint,
        )

    def _path(self, root: DataRoot) -> Path:
        identity = {
            "harvest": HARVEST,
            "versions": list(self._versions().items()),
            "limits": [self.max_files, self.max_texts],
        }
        return root.cache / "docstrings" / f"{digest(identity)}.json"

    def _versions(self) -> dict[str, str]:
        return {name: _version(name) for name in self.packages}

    def _table(self, root: DataRoot) -> _Table:
        path = self._path(root)
        try:
            return _read(stamps([path])[0])
        except FileNotFoundError:
            pass
        except DatasetError as error:
            _log.warning("%s; reading the packages again", error)
        body = {"versions": self._versions(), "texts": self._harvest()}
        text = json.dumps({"checksum": digest(body), "body": body})
        write_atomic(path, text.encode())
        return _read(stamps([path])[0])

    def _harvest(self) -> list[list[str]]:
        found = [
            harvest(_import_name(name), max_files=self.max_files, max_texts=self.max_texts)
            for name in self.packages
        ]
        owners = Counter(text for texts in found for text in texts)
        return [[text for text in texts if owners[text] == 1] for texts in found]


@dataclass(frozen=True, eq=False)
class _Table:
    train: Examples
    test: Examples
    fingerprint: str
    note: str


@lru_cache(maxsize=8)
def _read(stamp: Stamp) -> _Table:
    try:
        document = json.loads(stamp.path.read_bytes())
        body = document["body"]
        sound = digest(body) == document["checksum"]
    except (ValueError, KeyError, TypeError):
        sound = False
    if not sound:
        raise DatasetError(f"the table {stamp.path} is damaged")
    return _parts(body)


def _parts(body: dict[str, Any]) -> _Table:
    train: list[tuple[str, int]] = []
    test: list[tuple[str, int]] = []
    for label, texts in enumerate(body["texts"]):
        n_test = round(_TEST_SHARE * len(texts))
        test.extend((text, label) for text in texts[:n_test])
        train.extend((text, label) for text in texts[n_test:])
    fingerprint = digest({"dataset": "docstrings", "texts": body["texts"]})
    packages = ", ".join(f"{name} {number}" for name, number in body["versions"].items())
    return _Table(
        train=_examples(train),
        test=_examples(test),
        fingerprint=fingerprint,
        note=f"docstrings of {packages} (content {fingerprint[:6]}); other versions give other "
        "texts",
    )


def _examples(rows: list[tuple[str, int]]) -> Examples:
    # Another hash than the one that chose the test part: that one would put the classes of which
    # few texts were kept first.
    rows = sorted(rows, key=lambda row: content_hash(f"order {row[0]}"))
    targets = np.array([label for _, label in rows], dtype=np.int64)
    targets.setflags(write=False)
    return Examples(inputs=[text for text, _ in rows], targets=targets)


def _import_name(distribution: str) -> str:
    return _IMPORT_NAMES.get(distribution, distribution)


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "of unknown version"
