"""Randomness by name.

A stream is identified by a seed and names: `seed_for(7, "model_init", 0)`. Streams with different
names are independent, so a draw added in one place can never shift another. Generators are passed
to whoever draws; the global generators are touched only inside `seeded`, which restores them.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from alscope.hashing import canonical_json

if TYPE_CHECKING:
    import torch

__all__ = ["generator", "seed_for", "seeded", "tie_keys", "torch_generator"]

_MASK = (1 << 64) - 1


def seed_for(seed: int, *names: str | int) -> int:
    """A 63-bit seed for the stream called `names` under `seed`."""
    raw = canonical_json([int(seed), *names]).encode()
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "big") >> 1


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """A NumPy generator (Philox) for the stream called `names`."""
    return np.random.Generator(np.random.Philox(key=seed_for(seed, *names)))


def torch_generator(seed: int, *names: str | int, device: str = "cpu") -> torch.Generator:
    """A torch generator for the stream called `names`."""
    import torch

    return torch.Generator(device=device).manual_seed(seed_for(seed, *names))


@contextmanager
def seeded(seed: int, *names: str | int) -> Iterator[None]:
    """Seed the global generators of torch, NumPy and Python, and restore them afterwards.

    For code that accepts no generator: weight initialization and dropout.
    """
    import torch

    value = seed_for(seed, *names)
    python_state = random.getstate()
    numpy_state = np.random.get_state()  # noqa: NPY002 - the global state is what we protect
    cuda_used = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    devices = list(range(torch.cuda.device_count())) if cuda_used else []
    with torch.random.fork_rng(devices=devices):
        random.seed(value)
        np.random.seed(value & 0xFFFFFFFF)  # noqa: NPY002
        _seed_torch(value)
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)  # noqa: NPY002


def _seed_torch(value: int) -> None:
    import torch

    if torch.accelerator.is_available():
        torch.manual_seed(value)
    else:
        # The same stream. `manual_seed` would also ask every kind of accelerator that torch knows,
        # and each keeps the call stack in case it is initialized later: a millisecond per epoch.
        torch.default_generator.manual_seed(value)


def tie_keys(ids: np.ndarray, *, seed: int, round: int) -> np.ndarray:
    """Pseudo-random order of samples that depends on (seed, round, id), never on position.

    `mix(mix(mix(seed) ^ round) ^ id)` with the splitmix64 finaliser. Ties between equal scores are
    broken by the smallest key.

    Args:
        ids: Stable sample ids, (n,), integers.
        seed: Stream seed.
        round: Round number.

    Returns:
        Keys, (n,), uint64.
    """
    base = _mix(np.array([seed & _MASK], dtype=np.uint64)) ^ np.uint64(round & _MASK)
    return _mix(_mix(base) ^ np.asarray(ids, dtype=np.int64).astype(np.uint64))


def _mix(x: np.ndarray) -> np.ndarray:
    # splitmix64 finaliser; unsigned overflow is the arithmetic it is defined in.
    with np.errstate(over="ignore"):
        x = x + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed: np.ndarray = x ^ (x >> np.uint64(31))
        return mixed
