"""How similar the samples of a pool are to each other, made on demand."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from alscope.types import IntArray

__all__ = ["Similarity"]


class Similarity(Protocol):
    """Symmetric similarities between rows and columns of one pool, made on demand."""

    def block(self, rows: slice, columns: IntArray) -> NDArray[np.floating]:
        """Similarities of a range of rows to some columns; a new array."""

    def among(self, rows: IntArray) -> Similarity:
        """The same with some rows only, and all columns."""
