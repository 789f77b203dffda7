"""What a curve shows: the measure itself, its gain over Random, or the rank among strategies.

All three are frames with the same columns, one row per run and evaluation, so that means, bands and
charts need not know which one they draw.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from alscope.errors import UnknownNameError
from alscope.results.checks import require_comparable, unique_rounds
from alscope.results.columns import METRICS, Column
from alscope.results.grids import GRIDS, on_grid
from alscope.results.names import RANDOM, check_metric

__all__ = ["MODES", "VALUE_COLUMNS", "spent_seconds", "value_frame"]

MODES = {
    "absolute": "the measure itself",
    "gain": "gain over Random, paired by seed",
    "rank": "rank among the strategies, 1 is best",
}
"""What a curve can show, with names for people."""

VALUE_COLUMNS = {
    "scenario": Column("str", "", "Title of the scenario, or of all of them together."),
    "strategy": Column("str", "", "Title of the strategy."),
    "block": Column("str", "", "The seed; with the scenario where several are taken together."),
    "round": Column("int64", "", "Place on the budget axis, from 0."),
    "n_annotated": Column("int64", "labels", "Annotations paid for."),
    "n_labeled": Column("float64", "labels", "Of these, samples of known classes."),
    "spent_s": Column("float64", "s", "Seconds of training and selection so far, as if alone."),
    "value": Column("float64", "", "The measure, its gain over Random, or the rank."),
}


def value_frame(
    rounds: pd.DataFrame,
    metric: str = "accuracy",
    *,
    mode: str = "absolute",
    grid: str = "own",
    pool: bool = False,
) -> pd.DataFrame:
    """What every run contributes to a curve.

    A gain is held against Random's run with the same scenario and seed at the same budget, and is
    positive where the strategy is better, also for measures of which less is better. Ranks are
    those of the strategies in one scenario, seed and budget; ties share their mean rank, and a
    block in which one of the scenario's strategies is missing has no ranks.

    Args:
        rounds: From `rounds_frame`.
        metric: One of `METRICS`.
        mode: One of `MODES`.
        grid: One of `GRIDS`: which budgets are shown.
        pool: Take all scenarios together; a block is then a seed of a scenario.

    Returns:
        Columns as in `VALUE_COLUMNS`, sorted by scenario, strategy, block and round. In mode "gain"
        there are no rows where Random has none.

    Raises:
        UnknownNameError: If there is no such metric, mode or grid.
        IncomparableError: If results of different data or runs would be mixed.
    """
    check_metric(metric)
    for kind, name, known in (("mode", mode, MODES), ("grid", grid, GRIDS)):
        if name not in known:
            raise UnknownNameError(kind, name, known)
    require_comparable(rounds)
    values = on_grid(_measured(rounds, metric), grid)
    higher = METRICS[metric].higher_is_better
    if mode == "gain":
        values = _gains(values, higher=higher)
    if mode == "rank":
        values = _ranks(values, higher=higher)
    return _typed(_pooled(values) if pool else values)


def spent_seconds(rounds: pd.DataFrame) -> pd.Series[float]:
    """Seconds that a run had spent when an evaluation was made, as if it ran alone.

    All trainings up to and including this one, all selections and all training of the strategies'
    own learners before it. Evaluation is left out: it is the benchmark's cost, not the user's.

    Args:
        rounds: From `rounds_frame`, every round once.

    Returns:
        Aligned with `rounds`.
    """
    ordered = rounds.sort_values(["run_id", "round"])
    runs = ordered["run_id"]
    query = ordered["selection_s"] + ordered["aux_s"]
    spent = ordered["train_s"] + query.groupby(runs).shift(fill_value=0.0)
    return spent.groupby(runs).cumsum().reindex(rounds.index)


def _measured(rounds: pd.DataFrame, metric: str) -> pd.DataFrame:
    once = unique_rounds(rounds).reset_index(drop=True)
    values = once[["scenario", "strategy", "round", "n_annotated", "n_labeled"]]
    return values.assign(
        block=once["seed"].astype("str"), spent_s=spent_seconds(once), value=once[metric]
    )


def _gains(values: pd.DataFrame, *, higher: bool) -> pd.DataFrame:
    keys = ["scenario", "block", "n_annotated"]
    of_random = values.loc[values["strategy"] == RANDOM, [*keys, "value"]]
    paired = values.merge(of_random.rename(columns={"value": "baseline"}), on=keys)
    sign = 1.0 if higher else -1.0
    return paired.assign(value=sign * (paired["value"] - paired["baseline"])).drop(
        columns="baseline"
    )


def _ranks(values: pd.DataFrame, *, higher: bool) -> pd.DataFrame:
    known = values[values["value"].notna()]
    blocks = known.groupby(["scenario", "block", "n_annotated"])
    everyone = values.groupby("scenario")["strategy"].nunique()
    complete = blocks["strategy"].transform("size") == known["scenario"].map(everyone)
    ranks = blocks["value"].rank(method="average", ascending=not higher)
    return known.assign(value=ranks)[complete]


def _pooled(values: pd.DataFrame) -> pd.DataFrame:
    n = values["scenario"].nunique()
    budgets = np.unique(values["n_annotated"])
    return values.assign(
        scenario="all scenarios" if n != 1 else values["scenario"],
        block=values["scenario"] + " · " + values["block"],
        round=np.searchsorted(budgets, values["n_annotated"]),
    )


def _typed(values: pd.DataFrame) -> pd.DataFrame:
    types = {name: column.dtype for name, column in VALUE_COLUMNS.items()}
    ordered = values[list(types)].sort_values(["scenario", "strategy", "block", "round"])
    return ordered.astype(types).reset_index(drop=True)
