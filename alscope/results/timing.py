"""What selection costs: medians that may be compared."""

from __future__ import annotations

import pandas as pd

from alscope.results.checks import unique_rounds

__all__ = ["TIMES", "timing_table"]

TIMES = ("load_s", "inference_s", "acquisition_s", "selection_s", "aux_s", "train_s", "executed_s")


def timing_table(rounds: pd.DataFrame) -> pd.DataFrame:
    """Median seconds per round of every strategy, apart for every device and thread count.

    Rounds without a query and rounds measured beside other runs are left out. Compare rows of one
    device and thread count only.

    Args:
        rounds: From `rounds_frame`.

    Returns:
        scenario, strategy, device, n_threads, load_s, inference_s, acquisition_s, selection_s,
        aux_s, train_s, executed_s, n (rounds measured); sorted by these keys.
    """
    once = unique_rounds(rounds)
    measured = once[(once["query_size"] > 0) & ~once["contended"]]
    groups = measured.groupby(["scenario", "strategy", "device", "n_threads"], sort=True)
    table = groups[list(TIMES)].median()
    return table.assign(n=groups.size()).reset_index()
