"""Which column is probably what: by name, then by content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from alscope.data.importing._limits import shown
from alscope.data.importing._mapping import TEST_WORDS, TRAIN_WORDS, VALIDATION_WORDS, Mapping

__all__ = ["Column", "describe_columns", "propose"]

# fmt: off
_TEXT = (
    "text", "sentence", "content", "review", "question", "document", "body", "utterance",
    "message", "comment", "description", "title", "tweet", "abstract",
)
_LABEL = (
    "label", "labels", "class", "category", "target", "intent", "y", "topic", "sentiment",
    "label_text", "label_name", "coarse_label", "tag", "classes", "rating", "stars",
)
# fmt: on
_SPLIT = ("split", "part", "subset", "fold", "set", "partition")
_INDEX = ("", "id", "index", "idx", "unnamed: 0", "row", "nr")
_EXAMPLES = 5
_FEW_FEATURES = 4


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: As in the file.
        type: "text", "number", "list of numbers", "nested" (cannot be read) or "empty".
        n_distinct: Different values in the rows that were looked at.
        n_missing: Rows without a value there.
        mean_chars: Mean length as text.
        examples: A few different values, shortened.
    """

    name: str
    type: str
    n_distinct: int = 0
    n_missing: int = 0
    mean_chars: float = 0.0
    examples: tuple[str, ...] = ()


def describe_columns(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> tuple[Column, ...]:
    """Types and examples of columns.

    Args:
        names: Of the columns.
        rows: Their values in the rows that were looked at.
    """
    return tuple(_describe(name, [row[place] for row in rows]) for place, name in enumerate(names))


def propose(columns: Sequence[Column], rows: Sequence[tuple[Any, ...]]) -> Mapping:
    """A mapping to begin with; columns that nothing speaks for stay unchosen."""
    split = _split_column(columns, rows)
    free = [column for column in columns if column.name != split and column.type != "empty"]
    label = _label_column(free, len(rows))
    free = [column for column in free if column.name != label]
    lists = [column.name for column in free if column.type == "list of numbers"]
    numbers = [
        column.name
        for column in free
        if column.type == "number" and column.name.strip().casefold() not in _INDEX
    ]
    text = _text_column(free)
    common: dict[str, Any] = {"label_column": label, "split_column": split}
    common |= _words(columns, rows, split)
    if lists:
        return Mapping("features", feature_columns=(lists[0],), **common)
    if len(numbers) >= _FEW_FEATURES and text is None:
        return Mapping("features", feature_columns=tuple(numbers), **common)
    return Mapping("text", text_column=text, **common)


def _describe(name: str, values: list[Any]) -> Column:
    present = [value for value in values if not _is_missing(value)]
    single = [str(value) for value in present if not isinstance(value, list | np.ndarray)]
    shortened = (shown(value, 60) for value in present[: _EXAMPLES * 20])
    return Column(
        name=name,
        type=_type(present),
        n_distinct=len(set(single)),
        n_missing=len(values) - len(present),
        mean_chars=round(sum(map(len, single)) / len(single), 1) if single else 0.0,
        examples=tuple(dict.fromkeys(shortened))[:_EXAMPLES],
    )


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value)


def _type(present: list[Any]) -> str:
    if not present:
        return "empty"
    if all(isinstance(value, np.ndarray) or _is_numbers(value) for value in present):
        return "list of numbers"
    if any(isinstance(value, list | dict | np.ndarray) for value in present):
        return "nested"
    return "number" if all(map(_is_number, present)) else "text"


def _is_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, int | float) for item in value)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _named(columns: Sequence[Column], names: tuple[str, ...]) -> str | None:
    by_name = {column.name.strip().casefold(): column.name for column in reversed(columns)}
    return next((by_name[name] for name in names if name in by_name), None)


def _text_column(columns: Sequence[Column]) -> str | None:
    texts = [column for column in columns if column.type == "text"]
    longest = max(texts, key=lambda column: column.mean_chars, default=None)
    return _named(texts, _TEXT) or (longest.name if longest else None)


def _label_column(columns: Sequence[Column], n_rows: int) -> str | None:
    values = [column for column in columns if column.type in {"text", "number"}]
    named = _named(values, _LABEL)
    if named:
        return named
    # Otherwise the column with fewest values, if they repeat.
    few = [column for column in values if 2 <= column.n_distinct <= max(2, n_rows // 3)]
    best = min(few, key=lambda column: column.n_distinct, default=None)
    return best.name if best else None


def _split_column(columns: Sequence[Column], rows: Sequence[tuple[Any, ...]]) -> str | None:
    texts = [column for column in columns if column.type == "text" and column.n_distinct <= 4]
    name = _named(texts, _SPLIT)
    words = _split_words(columns, rows, name)
    known = {*TRAIN_WORDS, *TEST_WORDS, *VALIDATION_WORDS}
    fits = words <= known and not words.isdisjoint(TRAIN_WORDS) and len(words) > 1
    return name if fits else None


def _words(
    columns: Sequence[Column], rows: Sequence[tuple[Any, ...]], split: str | None
) -> dict[str, Any]:
    # Without a test part the validation part is the test part; otherwise the user decides.
    words = _split_words(columns, rows, split)
    if words and words.isdisjoint(TEST_WORDS):
        return {"test_values": VALIDATION_WORDS}
    return {}


def _split_words(
    columns: Sequence[Column], rows: Sequence[tuple[Any, ...]], name: str | None
) -> set[str]:
    if name is None:
        return set()
    place = [column.name for column in columns].index(name)
    return {str(row[place]).strip().casefold() for row in rows if row[place]}
