"""A device for tests of selections: tensors on the GPU if there is one, else on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from alscope.accelerator import Held, offering
from alscope.learn import products

BLOCK_VALUES = 60
"""Of products at a time, so that pools of tests take several blocks."""


@contextmanager
def on_tensors(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Offer the device, with small blocks; yields the number of rows of each pool held there."""
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    monkeypatch.setattr(products, "_BLOCK_VALUES", BLOCK_VALUES)
    sizes: list[int] = []

    def hold(factors: list[np.ndarray], squared: np.ndarray) -> Held:
        sizes.append(len(squared))
        return products.TensorRows(factors, squared, device)

    with offering(hold):
        yield sizes
