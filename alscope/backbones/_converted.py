"""Pinned checkpoints, converted once: afterwards their tensors come from a safetensors file.

What was derived lies under the pinned SHA-256 of what it was derived from, with a checksum of its
own. It may be deleted at any time; a damaged file is reported and made again.
"""

from __future__ import annotations

import logging
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from alscope.backbones._checkpoint import check_sha256, read_checkpoint
from alscope.files import write_atomic
from alscope.hashing import digest

__all__ = ["pinned_weights"]

_log = logging.getLogger(__name__)
_FORMAT = "1"
_FOLDER = "weights"


def pinned_weights(path: Path, *, sha256: str, cache: Path | None) -> dict[str, Tensor]:
    """The tensors of a checkpoint whose SHA-256 is known.

    Once converted, `path` is not opened again.

    Args:
        path: The checkpoint.
        sha256: Its SHA-256, complete.
        cache: Folder for what is derived; None: read the checkpoint itself.

    Raises:
        StoreError: If the checkpoint is another file, or holds anything but named tensors.
    """
    target = cache / _FOLDER / f"{sha256}.safetensors" if cache else None
    found = _read(target) if target else None
    if found is not None:
        return found
    check_sha256(path, sha256)
    tensors = {name: tensor.contiguous() for name, tensor in read_checkpoint(path).items()}
    if target:
        metadata = {"format": _FORMAT, "checksum": _checksum(tensors)}
        write_atomic(target, safetensors.torch.save(tensors, metadata))
    return tensors


def _read(path: Path) -> dict[str, Tensor] | None:
    if not path.is_file():
        return None
    try:
        with safetensors.safe_open(path, framework="pt") as stored:
            metadata = stored.metadata() or {}
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    except (OSError, safetensors.SafetensorError) as error:
        _log.warning("the weights in %s cannot be read (%s); converting again", path, error)
        return None
    if metadata != {"format": _FORMAT, "checksum": _checksum(tensors)}:
        _log.warning("the weights in %s do not match their checksum; converting again", path)
        return None
    return tensors


def _checksum(tensors: dict[str, Tensor]) -> str:
    return digest({name: tensor.numpy() for name, tensor in tensors.items()})
