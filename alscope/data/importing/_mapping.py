"""What the user says about a source: which column is what, and every change that is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["DROPPABLE", "ENCODINGS", "TEST_WORDS", "TRAIN_WORDS", "VALIDATION_WORDS", "Mapping"]

KINDS = ("text", "images", "features")
COLORS = ("", "rgb", "grey")
ENCODINGS = ("auto", "utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1")
DELIMITERS = ("auto", ",", ";", "\t", "|")
TRAIN_WORDS = ("train", "training")
TEST_WORDS = ("test", "testing")
VALIDATION_WORDS = ("val", "valid", "validation", "dev")
_LARGEST_SIZE = 1024

DROPPABLE = {
    "unreadable": "images that cannot be decoded",
    "unlabeled": "samples without a label",
    "empty_text": "samples without a text",
    "damaged": "rows that cannot be read",
    "non_finite": "samples with numbers that are not finite",
    "other_split": "samples of neither part",
    "duplicate": "copies with the same label, but the first",
    "contradiction": "all copies with different labels",
    "leak": "training samples that are test samples too",
    "small_class": "classes with fewer than 2 samples",
}
"""Words for `Mapping.drop` and what each of them leaves out."""


@dataclass(frozen=True)
class Mapping:
    """How a source becomes a data set. Nothing is changed or left out that is not asked for here.

    Attributes:
        kind: "text", "images" or "features".
        text_column: Column with the texts.
        label_column: Column with the labels.
        split_column: Column that says which part a row belongs to; None: a split is made.
        test_share: Share of every class that becomes the test part where the source has none.
        seed: Another one makes another split.
        train_values: Words in `split_column`, or folder names, that mean the training part.
        test_values: The same for the test part.
        split_folders: Image folders lie below one folder per part: `train/cats/1.png`.
        size: Width and height in pixels to which all images are brought: the shorter side is
            resized, the centre is cut out. 0: as they are, which must be square and equal.
        color: "rgb" or "grey": to which all images are converted. "": as they are, all alike.
        flip: Mirror images at random in training.
        crop_padding: Shift images at random by up to this many pixels in training.
        feature_columns: One column with lists of numbers, or several with a number each.
        features_file: Array file in the folder; None: the only one that fits.
        labels_file: File with the labels of an array, in its folder; None: the only one that fits.
        encoding: Of a CSV or TSV file; "auto": UTF-8, else the byte-order mark, else Windows-1252.
        delimiter: Of a CSV or TSV file; "auto": the most regular one.
        drop: Words of `DROPPABLE`: which samples to leave out.
    """

    kind: str
    text_column: str | None = None
    label_column: str | None = None
    split_column: str | None = None
    test_share: float = 0.2
    seed: int = 0
    train_values: tuple[str, ...] = TRAIN_WORDS
    test_values: tuple[str, ...] = TEST_WORDS
    split_folders: bool = False
    size: int = 0
    color: str = ""
    flip: bool = False
    crop_padding: int = 0
    feature_columns: tuple[str, ...] = ()
    features_file: str | None = None
    labels_file: str | None = None
    encoding: str = "auto"
    delimiter: str = "auto"
    drop: tuple[str, ...] = ()

    def changed(self, **changes: Any) -> Mapping:
        """With other fields; a column that now holds the label or the part is no feature."""
        new = replace(self, **changes)
        meant = {new.text_column, new.label_column, new.split_column}
        left = tuple(name for name in self.feature_columns if name not in meant)
        return new if "feature_columns" in changes else replace(new, feature_columns=left)

    def problems(self) -> tuple[str, ...]:
        """What is wrong with the mapping itself, whatever the source."""
        return tuple(self._problems())

    def _problems(self) -> Iterator[str]:
        words = (
            ("kind", KINDS),
            ("color", COLORS),
            ("encoding", ENCODINGS),
            ("delimiter", DELIMITERS),
        )
        for name, allowed in words:
            if getattr(self, name) not in allowed:
                listed = ", ".join(repr(word) for word in allowed)
                yield f"{name} is {getattr(self, name)!r}; choose one of {listed}"
        for word in sorted(set(self.drop) - DROPPABLE.keys()):
            yield f"drop has the word {word!r}; known: {', '.join(DROPPABLE)}"
        if not 0.0 < self.test_share < 1.0:
            yield f"test_share is {self.test_share}; choose a number between 0 and 1"
        if not 0 <= self.seed < 2**63:
            yield f"seed is {self.seed}; choose a number from 0 to {2**63 - 1}"
        if not 0 <= self.size <= _LARGEST_SIZE:
            yield f"size is {self.size}; choose 0 to {_LARGEST_SIZE} pixels"
        if not 0 <= self.crop_padding <= _LARGEST_SIZE:
            yield f"crop_padding is {self.crop_padding}; choose 0 to {_LARGEST_SIZE} pixels"
        for word in sorted(set(self.train_values) & set(self.test_values)):
            yield f"{word!r} means both parts; remove it from train_values or test_values"
        yield from self._column_problems()

    def _column_problems(self) -> Iterator[str]:
        if self.kind == "text":
            for name in ("text_column", "label_column"):
                if not getattr(self, name):
                    yield f"{name} is not chosen; name the column"
        columns = [self.text_column, self.label_column, self.split_column, *self.feature_columns]
        chosen = [column for column in columns if column]
        for column in sorted({column for column in chosen if chosen.count(column) > 1}):
            yield f"the column {column!r} is chosen twice; every column has one meaning"
        for name in ("features_file", "labels_file"):
            value = getattr(self, name)
            if value is not None and (value in {"", ".", ".."} or set(value) & set("/\\\0")):
                yield f"{name} is {value!r}; give the name of a file in the folder, without a path"
