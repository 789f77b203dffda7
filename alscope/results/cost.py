"""What selection costs: how it grows with the pool, and what it buys."""

from __future__ import annotations

from typing import Any

import pandas as pd

from alscope.results.checks import unique_rounds
from alscope.results.columns import METRICS
from alscope.results.intervals import mean_interval
from alscope.results.tables import aubc_frame

__all__ = ["growth_table", "pareto_table"]

_MACHINE = ["device", "n_threads"]


def growth_table(rounds: pd.DataFrame) -> pd.DataFrame:
    """Selection time against the size of the pool.

    Rounds without a query and rounds measured beside other runs are left out. Compare rows of one
    device and thread count only.

    Args:
        rounds: From `rounds_frame`.

    Returns:
        scenario, strategy, device, n_threads, n_pool (samples the strategy chose from), seconds
        (median of selection_s), low, high (quartiles), n (queries measured); sorted by these keys.
    """
    groups = _measured(rounds).groupby(["scenario", "strategy", *_MACHINE, "n_pool"], sort=True)
    seconds = groups["selection_s"]
    return pd.DataFrame(
        {
            "seconds": seconds.median(),
            "low": seconds.quantile(0.25),
            "high": seconds.quantile(0.75),
            "n": groups.size(),
        }
    ).reset_index()


def pareto_table(rounds: pd.DataFrame, metric: str = "accuracy") -> pd.DataFrame:
    """Area under the curve against seconds per query, auxiliary training included.

    A run's seconds per query are the mean over its queries, so that training an encoder once is
    shared by all of them; the table gives the median over runs. Areas are of complete runs.

    Args:
        rounds: From `rounds_frame`.
        metric: One of `METRICS`.

    Returns:
        scenario, strategy, device, n_threads, aubc, low, high (95% t-interval), n (complete runs),
        seconds, dominated (another strategy of the scenario, on the same machine, is at least as
        good and at least as fast, and better in one of them); the fastest first.

    Raises:
        UnknownNameError: If there is no such metric.
        IncomparableError: If results of different data or runs would be mixed.
    """
    areas = aubc_frame(rounds, metric).groupby(["scenario", "strategy"])["aubc"]
    points = _seconds(rounds)
    rows = []
    for (scenario, strategy), values in areas:
        interval = mean_interval(values)
        rows.append({"scenario": scenario, "strategy": strategy, **interval._asdict()})
    columns = ["scenario", "strategy", "mean", "low", "high", "n"]
    found = pd.DataFrame(rows, columns=columns).rename(columns={"mean": "aubc"})
    table = points.merge(found[found["aubc"].notna()], on=["scenario", "strategy"])
    sign = 1.0 if METRICS[metric].higher_is_better else -1.0
    dominated = [_is_dominated(row, table, sign) for row in table.to_dict("records")]
    table = table.assign(dominated=pd.Series(dominated, dtype="bool", index=table.index))
    order = ["scenario", "strategy", *_MACHINE, "aubc", "low", "high", "n", "seconds", "dominated"]
    return table[order].sort_values(["scenario", "seconds", "strategy"]).reset_index(drop=True)


def _measured(rounds: pd.DataFrame) -> pd.DataFrame:
    once = unique_rounds(rounds)
    return once[(once["query_size"] > 0) & ~once["contended"]]


def _seconds(rounds: pd.DataFrame) -> pd.DataFrame:
    measured = _measured(rounds)
    keys = ["scenario", "strategy", *_MACHINE]
    per_query = measured.assign(seconds=measured["selection_s"] + measured["aux_s"])
    per_run = per_query.groupby([*keys, "run_id"])["seconds"].mean()
    return per_run.groupby(level=keys).median().reset_index()


def _is_dominated(row: dict[Any, Any], table: pd.DataFrame, sign: float) -> bool:
    same = (table[["scenario", *_MACHINE]] == pd.Series(row)[["scenario", *_MACHINE]]).all(axis=1)
    others = table[same]
    gain = sign * (others["aubc"] - row["aubc"])
    saved = row["seconds"] - others["seconds"]
    return bool(((gain >= 0) & (saved >= 0) & ((gain > 0) | (saved > 0))).any())
