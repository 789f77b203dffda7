"""What a copy of a data set on disk can do, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from alscope.errors import DatasetError
from alscope.types import IntArray

__all__ = ["Columns", "Copy", "Facts", "as_texts", "check_labels", "label_order", "labels_of_names"]

_SHOWN = 20


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
    aliases: tuple[tuple[str, str], ...] = ()
    """Other spellings in circulation, and the name of `names` that each stands for."""
    grey: bool = False
    """Some images of this color set are grey; they get three equal channels."""
    clean: Callable[[str], str] | None = None
    """What is done to every text, such as removing remnants of markup."""


class Columns(NamedTuple):
    """What the columns of a table are called; of several names, the first that is there."""

    inputs: tuple[str, ...]
    """Texts or images."""
    labels: tuple[str, ...]
    """Class numbers."""
    names: tuple[str, ...] = ()
    """Class names as text, preferred to numbers that come without names."""
    title: str = ""
    """A text that is put before the input; it may be empty or missing in a row."""


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


def label_order(names: tuple[str, ...] | None, facts: Facts, where: Path) -> IntArray:
    """Our number of each class number in a file.

    Args:
        names: Class names that the file gives its numbers; None: it gives none.
        facts: What is known about the set.
        where: The file, for messages.

    Raises:
        DatasetError: If the names are others, or are missing but needed.
    """
    known = facts.names
    if names is None and facts.order_varies:
        raise DatasetError(
            f"{where} holds no class names, and copies of this set number the classes differently; "
            "use a copy saved with class names (Hugging Face ClassLabel)"
        )
    if names is None:
        return np.arange(len(known))
    aliases = dict(facts.aliases)
    ours = tuple(aliases.get(name, name) for name in names)
    if sorted(ours) != sorted(known):
        raise DatasetError(f"{where} has {_difference(ours, known)}")
    return np.array([known.index(name) for name in ours], dtype=np.int64)


def _difference(found: tuple[str, ...], known: tuple[str, ...]) -> str:
    if len(known) <= _SHOWN:
        return f"the classes {', '.join(found)}, but expected {', '.join(known)}"
    other = sorted(set(found) - set(known))[:_SHOWN]
    missing = sorted(set(known) - set(found))[:_SHOWN]
    return (
        f"{len(found)} classes, not the expected {len(known)}; unexpected: "
        f"{', '.join(other) or 'none'}; missing: {', '.join(missing) or 'none'}"
    )


def labels_of_names(
    rows: NDArray[Any], values: Sequence[object], facts: Facts, where: Path
) -> IntArray:
    """Labels from class names.

    Args:
        rows: For each row, which of `values` it has, (n,).
        values: The distinct names in the file.
        facts: What is known about the set.
        where: The file, for messages.

    Raises:
        DatasetError: If there is another name; names file, row and value.
    """
    aliases = dict(facts.aliases)
    names = [aliases.get(str(value), str(value)) for value in values]
    for number, name in enumerate(names):
        if name not in facts.names:
            row = int(np.flatnonzero(rows == number)[0])
            expected = ", ".join(facts.names[:_SHOWN])
            raise DatasetError(
                f"{where}: row {row} has the class {values[number]!r}, but expected one of "
                f"{expected}; replace the file"
            )
    order = np.array([facts.names.index(name) for name in names], dtype=np.int64)
    labels: IntArray = order[rows]
    return labels


def as_texts(texts: list[str], titles: Sequence[str | None] | None, facts: Facts) -> list[str]:
    """Texts as they are given to a model: title first, then cleaned."""
    if titles is not None:
        pairs = zip(titles, texts, strict=True)
        texts = [f"{(title or '').strip()} {text.strip()}".strip() for title, text in pairs]
    return texts if facts.clean is None else [facts.clean(text) for text in texts]
