"""What selection costs: medians that may be compared, and where the seconds of a study went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from alscope.results.checks import unique_rounds

__all__ = ["TIMES", "Spent", "spent", "timing_table"]

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


@dataclass(frozen=True)
class Spent:
    """Where the seconds of some rounds went.

    Attributes:
        total: Seconds of the rounds as they were executed, passes for the record included.
        parts: Of these, by what was done, the largest first; "everything else" is building and
            warming up networks, reading and writing.
        saved: Seconds that were not spent, because training or inputs had been computed for
            another run already.
    """

    total: float
    parts: Mapping[str, float]
    saved: float


def spent(rounds: pd.DataFrame) -> Spent:
    """Where the seconds went, every round once, rounds beside other runs included.

    Args:
        rounds: From `rounds_frame`.
    """
    once = unique_rounds(rounds)
    trained, made = ~once["train_cached"], ~once["inputs_cached"]
    computed = {
        "training": once["train_s"][trained].sum(),
        "evaluation": once["evaluate_s"][trained].sum(),
        "inference": (once["load_s"] + once["inference_s"])[made].sum(),
        "acquisition": once["acquisition_s"].sum(),
        "own learners": once["aux_s"][made].sum(),
    }
    recording = once["recording_s"].sum()
    total = float(once["executed_s"].sum() + recording)
    done = {**computed, "predictions for the record": recording}
    parts = {name: float(seconds) for name, seconds in done.items() if seconds > 0}
    parts["everything else"] = max(total - sum(parts.values()), 0.0)
    alone = ["train_s", "evaluate_s", "load_s", "inference_s", "acquisition_s", "aux_s"]
    # What is charged to runs as if alone, less what was computed.
    saved = float(once[alone].sum().sum() - sum(computed.values()))
    return Spent(
        total=total,
        parts=dict(sorted(parts.items(), key=lambda part: -part[1])),
        saved=max(saved, 0.0),
    )
