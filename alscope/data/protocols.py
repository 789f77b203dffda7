"""What a data set must provide.

A specification is a frozen dataclass, cheap to import; `summary` reads labels only and never loads
torch, because the web process validates studies with it; `load` reads the examples.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from alscope.types import IntArray, SampleSpec

__all__ = ["DataRoot", "DataSummary", "DatasetSpec", "Examples", "RawData", "class_counts"]


@dataclass(frozen=True)
class DataRoot:
    """Where data sets are.

    Attributes:
        path: Folder with one sub-folder per data set.
        cache: Folder for what is derived from them (tokens, harvested tables); may be deleted.
        allow_download: Whether a missing set may be fetched.
    """

    path: Path
    cache: Path
    allow_download: bool = True


@dataclass(frozen=True, eq=False)
class DataSummary:
    """Labels and facts, without examples.

    Attributes:
        class_names: In label order.
        train_targets: (n_train,), int64.
        test_targets: (n_test,), int64.
        sample: What a sample looks like.
        source: Where it came from, for people: "scikit-learn", "local Parquet", ...
        fingerprint: Content address of what was read; part of every result.
        note: Something the user should know ("docstrings of numpy 2.4.6, ..."), or "".
        never_known: Classes that are no part of any task (queries out of scope, samples of another
            data set): unknown in an open set, absent from a closed one.
        n_own: How many classes, counted from the first, are of the data set itself; None: all.
            The others come from another one.
    """

    class_names: tuple[str, ...]
    train_targets: IntArray
    test_targets: IntArray
    sample: SampleSpec
    source: str
    fingerprint: str
    note: str = ""
    never_known: tuple[int, ...] = ()
    n_own: int | None = None


@dataclass(frozen=True, eq=False)
class Examples:
    """Inputs and targets of one part.

    Attributes:
        inputs: Images (n, channels, height, width) uint8; features (n, n_features) float32; or a
            list of n texts.
        targets: (n,), int64.
    """

    inputs: NDArray[Any] | list[str]
    targets: IntArray


@dataclass(frozen=True, eq=False)
class RawData:
    """A loaded data set.

    Attributes:
        name: Registry name.
        sample: What a sample looks like.
        class_names: In label order.
        train: Training part.
        test: Test part.
        fingerprint: The same as in the summary.
        mean: Per-channel mean of images scaled to 0..1.
        std: Per-channel standard deviation.
        crop_padding: Random crop after padding by this many pixels in the training view; 0: none.
        flip: Random horizontal flip in the training view.
    """

    name: str
    sample: SampleSpec
    class_names: tuple[str, ...]
    train: Examples
    test: Examples
    fingerprint: str
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    crop_padding: int = 0
    flip: bool = False


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """Base of data-set specifications: facts for the catalogue, and two ways to read."""

    key: ClassVar[str] = ""
    """Registry name; set by the registry."""
    title: ClassVar[str] = ""
    modality: ClassVar[str] = ""
    licence: ClassVar[str] = ""
    citation: ClassVar[str] = ""
    homepage: ClassVar[str] = ""
    built_in: ClassVar[bool] = False
    """Works with no network and no files."""
    backbone: ClassVar[str] = ""
    """Backbone to propose."""
    never_known: ClassVar[tuple[str, ...]] = ()
    """Names of classes that can only be unknown; their numbers are in the summary."""

    def summary(self, root: DataRoot) -> DataSummary:
        """Labels and facts; no torch, no decoding of examples.

        Raises:
            DatasetError: If the data are missing or damaged; the message names the file.
        """
        raise NotImplementedError

    def load(self, root: DataRoot) -> RawData:
        """The examples.

        Raises:
            DatasetError: If the data are missing or damaged; the message names the file.
        """
        raise NotImplementedError

    def available(self, root: DataRoot) -> bool:
        """Whether `load` would work without the network."""
        raise NotImplementedError

    def at_once(self, root: DataRoot) -> bool:
        """Whether `summary` answers at once; if not, it has something to make first."""
        return True


def class_counts(targets: IntArray, n_classes: int) -> IntArray:
    """Samples per class, (n_classes,); absent classes count 0."""
    return np.bincount(targets, minlength=n_classes).astype(np.int64)
