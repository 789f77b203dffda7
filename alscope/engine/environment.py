"""Under what conditions results were made, and whether two runs may be continued or compared."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from alscope.errors import StoreError

__all__ = ["check_same_environment", "environment"]

_FIXED = ("data_fingerprint", "inputs_fingerprint")
_EXACT = ("torch", "n_threads", "device", "machine")


def environment(
    *, device: str, n_threads: int, data_fingerprint: str, inputs_fingerprint: str
) -> dict[str, Any]:
    """What the numbers of a run depend on besides its configuration.

    Args:
        device: Device in words.
        n_threads: CPU threads.
        data_fingerprint: Of the data set.
        inputs_fingerprint: Of what the network reads: also of a tokenizer and pretrained weights.
    """
    import alscope

    return {
        "device": device,
        "n_threads": n_threads,
        "data_fingerprint": data_fingerprint,
        "inputs_fingerprint": inputs_fingerprint,
        "machine": platform.machine(),
        "python": platform.python_version(),
        "numpy": _version("numpy"),
        "torch": _version("torch"),
        "alscope": alscope.__version__,
    }


def check_same_environment(
    before: Mapping[str, Any], now: Mapping[str, Any], *, accept_change: bool
) -> tuple[str, ...]:
    """Whether a run recorded under `before` may be continued under `now`.

    Args:
        before: Environment of the rounds already recorded.
        now: Environment of this process.
        accept_change: The user agreed to results that are comparable, not identical.

    Returns:
        The differences that were accepted, in words; empty if there are none.

    Raises:
        StoreError: If the data differ, or something else does and it was not accepted.
    """
    for name in _FIXED:
        if before.get(name) != now.get(name):
            what = "data" if name == "data_fingerprint" else "tokenizer or pretrained weights"
            raise StoreError(
                f"the {what} have changed since this run began (fingerprint "
                f"{str(before.get(name))[:12]} then, {str(now.get(name))[:12]} now); restore them, "
                "or delete the run and start again"
            )
    changes = tuple(
        f"{name} was {before.get(name)}, is {now.get(name)}"
        for name in _EXACT
        if before.get(name) != now.get(name)
    )
    if changes and not accept_change:
        raise StoreError(
            f"this run began under other conditions ({'; '.join(changes)}), so the rest would be "
            "comparable but not identical; restore them, or resume with accept_change "
            "(command line: --accept-change)"
        )
    return changes


@cache  # what is installed is looked up on the disk; what was imported stays
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
