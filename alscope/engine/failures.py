"""What is recorded of a run that failed: in words that say what to do."""

from __future__ import annotations

import signal
import threading
import traceback

from alscope.errors import TrainingDiverged
from alscope.store.trouble import hinders
from alscope.texts import without_folders

__all__ = ["DEVICE", "asked_by_user", "failure", "is_out_of_memory", "message_of", "must_pause"]

DEVICE = "DeviceError"
"""Type of a failure after which the process can no longer use its device."""

_MOST_WORDS = 4_000
_MOST_TRACE = 40_000
_DEVICE_SIGNS = ("CUDA error", "CUDA driver", "cuDNN", "CUBLAS", "CUSOLVER", "NVML", "HIP error")
_MEMORY_SIGNS = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "Unable to allocate",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "bad_alloc",
)


def failure(error: BaseException) -> dict[str, str]:
    """The record of an error: its type, a message for people, and the traceback."""
    kind, message = type(error).__name__, message_of(error)
    if is_out_of_memory(error):
        message = (
            f"out of memory ({message}); use fewer candidates for the strategy, a smaller "
            "pool_limit or a smaller eval_batch, then retry"
        )
    elif _is_device_error(error, message):
        kind = DEVICE
        message = (
            f"the device failed ({message}); look whether it is there and free, then retry. On the "
            "CPU (--device cpu --accept-change) the rest would be comparable, not identical"
        )
    elif isinstance(error, TrainingDiverged):
        message = f"diverged: {message}"
    # Bundles carry it to others: it says nothing about whose computer this is.
    trace = without_folders("".join(traceback.format_exception(error)))
    return {"type": kind, "message": message, "traceback": trace[-_MOST_TRACE:]}


def message_of(error: BaseException) -> str:
    """What an error says, at most a few thousand characters; its type if it says nothing."""
    try:
        said = str(error).strip()
    except Exception:  # the error is somebody else's code too
        said = ""
    # What cannot be written as UTF-8, such as a part of a file name, could not be shown either.
    said = said.encode("utf-8", errors="backslashreplace").decode("utf-8")
    return said[:_MOST_WORDS] or type(error).__name__


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of the machine or of the device."""
    if isinstance(error, MemoryError):
        return True
    said = message_of(error)
    return isinstance(error, RuntimeError) and any(sign in said for sign in _MEMORY_SIGNS)


def must_pause(error: BaseException) -> bool:
    """Whether the run is not to blame: the disk cannot be used now."""
    return hinders(error)


def asked_by_user(error: BaseException) -> bool:
    """Whether this is Ctrl-C, rather than code that raises what Ctrl-C raises."""
    return (
        isinstance(error, KeyboardInterrupt)
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    )


def _is_device_error(error: BaseException, message: str) -> bool:
    return type(error).__name__ == "AcceleratorError" or (
        isinstance(error, RuntimeError) and any(sign in message for sign in _DEVICE_SIGNS)
    )
