"""Products of a large selection in torch, for the device of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alscope.accelerator import Held, Holder
from alscope.types import IntArray

if TYPE_CHECKING:
    import torch

__all__ = ["TensorRows", "holder_for"]

_WORTH_VALUES = 2**20  # fewer numbers than this are compared on the CPU before a copy has begun
_SHARE_OF_MEMORY = 0.5  # of what is free on the device
_BLOCK_VALUES = 2**26  # of one block of products, 256 MiB


class TensorRows:
    """Rows as tensors of one device; see `alscope.accelerator.Held`.

    Float32 throughout, and no TF32: `learn.device.configure` forbids it, because the order of
    nearly equal distances decides what is chosen.

    Args:
        factors: Parts of the rows, (n, n_features of the factor) each.
        squared: Squared lengths, (n,).
        device: Where they go.
    """

    def __init__(
        self,
        factors: Sequence[NDArray[np.float32]],
        squared: NDArray[np.float32],
        device: torch.device,
    ) -> None:
        self._device = device
        self._factors = [self._tensor(factor) for factor in factors]
        self._squared = self._tensor(squared)

    def nearest(
        self,
        factors: Sequence[NDArray[np.floating]],
        squared: NDArray[np.floating],
        some: IntArray | None = None,
    ) -> tuple[IntArray, NDArray[np.float32]]:
        """The nearest centre of each row and the squared distance to it, block by block."""
        import torch

        centres = [self._tensor(factor).T for factor in factors]
        centres[0] = -2 * centres[0]
        lengths = self._tensor(squared)
        rows = None if some is None else torch.from_numpy(some).to(self._device)
        n = len(self._squared) if rows is None else len(rows)
        step = max(1, _BLOCK_VALUES // len(lengths))
        blocks = [
            self._block(slice(first, first + step), rows, centres, lengths)
            for first in range(0, n, step)
        ]
        positions, distances = zip(*blocks, strict=True) if blocks else ((), ())
        if not blocks:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        return torch.cat(positions).cpu().numpy(), torch.cat(distances).cpu().numpy()

    def _block(
        self,
        part: slice,
        rows: torch.Tensor | None,
        centres: Sequence[torch.Tensor],
        lengths: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        chosen = part if rows is None else rows[part]
        first, *others = self._factors
        products = first[chosen] @ centres[0]
        for factor, centre in zip(others, centres[1:], strict=True):
            products *= factor[chosen] @ centre
        products += lengths
        least = products.min(dim=1)
        return least.indices, least.values + self._squared[chosen]

    def _tensor(self, values: NDArray[np.floating]) -> torch.Tensor:
        import torch

        ready = np.ascontiguousarray(values, dtype=np.float32)
        return torch.from_numpy(ready).to(self._device)


def holder_for(device: torch.device) -> Holder | None:
    """What to offer to selections of a run on this device; None on the CPU, where NumPy is as fast.

    Rows stay on the CPU if there are less than a million numbers, or if they would take more than
    half of what is free on the device.
    """
    if device.type != "cuda":
        return None

    def hold(factors: Sequence[NDArray[np.float32]], squared: NDArray[np.float32]) -> Held | None:
        import torch

        n_values = sum(factor.size for factor in factors) + squared.size
        free, _ = torch.cuda.mem_get_info(device)
        if n_values < _WORTH_VALUES or 4 * n_values > _SHARE_OF_MEMORY * free:
            return None
        return TensorRows(factors, squared, device)

    return hold
