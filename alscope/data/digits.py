"""The digits that come with scikit-learn: a data set without a download."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from alscope.data._counts import apportion, take
from alscope.data.protocols import (
    DataRoot,
    DatasetSpec,
    DataSummary,
    Examples,
    RawData,
    class_counts,
)
from alscope.errors import DatasetError
from alscope.hashing import digest
from alscope.registry import datasets
from alscope.rng import generator
from alscope.types import IntArray, SampleSpec

__all__ = ["Digits"]

_NAMES = tuple("0123456789")
_SAMPLE = SampleSpec(modality="image", shape=(1, 8, 8))
_N_TEST = 500
_SPLIT_SEED = 0


@datasets.register("digits", title="Digits")
@dataclass(frozen=True, kw_only=True)
class Digits(DatasetSpec):
    """Handwritten digits, 8 x 8, grey: 1,297 training and 500 test images of 10 classes.

    The 1,797 images of `sklearn.datasets.load_digits` (the test part of the original collection).
    There is no official split of them; ours is stratified and fixed. Grey levels 0..16 are scaled
    to 0..255. No augmentation: at 8 x 8 pixels a shift removes strokes.

    References:
        Alpaydin and Kaynak 1998, UCI repository, doi:10.24432/C50P49.
    """

    title: ClassVar[str] = "Digits"
    modality: ClassVar[str] = "image"
    licence: ClassVar[str] = "CC BY 4.0"
    citation: ClassVar[str] = "Alpaydin and Kaynak 1998, doi:10.24432/C50P49"
    homepage: ClassVar[str] = "https://archive.ics.uci.edu/dataset/80"
    built_in: ClassVar[bool] = True
    backbone: ClassVar[str] = "small_cnn"

    def available(self, root: DataRoot) -> bool:
        """Always: the images come with scikit-learn."""
        return True

    def summary(self, root: DataRoot) -> DataSummary:
        """Labels and facts."""
        parts = _parts()
        return DataSummary(
            class_names=_NAMES,
            train_targets=parts.train.targets,
            test_targets=parts.test.targets,
            sample=_SAMPLE,
            source="scikit-learn",
            fingerprint=parts.fingerprint,
        )

    def load(self, root: DataRoot) -> RawData:
        """The examples."""
        parts = _parts()
        return RawData(
            name=self.key,
            sample=_SAMPLE,
            class_names=_NAMES,
            train=parts.train,
            test=parts.test,
            fingerprint=parts.fingerprint,
            mean=(0.3056,),
            std=(0.3760,),
        )


@dataclass(frozen=True, eq=False)
class _Parts:
    train: Examples
    test: Examples
    fingerprint: str


@lru_cache(maxsize=1)
def _parts() -> _Parts:
    table = _table()
    levels = table[:, :-1].reshape(-1, 8, 8)
    images = ((levels * 255 + 8) // 16).astype(np.uint8)[:, None]
    targets = table[:, -1]
    test = _test_rows(targets)
    train = np.setdiff1d(np.arange(targets.size), test)
    fingerprint = digest({"dataset": "digits", "images": images, "targets": targets, "test": test})
    return _Parts(
        train=_examples(images, targets, train),
        test=_examples(images, targets, test),
        fingerprint=fingerprint,
    )


def _table() -> IntArray:
    """Grey levels and label of every image, (1797, 65).

    The file is read where scikit-learn keeps it, because importing scikit-learn takes 1.5 seconds,
    and pages that only list data sets would have to wait for it.

    Raises:
        DatasetError: If there is no such file.
    """
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise DatasetError("digits come with scikit-learn, which is not installed; install it")
    file = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    try:
        return np.loadtxt(file, delimiter=",").astype(np.int64)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{file} cannot be read; install scikit-learn again: {error}") from error


def _test_rows(targets: IntArray) -> IntArray:
    rng = generator(_SPLIT_SEED, "digits", "test")
    counts = class_counts(targets, len(_NAMES))
    orders = [rng.permutation(np.flatnonzero(targets == c)) for c in range(len(_NAMES))]
    return take(orders, apportion(counts, _N_TEST))


def _examples(images: NDArray[np.uint8], targets: IntArray, rows: IntArray) -> Examples:
    part = Examples(inputs=images[rows], targets=targets[rows])
    for array in (part.inputs, part.targets):
        assert isinstance(array, np.ndarray)
        array.setflags(write=False)
    return part
