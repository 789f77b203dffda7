"""Gain of every strategy over Random in one number per scenario, for a heat map."""

from __future__ import annotations

from typing import Any

import pandas as pd

from alscope.results.columns import METRICS, Column
from alscope.results.frames import typed_frame
from alscope.results.intervals import mean_interval
from alscope.results.names import RANDOM
from alscope.results.summary import budget_frame
from alscope.results.tables import aubc_frame

__all__ = ["GAIN_COLUMNS", "gain_table"]

GAIN_COLUMNS = {
    "scenario": Column("str", "", "Title of the scenario."),
    "strategy": Column("str", "", "Title of the strategy."),
    "gain": Column("float64", "", "Mean over seeds of strategy - Random; positive is better."),
    "low": Column("float64", "", "Lower end of its 95% t-interval; NaN for one seed."),
    "high": Column("float64", "", "Upper end of its 95% t-interval; NaN for one seed."),
    "n": Column("int64", "seeds", "Seeds that both have."),
}


def gain_table(
    rounds: pd.DataFrame,
    metric: str = "accuracy",
    *,
    budget: int | None = None,
    interpolate: bool = False,
) -> pd.DataFrame:
    """Paired gains over Random in area under the curve, or at one budget.

    Args:
        rounds: From `rounds_frame`.
        metric: One of `METRICS`.
        budget: Annotations at which the measure is compared; None: the area under the curve, of
            complete runs only.
        interpolate: As in `budget_frame`.

    Returns:
        Columns as in `GAIN_COLUMNS`; no rows for scenarios without Random, nor for strategies that
        share no seed with it.

    Raises:
        UnknownNameError: If there is no such metric.
        IncomparableError: If results of different data or runs would be mixed.
    """
    if budget is None:
        values = aubc_frame(rounds, metric).rename(columns={"aubc": "value"})
    else:
        values = budget_frame(rounds, metric, budget=budget, interpolate=interpolate)
    sign = 1.0 if METRICS[metric].higher_is_better else -1.0
    rows: list[dict[str, Any]] = []
    for scenario, group in values.groupby("scenario", sort=True):
        wide = group.pivot(index="seed", columns="strategy", values="value")
        for strategy in wide.columns if RANDOM in wide else ():
            interval = mean_interval(sign * (wide[strategy] - wide[RANDOM]))
            if strategy != RANDOM and interval.n:
                rows.append(
                    {
                        "scenario": scenario,
                        "strategy": strategy,
                        "gain": interval.mean,
                        "low": interval.low,
                        "high": interval.high,
                        "n": interval.n,
                    }
                )
    return typed_frame(rows, GAIN_COLUMNS)
