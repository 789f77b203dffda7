"""Under which conditions rounds were made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from alscope.store.codecs import to_json
from alscope.store.runs import RunStore

__all__ = ["conditions", "conditions_frame"]


def conditions(runs: RunStore, run_ids: Iterable[str]) -> list[dict[str, Any]]:
    """Every environment in which rounds were made, with `n_rounds`, the number of them.

    Args:
        runs: The run store.
        run_ids: Runs to read; those that were never created are left out.

    Raises:
        StoreError: If a run cannot be read.
    """
    found: dict[str, dict[str, Any]] = {}
    for run_id in run_ids:
        for event in runs.history(run_id).rounds if runs.exists(run_id) else ():
            env = event.data.get("env") or {}
            entry = found.setdefault(to_json(env), {**env, "n_rounds": 0})
            entry["n_rounds"] += 1
    return [found[key] for key in sorted(found)]


def conditions_frame(runs: RunStore, run_ids: Iterable[str]) -> pd.DataFrame:
    """The same as a frame: one row per environment, a column for everything recorded of it."""
    return pd.DataFrame(conditions(runs, run_ids))
