"""What finished studies say about every strategy: gain over Random, and what a query takes."""

from __future__ import annotations

import pandas as pd

from alscope.results.columns import Column
from alscope.results.compare import compare_with_random
from alscope.results.frames import typed_frame
from alscope.results.tables import RANDOM
from alscope.results.timing import timing_table

__all__ = ["EVIDENCE_COLUMNS", "evidence_table"]

EVIDENCE_COLUMNS = {
    "strategy": Column("str", "", "Title of the strategy."),
    "gain": Column(
        "float64",
        "",
        "Mean over scenarios of the paired difference to Random in area under the curve.",
    ),
    "worst": Column("float64", "", "The smallest of these differences."),
    "best": Column("float64", "", "The largest of these differences."),
    "n_better": Column("int64", "scenarios", "Significantly better than Random (Holm, 0.05)."),
    "n_worse": Column("int64", "scenarios", "Significantly worse than Random (Holm, 0.05)."),
    "n_scenarios": Column("int64", "scenarios", "Compared with Random in."),
    "query_s": Column(
        "float64", "s", "Median over scenarios of the median seconds of a selection; NaN if none."
    ),
}


def evidence_table(rounds: pd.DataFrame) -> pd.DataFrame:
    """Every strategy over all scenarios of some studies, the largest mean gain first.

    A mean over scenarios is a summary of these scenarios and no promise for another one.

    Args:
        rounds: From `rounds_frame`.

    Returns:
        Columns as in `EVIDENCE_COLUMNS`; Random itself is not in it.

    Raises:
        IncomparableError: If results of different data or runs would be mixed.
    """
    tested = compare_with_random(rounds)
    seconds = timing_table(rounds).groupby("strategy")["selection_s"].median()
    rows = [
        {
            "strategy": name,
            "gain": group["difference"].mean(),
            "worst": group["difference"].min(),
            "best": group["difference"].max(),
            "n_better": int((group["verdict"] == f"better than {RANDOM}").sum()),
            "n_worse": int((group["verdict"] == f"worse than {RANDOM}").sum()),
            "n_scenarios": len(group),
            "query_s": float(seconds.get(name, float("nan"))),
        }
        for name, group in tested.groupby("strategy", sort=True)
    ]
    table = typed_frame(rows, EVIDENCE_COLUMNS)
    return table.sort_values("gain", ascending=False, kind="stable", ignore_index=True)
