"""Where examples wait to be read: on the training device if they fit, else in host memory."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

__all__ = ["SHARE", "moved", "resident"]

SHARE = 0.25
"""Largest share of a device's free memory that one array may take; networks need the rest."""


def resident(array: NDArray[Any], device: torch.device) -> torch.Tensor:
    """An array as one tensor, on the device if it takes at most `SHARE` of its free memory.

    On the CPU, and where it does not fit, the tensor shares the array's memory (which may be a
    mapped file): it must not be written to.

    Args:
        array: Any shape, of numbers.
        device: Where the tensor will be read.
    """
    import torch

    with warnings.catch_warnings():
        # Mapped files and the built-in sets are read-only, and torch cannot say so of a tensor.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        shared = torch.from_numpy(np.ascontiguousarray(array))
    if device.type == "cpu" or shared.nbytes > SHARE * _free_bytes(device):
        return shared
    return shared.to(device)


def moved(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor on the device; to a GPU by way of pinned memory, so that the copy overlaps."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def _free_bytes(device: torch.device) -> int:
    import torch

    if device.type != "cuda":  # pragma: no cover - no other device is ever picked
        return 0
    free, _ = torch.cuda.mem_get_info(device)
    return int(free)
