"""Budgets at which runs are compared: their own, those all have, or all of them interpolated."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np
import pandas as pd

__all__ = ["GRIDS", "common_budgets", "on_grid"]

GRIDS = {
    "own": "as evaluated",
    "common": "only budgets that all have",
    "interpolate": "all budgets, linear between evaluations",
}
"""Which budgets are shown, with names for people."""

_INTERPOLATED = ("n_labeled", "spent_s", "value")


def common_budgets(frame: pd.DataFrame) -> list[int]:
    """Budgets at which every scenario and strategy was evaluated, ascending.

    Args:
        frame: With the columns scenario, strategy and n_annotated.
    """
    if frame.empty:
        return []
    groups = frame.groupby(["scenario", "strategy"])["n_annotated"].unique()
    shared = set.intersection(*(set(budgets) for budgets in groups))
    return sorted(int(budget) for budget in shared)


def on_grid(values: pd.DataFrame, grid: str) -> pd.DataFrame:
    """Values at the budgets of a grid.

    Args:
        values: Columns as in `alscope.results.values.VALUE_COLUMNS`.
        grid: One of `GRIDS`. "interpolate" takes every budget that occurs and is linear between a
            run's neighbouring evaluations; nothing is extrapolated beyond a run's own range.

    Returns:
        The same columns; `round` counts the budgets of the grid.
    """
    if grid == "own" or values.empty:
        return values
    if grid == "common":
        budgets = np.asarray(common_budgets(values), dtype=np.int64)
        kept = values[values["n_annotated"].isin(budgets)]
        return kept.assign(round=np.searchsorted(budgets, kept["n_annotated"]))
    budgets = np.unique(values["n_annotated"])
    runs = values.groupby(["scenario", "strategy", "block"], sort=True)
    parts = [_interpolated(run, budgets).assign(**_named(names)) for names, run in runs]
    return pd.concat(parts, ignore_index=True)


def _named(names: Iterable[Hashable]) -> dict[str, str]:
    return dict(zip(("scenario", "strategy", "block"), map(str, names), strict=True))


def _interpolated(run: pd.DataFrame, budgets: np.ndarray) -> pd.DataFrame:
    run = run.sort_values("n_annotated")
    own = run["n_annotated"].to_numpy()
    within = budgets[(budgets >= own[0]) & (budgets <= own[-1])]
    columns = {name: np.interp(within, own, run[name]) for name in _INTERPOLATED}
    return pd.DataFrame(
        {"round": np.searchsorted(budgets, within), "n_annotated": within, **columns}
    )
