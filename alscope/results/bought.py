"""What the budget bought: classes, unknown samples, wrong labels."""

from __future__ import annotations

import pandas as pd

from alscope.results.checks import complete_runs

__all__ = ["bought_table"]


def bought_table(rounds: pd.DataFrame, classes: pd.DataFrame) -> pd.DataFrame:
    """What the complete runs of every strategy had labeled in the end; means over seeds.

    Args:
        rounds: From `rounds_frame`.
        classes: From `classes_frame`, of the same runs.

    Returns:
        scenario, strategy, n (seeds), n_labeled, n_unknowns, n_mislabeled, smallest_class,
        largest_class (labeled samples of the smallest and largest known class), empty_classes
        (known classes without a label); sorted by the first two.
    """
    last = complete_runs(rounds)
    last = last[last["round"] == last["n_rounds"]]
    counts = classes.drop_duplicates(["run_id", "round", "class_index"])
    per_run = counts.groupby(["run_id", "round"])["n_labeled"].agg(
        smallest_class="min", largest_class="max", empty_classes=lambda n: (n == 0).sum()
    )
    joined = last.merge(per_run.reset_index(), on=["run_id", "round"], how="left")
    groups = joined.groupby(["scenario", "strategy"], sort=True)
    names = ["n_labeled", "n_unknowns", "n_mislabeled"]
    means = groups[[*names, "smallest_class", "largest_class", "empty_classes"]].mean()
    means.insert(0, "n", groups.size())
    return means.reset_index()
