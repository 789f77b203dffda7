"""Who beats whom, counted over blocks: the win and the penalty matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alscope.results.columns import Column
from alscope.results.cube import as_frame
from alscope.results.paired import LEVEL

__all__ = ["MATRICES", "MATRIX_COLUMNS", "matrix_frame", "matrix_order"]

MATRICES = {"share": "Share of blocks won", "penalty": "Penalty (as in the BADGE paper)"}
"""Column of the matrix frame -> its name for people."""

MATRIX_COLUMNS = {
    "row": Column("str", "", "The strategy that wins."),
    "column": Column("str", "", "The strategy that is beaten."),
    "n_blocks": Column("int64", "", "Blocks in which both have common seeds."),
    "n_reachable": Column("int64", "", "Of these, blocks in which the test could reach 0.05."),
    "n_wins": Column("int64", "", "Of these, blocks in which the row is significantly better."),
    "share": Column("float64", "share", "n_wins / n_blocks; NaN if no block could show a win."),
    "penalty": Column("float64", "", "Sum over scenarios of wins / budgets; NaN as share."),
    "n_scenarios": Column("int64", "", "Scenarios in which both have common seeds."),
}


def matrix_frame(blocks: pd.DataFrame, strategies: Sequence[str] | None = None) -> pd.DataFrame:
    """Who beats whom, counted over blocks.

    The share counts every block alike. The penalty gives every scenario the same weight however
    many budgets it has: each win adds 1 / (number of budgets of the scenario), so that a strategy
    that wins everywhere gets the number of scenarios.

    Args:
        blocks: From `block_tests`.
        strategies: Rows and columns, in this order; None: all in the blocks, by name.

    Returns:
        Columns as in `MATRIX_COLUMNS`, one row per ordered pair of different strategies.

    References:
        Ash et al. 2020, Deep Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds,
        arXiv:1906.03671, section 5: the penalty matrix, with paired t-tests at 0.05.
    """
    names = list(strategies or sorted({*blocks["first"], *blocks["second"]}))
    n_budgets = blocks.groupby("scenario")["n_annotated"].nunique()
    used = blocks[(blocks["n"] > 0) & blocks["first"].isin(names) & blocks["second"].isin(names)]
    counts = _counts(used, names, used["scenario"].map(n_budgets))
    shown = counts["n_reachable"] > 0
    counts["share"] = np.divide(counts["n_wins"], counts["n_blocks"], where=shown, out=_nan(names))
    counts["penalty"] = np.where(shown, counts["penalty"], np.nan)
    row, column = np.nonzero(~np.eye(len(names), dtype=bool))
    titles = np.array(names, dtype=object)
    cells = {name: values[row, column] for name, values in counts.items()}
    return as_frame(cells | {"row": titles[row], "column": titles[column]}, MATRIX_COLUMNS)


def matrix_order(matrix: pd.DataFrame, value: str = "share") -> pd.DataFrame:
    """How much each strategy beats the others and is beaten, on average, the best first.

    Args:
        matrix: From `matrix_frame`.
        value: One of `MATRICES`.

    Returns:
        strategy, beats (mean of its row), beaten (mean of its column), net (beats - beaten); cells
        that cannot show a win are left out, NaN where none remains. Sorted by net, then name.
    """
    rows, columns = matrix.groupby("row")[value].mean(), matrix.groupby("column")[value].mean()
    table = pd.DataFrame({"beats": rows, "beaten": columns})
    table = table.rename_axis("strategy").reset_index()
    table = table.assign(net=table["beats"] - table["beaten"])
    return table.sort_values(["net", "strategy"], ascending=[False, True], ignore_index=True)


def _counts(
    used: pd.DataFrame, names: list[str], n_budgets: pd.Series[int]
) -> dict[str, NDArray[Any]]:
    """Sums over blocks, (n_strategies, n_strategies): row beats column."""
    index = pd.Index(names)
    first, second = (index.get_indexer(pd.Index(used[side])) for side in ("first", "second"))
    outcome, weight = used["outcome"].to_numpy(), 1.0 / n_budgets.to_numpy(dtype=np.float64)
    reachable = (used["smallest_corrected"] <= LEVEL).to_numpy(dtype=np.float64)
    new_scenario = (~used.duplicated(["scenario", "first", "second"])).to_numpy(dtype=np.float64)
    sums = {}
    for name, of_first, of_second in (
        ("n_blocks", np.ones(len(used)), np.ones(len(used))),
        ("n_reachable", reachable, reachable),
        ("n_wins", outcome == 1, outcome == -1),
        ("penalty", (outcome == 1) * weight, (outcome == -1) * weight),
        ("n_scenarios", new_scenario, new_scenario),
    ):
        sums[name] = np.zeros((len(names), len(names)))
        np.add.at(sums[name], (first, second), of_first)
        np.add.at(sums[name], (second, first), of_second)
    return sums


def _nan(names: list[str]) -> NDArray[np.float64]:
    return np.full((len(names), len(names)), np.nan)
