"""What a copy of a data set on disk can do, whatever its format."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from alscope.errors import DatasetError
from alscope.types import IntArray

__all__ = ["Copy", "Facts", "check_labels"]


class Facts(NamedTuple):
    """What a copy must agree with.

    `names` are the class names in label order; `counts` the official samples per class of the
    training and the test part; `shape` is (channels, height, width), or () for text.
    """

    names: tuple[str, ...]
    counts: dict[str, tuple[int, ...]]
    shape: tuple[int, ...]
    order_varies: bool = False
    """Copies in circulation number the classes differently, so numbers need names."""


class Copy(Protocol):
    """One complete copy on disk; a frozen value. `part` is "train" or "test"."""

    def __hash__(self) -> int:
        """Copies are keys of what is remembered about them."""

    @property
    def source(self) -> str:
        """The format, for people."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that are read."""

    def digests(self) -> dict[str, str]:
        """Content digest of every file, by a name that does not depend on where it is."""

    def targets(self, part: str, facts: Facts) -> IntArray:
        """Labels in the order of `facts.names`, (n,)."""

    def inputs(self, part: str, facts: Facts) -> NDArray[Any] | list[str]:
        """Images (n, channels, height, width) uint8, or n texts."""


def check_labels(labels: NDArray[Any], n_classes: int, where: Path) -> IntArray:
    """Labels as int64.

    Raises:
        DatasetError: If one is outside 0..n_classes-1; names file, row and value.
    """
    values = labels.astype(np.int64)
    wrong = np.flatnonzero((values < 0) | (values >= n_classes))
    if wrong.size:
        raise DatasetError(
            f"{where}: row {wrong[0]} has the label {values[wrong[0]]}, but labels go from 0 to "
            f"{n_classes - 1}; replace the file"
        )
    return values
