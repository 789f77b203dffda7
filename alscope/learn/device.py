"""Where computations run, and what of it decides how they round.

Importing this module does not load torch.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from alscope.data.resident import moved
from alscope.errors import ConfigError, Problem

if TYPE_CHECKING:
    import torch

__all__ = [
    "configure",
    "default_threads",
    "device_name",
    "n_cores",
    "numerics_tag",
    "pick_device",
    "synchronize",
    "to_device",
]

_CPUS = Path("/sys/devices/system/cpu")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def default_threads(n_runs: int = 1) -> int:
    """CPU threads for each of so many runs at the same time.

    One run gets the physical cores we may use less one for the interface; several share all of
    them evenly, because the interface goes before workers anyway.
    """
    return max(1, n_cores() - 1 if n_runs == 1 else n_cores() // n_runs)


def n_cores() -> int:
    """Physical cores that this process may use."""
    return min(_physical_cores(), _quota())


def pick_device(name: str = "auto", *, slot: int = 0) -> torch.device:
    """The device to compute on.

    Args:
        name: "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:1".
        slot: Which of several processes asks: with "auto" they take the GPUs in turn.

    Raises:
        ConfigError: If the device does not exist here.
    """
    import torch

    n_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    kind, _, number = name.partition(":")
    if name == "cpu" or (name == "auto" and n_gpus == 0):
        return torch.device("cpu")
    if name == "auto":
        return torch.device("cuda", slot % n_gpus)
    if kind != "cuda" or not (number.isdecimal() or name == "cuda"):
        raise _wrong_device(f"is {name!r}, but must be auto, cpu, cuda or cuda:N")
    index = int(number or 0)
    if index >= n_gpus:
        raise _wrong_device(
            f"is {name!r}, but torch sees {n_gpus} CUDA devices; use cpu or auto, or install a "
            "torch build that matches the driver"
        )
    return torch.device("cuda", index)


def configure(n_threads: int) -> None:
    """Make this process compute repeatably with `n_threads` CPU threads.

    On a CPU equal threads and versions then give equal bits. On a GPU deterministic kernels are
    preferred, and torch warns where there is none.
    """
    # Read by cuBLAS when it starts; without it its results depend on scheduling.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(n_threads)
    # NumPy's and SciPy's BLAS have threads of their own; selection is timed and must be repeatable.
    threadpool_limits(limits=n_threads)
    # As `use_deterministic_algorithms`, which also loads the compiler of torch: more than a second.
    torch.set_deterministic_debug_mode("warn" if torch.cuda.is_available() else "error")
    # Deterministic mode fills fresh memory by default, to unmask reads of it; nothing here does.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def device_name(device: torch.device) -> str:
    """The device in words: "cpu" or "cuda:NVIDIA H200"."""
    if device.type == "cpu":
        return "cpu"
    import torch

    return f"{device.type}:{torch.cuda.get_device_name(device)}"


def numerics_tag(device: torch.device, n_threads: int) -> str:
    """Everything about this process that decides rounding; a part of every stage's key."""
    import torch

    # Also the last digit and the build: a run is not continued under another one either.
    return f"{device_name(device)}|threads={n_threads}|torch={torch.__version__}|float32"


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what it was given, so that clocks tell the truth."""
    if device.type == "cuda":
        import torch

        torch.cuda.synchronize(device)


def _wrong_device(message: str) -> ConfigError:
    return ConfigError([Problem("device", message)])


def _physical_cores() -> int:
    """Cores among the CPUs we may use; logical CPUs where the system does not tell."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    cpus = os.sched_getaffinity(0)
    files = [_CPUS / f"cpu{cpu}" / "topology" / "thread_siblings_list" for cpu in cpus]
    if not all(file.is_file() for file in files):
        return len(cpus)
    return len({file.read_text(encoding="utf-8") for file in files})


def _quota() -> int:
    """CPUs a container may use, by its control group; a large number if it has no limit."""
    unlimited = 1 << 16
    if not _QUOTA.is_file():
        return unlimited
    limit, period = _QUOTA.read_text(encoding="utf-8").split()
    return unlimited if limit == "max" else max(1, int(limit) // int(period))


def to_device(inputs: dict[str, torch.Tensor], device: torch.device) -> dict[str, torch.Tensor]:
    """A batch where the model is."""
    return {name: moved(tensor, device) for name, tensor in inputs.items()}
