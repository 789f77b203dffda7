"""What is left of a source after reading it once: one entry per sample, whatever its kind."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from alscope.data.importing._limits import Limits, Refused, shown
from alscope.types import IntArray

__all__ = ["Payload", "Progress", "Scan", "content_key", "label_text", "silent"]

Progress = Callable[[str, float], None]
"""Receives what is being done ("read", "write") and how much of it is done, 0..1."""

_PROBLEMS = {
    "unreadable": "images cannot be decoded; replace them or leave them out",
    "unlabeled": "samples have no label; add it or leave them out",
    "empty_text": "samples have no text; add it or leave them out",
    "damaged": "rows cannot be read; correct them or leave them out",
    "non_finite": "samples hold numbers that are missing or not finite; correct them or leave "
    "them out",
}


def silent(stage: str, fraction: float) -> None:
    """Progress that nobody looks at."""


class Payload(Protocol):
    """The inputs of all samples, where reading left them."""

    @property
    def shape(self) -> tuple[int, ...]:
        """As in `SampleSpec`."""

    def write(self, rows: IntArray, folder: Path, part: str) -> None:
        """Write the inputs of some samples in canonical form, if labels are not stored with them.

        Args:
            rows: Positions among all samples, ascending.
            folder: Receives the file.
            part: "train" or "test".
        """


@dataclass(eq=False)
class Scan:
    """All samples of a source in its order.

    Attributes:
        modality: "image", "text" or "features".
        where: Path in the folder, "line 17" or "row 3".
        keys: Digest of the content; equal contents have equal keys. Empty if it cannot be read.
        labels: As in the source; None where there is none.
        parts: As in the source, for sources with parts; None where there is none.
        bad: Code of a problem -> samples and details.
        payload: The inputs.
        has_parts: Whether the source says which part a sample belongs to.
    """

    modality: str
    has_parts: bool = False
    where: list[str] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)
    parts: list[str | None] = field(default_factory=list)
    bad: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    payload: Payload | None = None

    def add(
        self, where: str, *, key: bytes, label: str | None, part: str | None, limits: Limits
    ) -> None:
        """One more sample.

        Raises:
            Refused: If there are too many.
        """
        if len(self.where) >= limits.rows:
            raise Refused("too_many_rows", f"there are more than {limits.rows:,} samples")
        self.where.append(where)
        self.keys.append(key)
        self.labels.append(label)
        self.parts.append(part)
        if label is None:
            self.mark("unlabeled")

    def mark(self, code: str, detail: str = "") -> None:
        """Say what is wrong with the sample added last."""
        self.bad.setdefault(code, []).append((len(self.where) - 1, detail))

    def problem(self, code: str) -> str:
        """What is wrong with the samples of a code, and what to do."""
        return _PROBLEMS[code]


def content_key(data: bytes | memoryview) -> bytes:
    """Digest of a sample's content, 16 bytes."""
    return hashlib.blake2b(data, digest_size=16).digest()


def label_text(value: Any) -> str | None:
    """A label as text; None if it is missing.

    Raises:
        ValueError: If the value is no label, as a clause.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, list | dict | np.ndarray | bytes):
        raise ValueError(f"has the label {shown(value, 40)}, which is no text or number")
    text = str(value)
    return text if text.strip() else None
