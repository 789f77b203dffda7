"""The table of a comparison: area, values at chosen budgets, final value, and who is best in each.

Every quantity is one number per run, so each has a mean, an interval, a best strategy and those
that the seeds cannot tell apart from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from alscope.results.checks import require_comparable, unique_rounds
from alscope.results.columns import METRICS
from alscope.results.intervals import mean_interval
from alscope.results.names import check_metric
from alscope.results.tables import aubc_frame, aubc_table

__all__ = ["BEST", "TIED", "budget_frame", "quantity_table", "summary_table"]

BEST, TIED = "best", "tied"

_TAKEN = [
    "scenario",
    "strategy",
    "n",
    "n_incomplete",
    "target",
    "labels_to_target",
    "label_ratio",
    "selection_s",
    "aux_s",
    "purity",
]


def budget_frame(
    rounds: pd.DataFrame, metric: str = "accuracy", *, budget: int, interpolate: bool = False
) -> pd.DataFrame:
    """The measure of every run at one budget.

    Args:
        rounds: From `rounds_frame`.
        metric: One of `METRICS`.
        budget: Annotations.
        interpolate: Where a run was not evaluated at this budget, take the value on the straight
            line between its neighbouring evaluations; nothing is extrapolated.

    Returns:
        scenario, strategy, seed, value; runs without a value are left out.

    Raises:
        UnknownNameError: If there is no such metric.
        IncomparableError: If results of different data or runs would be mixed.
    """
    check_metric(metric)
    require_comparable(rounds)
    once = unique_rounds(rounds)
    keys = ["scenario", "strategy", "seed"]
    exact = once[once["n_annotated"] == budget].rename(columns={metric: "value"})
    found = exact[[*keys, "value"]].dropna()
    if interpolate:
        runs = once.groupby(keys, sort=True)
        between = [
            {**dict(zip(keys, names, strict=True)), "value": value}
            for names, run in runs
            if not np.isnan(value := _between(run, metric, budget))
        ]
        found = pd.DataFrame(between, columns=[*keys, "value"]).astype(found.dtypes.to_dict())
    return found.sort_values(keys).reset_index(drop=True)


def quantity_table(values: pd.DataFrame, *, higher_is_better: bool) -> pd.DataFrame:
    """Mean, interval and place of every strategy in one quantity.

    The best strategy of a scenario has the best mean. A strategy is tied with it if the 95%
    t-interval of their paired differences, over the seeds both have, contains 0; with fewer than
    two common seeds nothing can be told apart.

    Args:
        values: scenario, strategy, seed, value; one row per run.
        higher_is_better: Whether a larger value is better.

    Returns:
        Indexed by scenario and strategy: mean, low, high (95% t-interval), n, place ("best", "tied"
        or "").
    """
    rows: list[dict[str, Any]] = []
    for scenario, group in values.groupby("scenario", sort=True):
        wide = group.pivot(index="seed", columns="strategy", values="value")
        means = wide.mean()
        best = means.idxmax() if higher_is_better else means.idxmin()
        for strategy in wide.columns:
            interval = mean_interval(wide[strategy])
            place = BEST if strategy == best else _tied(wide[strategy] - wide[best])
            rows.append(
                {
                    "scenario": scenario,
                    "strategy": strategy,
                    **interval._asdict(),
                    "place": place,
                }
            )
    columns = ["scenario", "strategy", "mean", "low", "high", "n", "place"]
    return pd.DataFrame(rows, columns=columns).set_index(["scenario", "strategy"])


def summary_table(
    rounds: pd.DataFrame,
    metric: str = "accuracy",
    *,
    budgets: Sequence[int] = (),
    interpolate: bool = False,
) -> pd.DataFrame:
    """One row per scenario and strategy, with every quantity, the best area first.

    Args:
        rounds: From `rounds_frame`.
        metric: One of `METRICS`.
        budgets: Where the measure is read besides its end.
        interpolate: As in `budget_frame`.

    Returns:
        scenario, strategy, n and n_incomplete (complete and other runs), target, labels_to_target,
        label_ratio, selection_s, aux_s and purity as in `aubc_table`; and for each quantity `q` of
        aubc, at_<budget> and final: q, q_low, q_high, q_n, q_place.

    Raises:
        UnknownNameError: If there is no such metric.
        IncomparableError: If results of different data or runs would be mixed.
    """
    areas = aubc_frame(rounds, metric)
    quantities = {
        "aubc": areas.rename(columns={"aubc": "value"}),
        **{
            f"at_{budget}": budget_frame(rounds, metric, budget=budget, interpolate=interpolate)
            for budget in budgets
        },
        "final": areas.rename(columns={"final": "value"}),
    }
    table = aubc_table(rounds, metric)[_TAKEN]
    higher = METRICS[metric].higher_is_better
    for name, values in quantities.items():
        quantity = quantity_table(values, higher_is_better=higher).add_prefix(f"{name}_")
        quantity = quantity.rename(columns={f"{name}_mean": name})
        table = table.join(quantity, on=["scenario", "strategy"])
        table[f"{name}_place"] = table[f"{name}_place"].fillna("").astype("str")
        table[f"{name}_n"] = table[f"{name}_n"].fillna(0).astype("int64")
    return table


def _between(run: pd.DataFrame, metric: str, budget: int) -> float:
    run = run.sort_values("n_annotated")
    own = run["n_annotated"].to_numpy(dtype=np.float64)
    return float(np.interp(budget, own, run[metric], left=np.nan, right=np.nan))


def _tied(differences: pd.Series[float]) -> str:
    interval = mean_interval(differences)
    return TIED if interval.n < 2 or interval.low <= 0 <= interval.high else ""
