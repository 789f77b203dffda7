"""The table under the curves: one row per scenario and strategy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from alscope.results.checks import complete_runs, require_comparable
from alscope.results.columns import METRICS, Column
from alscope.results.curves import labels_to_reach, run_areas
from alscope.results.frames import typed_frame
from alscope.results.intervals import mean_interval
from alscope.results.names import RANDOM, check_metric
from alscope.results.timing import timing_table

__all__ = ["RANDOM", "TABLE_COLUMNS", "aubc_frame", "aubc_table"]

_TIMES = ("load_s", "inference_s", "acquisition_s", "selection_s", "aux_s")

TABLE_COLUMNS = {
    "scenario": Column("str", "", "Title of the scenario."),
    "strategy": Column("str", "", "Title of the strategy."),
    "n": Column("int64", "seeds", "Complete runs; the only ones that count here."),
    "n_incomplete": Column("int64", "seeds", "Runs that have not spent their budget."),
    "aubc": Column("float64", "", "Mean area under the budget curve."),
    "aubc_low": Column("float64", "", "Lower end of its 95% t-interval; NaN for one seed."),
    "aubc_high": Column("float64", "", "Upper end of its 95% t-interval; NaN for one seed."),
    "final": Column("float64", "", "Mean value at the last evaluation."),
    "final_low": Column("float64", "", "Lower end of its 95% t-interval."),
    "final_high": Column("float64", "", "Upper end of its 95% t-interval."),
    "target": Column("float64", "", "Mean final value of Random; NaN without complete Random."),
    "labels_to_target": Column(
        "float64", "labels", "Where the mean curve reaches the target; NaN: not reached."
    ),
    "label_ratio": Column("float64", "", "labels_to_target / the same of Random."),
    "purity": Column("float64", "share", "Known share of everything that was queried."),
    "companions": Column("str", "", "What the strategy fitted beside the model."),
    **{name: Column("float64", "s", f"Median {name} of a query.") for name in _TIMES},
    "best": Column("bool", "", "Best mean area of the scenario."),
    "tied": Column("bool", "", "Not told apart from the best by the paired 95% t-interval."),
}


def aubc_frame(rounds: pd.DataFrame, metric: str = "accuracy") -> pd.DataFrame:
    """The area under the curve of every complete run.

    Args:
        rounds: From `rounds_frame`.
        metric: One of `METRICS`.

    Returns:
        scenario, strategy, seed, aubc, final; sorted by the first three.

    Raises:
        UnknownNameError: If there is no such metric.
        IncomparableError: If results of different data or runs would be mixed.
    """
    check_metric(metric)
    require_comparable(rounds)
    keys = ["scenario", "strategy", "seed"]
    ordered = complete_runs(rounds).sort_values([*keys, "round"])
    starts = np.flatnonzero(~ordered.duplicated(keys).to_numpy())
    last = np.append(starts[1:], len(ordered))[: starts.size] - 1
    values = ordered[metric].to_numpy(dtype=np.float64)
    frame = ordered[keys].iloc[starts].reset_index(drop=True)
    types = {"scenario": "str", "strategy": "str", "seed": "int64"}
    return frame.astype(types).assign(
        aubc=run_areas(ordered["n_annotated"], values, starts), final=values[last]
    )


def aubc_table(rounds: pd.DataFrame, metric: str = "accuracy") -> pd.DataFrame:
    """Areas, final values, labels to Random's final value, seconds, and who is best.

    Only complete runs count: areas over different budgets cannot be compared. The best strategy of
    a scenario has the best mean area; every strategy whose paired differences to it, over the seeds
    both have, have a 95% t-interval that contains 0 is tied with it. With fewer than two common
    seeds nothing can be told apart, so it is tied. Seconds are given only where all rounds of the
    scenario were measured on one device with one thread count.

    Args:
        rounds: From `rounds_frame`.
        metric: One of `METRICS`.

    Returns:
        Columns as in `TABLE_COLUMNS`; by scenario, the best area first.

    Raises:
        UnknownNameError: If there is no such metric.
        IncomparableError: If results of different data or runs would be mixed.
    """
    areas = aubc_frame(rounds, metric)
    higher = METRICS[metric].higher_is_better
    rows: list[dict[str, Any]] = []
    for scenario, runs in rounds.groupby("scenario", sort=True):
        of_scenario = areas[areas["scenario"] == scenario]
        complete = complete_runs(runs)
        part = [
            {
                "scenario": scenario,
                "strategy": strategy,
                **_summary(
                    own,
                    complete[complete["strategy"] == strategy],
                    of_scenario[of_scenario["strategy"] == strategy],
                ),
            }
            for strategy, own in runs.groupby("strategy", sort=True)
        ]
        part.sort(key=lambda row: _order(row["aubc"], higher=higher))
        _add_targets(part, complete, metric, higher=higher)
        _add_seconds(part, runs)
        _add_ties(part, of_scenario)
        rows += part
    return typed_frame(rows, TABLE_COLUMNS)


def _summary(runs: pd.DataFrame, complete: pd.DataFrame, areas: pd.DataFrame) -> dict[str, Any]:
    """One strategy: all its rounds, those of complete runs, and the areas of these."""
    area, final = mean_interval(areas["aubc"]), mean_interval(areas["final"])
    n_queried = int(complete["query_size"].sum())
    fitted = [text for text in runs["companions"].unique() if text]
    return {
        "n": len(areas),
        "n_incomplete": runs["run_id"].nunique() - len(areas),
        "aubc": area.mean,
        "aubc_low": area.low,
        "aubc_high": area.high,
        "final": final.mean,
        "final_low": final.low,
        "final_high": final.high,
        "purity": complete["n_known_queried"].sum() / n_queried if n_queried else np.nan,
        "companions": "; ".join(fitted),
    }


def _order(value: float, *, higher: bool) -> tuple[bool, float]:
    return (np.isnan(value), -value if higher else value)


def _add_targets(
    rows: list[dict[str, Any]], complete: pd.DataFrame, metric: str, *, higher: bool
) -> None:
    curves = complete.groupby(["strategy", "n_annotated"], sort=True)[metric].mean()
    names = curves.index.get_level_values("strategy")
    target = float(curves[RANDOM].iloc[-1]) if RANDOM in names else np.nan
    needed = {
        strategy: labels_to_reach(
            curve.index.get_level_values("n_annotated"),
            curve,
            target,
            higher_is_better=higher,
        )
        for strategy, curve in curves.groupby(level="strategy")
    }
    of_random = needed.get(RANDOM)
    for row in rows:
        labels = needed.get(row["strategy"])
        row["target"] = target
        row["labels_to_target"] = np.nan if labels is None else labels
        row["label_ratio"] = np.nan if labels is None or not of_random else labels / of_random


def _add_seconds(rows: list[dict[str, Any]], runs: pd.DataFrame) -> None:
    timing = timing_table(runs)
    one_machine = len(timing[["device", "n_threads"]].drop_duplicates()) == 1
    by_strategy = timing.set_index("strategy")
    for row in rows:
        known = one_machine and row["strategy"] in by_strategy.index
        for name in _TIMES:
            row[name] = float(by_strategy.loc[row["strategy"], name]) if known else np.nan


def _add_ties(rows: list[dict[str, Any]], areas: pd.DataFrame) -> None:
    wide = areas.pivot(index="seed", columns="strategy", values="aubc")
    best = rows[0]["strategy"] if rows[0]["n"] else None
    for row in rows:
        row["best"] = row["strategy"] == best
        row["tied"] = bool(row["n"]) and _tied(wide[row["strategy"]] - wide[best])


def _tied(differences: pd.Series[float]) -> bool:
    interval = mean_interval(differences)
    return interval.n < 2 or interval.low <= 0 <= interval.high
