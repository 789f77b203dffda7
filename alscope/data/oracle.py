"""Who answers the queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from alscope.errors import SelectionError
from alscope.types import IntArray, Outcome

__all__ = ["Oracle", "TruthOracle"]


class Oracle(Protocol):
    """Anything that annotates samples of the training part."""

    def annotate(self, indices: IntArray) -> Outcome:
        """The answers for `indices`, in the same order."""


@dataclass(frozen=True, eq=False)
class TruthOracle:
    """Answers with the true label; "unknown" (-1) for a sample of an unknown class.

    Attributes:
        labels: Label of every sample of the training part, (n_train,), int64; -1: unknown class.
    """

    labels: IntArray

    def annotate(self, indices: IntArray) -> Outcome:
        """The true labels.

        Args:
            indices: Indices into the training part, (n,).

        Raises:
            SelectionError: If an index is outside the training part.
        """
        asked = np.asarray(indices, dtype=np.int64)
        outside = asked[(asked < 0) | (asked >= self.labels.size)]
        if outside.size:
            raise SelectionError(
                f"sample {outside[0]} does not exist: the training part has "
                f"{self.labels.size} samples, numbered from 0"
            )
        return Outcome(labels=self.labels[asked].astype(np.int64))
