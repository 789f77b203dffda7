"""Compare, over scenarios: ranks and their test, what varies, and how many seeds are needed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import streamlit as st

from alscope.results.factors import factor_frame
from alscope.results.paired import LEVEL
from alscope.results.posthoc import (
    POSTHOC,
    friedman,
    groups,
    needed_blocks,
    nemenyi_distance,
    pair_frame,
)
from alscope.results.ranks import (
    RankTable,
    missing_for_test,
    rank_table,
    run_ranks,
    stability_frame,
)
from alscope.ui import nav
from alscope.ui.choices import Choices
from alscope.ui.compare_power import show_power
from alscope.ui.dropped import show_dropped
from alscope.ui.figures import download_frame, figure
from alscope.ui.state import Key
from alscope.ui.text import NOTHING, count, plain

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["show_factors", "show_power", "show_ranks"]


def show_ranks(rounds: pd.DataFrame, metric: str) -> None:
    """Average ranks over scenarios, whether they differ, and how stable they are.

    Args:
        rounds: From `rounds_frame`, of the chosen scenarios, strategies and seeds.
        metric: One of `METRICS`.
    """
    table = rank_table(rounds, metric)
    if len(table.strategies) < 2:
        st.info(missing_for_test(table))
        return
    _say_blocks(table)
    show_dropped(rounds, metric)
    missing = missing_for_test(table)
    if missing:
        st.info(missing, icon=":material/science:")
        nav.link("build", "Build an experiment with more scenarios")
    else:
        _show_test(table)
    if table.scenarios:
        _show_strips(rounds, metric, table)
        _show_stability(table)


def show_factors(rounds: pd.DataFrame, metric: str) -> None:
    """What the numbers depend on: shares of variance.

    Args:
        rounds: From `rounds_frame`, of the chosen scenarios, strategies and seeds.
        metric: One of `METRICS`.
    """
    table = factor_frame(rounds, metric)
    if not len(table):
        st.info("This needs complete runs of strategies that are in every chosen scenario.")
        return
    st.table(
        [
            {"Factor": row["factor"], "Share": f"{100 * row['share']:.1f} %", "": row["meaning"]}
            for row in table.to_dict("records")
        ],
        hide_index=True,
        border="horizontal",
        alt="Share of the variance of all values by strategy, scenario, budget and seed",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            "Shares of the sum of squares of all values after round 0, scenarios weighing the "
            "same. A description of these runs, no test.",
            width="stretch",
        )
        download_frame(table, key="factors", stem=f"variance-{metric}")


def _say_blocks(table: RankTable) -> None:
    for scenario, reason in table.left_out[:5]:
        st.warning(
            f"{plain(scenario)} is left out of the ranks: {plain(reason)}.",
            icon=":material/filter_alt_off:",
        )
    if len(table.left_out) > 5:
        st.warning(f"{len(table.left_out) - 5} more scenarios are left out for the same reasons.")
    n_blocks, n_datasets = len(table.scenarios), len(set(table.datasets))
    if 0 < n_datasets < n_blocks:
        st.caption(
            f"{count(n_blocks, 'scenario')} of {count(n_datasets, 'data set')}: scenarios of one "
            "data set are not independent, so p-values are somewhat too small. For a claim, choose "
            "one scenario per data set."
        )


def _show_test(table: RankTable) -> None:
    from alscope.charts.ranks import critical_difference_chart, critical_difference_data

    n_blocks, n_strategies = len(table.scenarios), len(table.strategies)
    method = Choices(st.container(), "compare").one(Key.POSTHOC, "Test of all pairs", POSTHOC)
    omnibus = friedman(table)
    pairs = pair_frame(table, method)
    differ = omnibus is None or omnibus.p <= LEVEL
    found = groups(pairs, table.strategies) if differ else [table.strategies]
    data = critical_difference_data(table.strategies, table.mean_ranks.tolist(), found)
    figure(
        critical_difference_chart(
            data, x_title=f"Mean rank over {count(n_blocks, 'scenario')}, 1 is best"
        ),
        data,
        key="critical_difference",
        alt="Critical-difference diagram: mean ranks, the best is "
        f"{table.strategies[0]}; bars join strategies that were not shown to differ.",
        stem="critical-difference",
        caption=f"A bar joins strategies of which no two were shown to differ at {LEVEL}; only "
        f"dots on a bar belong to it. {_words(omnibus, n_strategies, n_blocks)}",
    )
    if differ and method == "wilcoxon" and not pairs["different"].any():
        _say_blocks_needed(n_strategies, n_blocks)
    if differ and method == "nemenyi":
        st.caption(f"Critical difference: {nemenyi_distance(n_strategies, n_blocks):.2f} ranks.")
    with st.expander("All pairs"):
        st.dataframe(pairs, hide_index=True, alt="Tests of all pairs of strategies over scenarios")
        download_frame(pairs, key="rank_pairs", stem=f"ranks-{method}")


def _words(omnibus: Any, n_strategies: int, n_blocks: int) -> str:
    if omnibus is None:
        return "With two strategies there is only one pair to test."
    chi = (
        f"Friedman's chi-square({n_strategies - 1}) = {omnibus.statistic:.2f}, p = {omnibus.p:.3g}"
    )
    if omnibus.p <= LEVEL:
        return f"{chi}: the strategies differ."
    return f"{chi}: no difference shown over {count(n_blocks, 'scenario')}, so no pairs are tested."


def _say_blocks_needed(n_strategies: int, n_blocks: int) -> None:
    needed = needed_blocks(n_strategies)
    if needed and n_blocks >= needed:
        return
    n_pairs = n_strategies * (n_strategies - 1) // 2
    more = f"Use at least {needed} scenarios" if needed else "Compare fewer strategies"
    st.warning(
        f"Wilcoxon's test with Holm's correction cannot tell any two strategies apart with "
        f"{count(n_blocks, 'scenario')} and {count(n_pairs, 'pair')}, whatever the results. "
        f"{more}, or Nemenyi's test.",
        icon=":material/science:",
    )


def _show_strips(rounds: pd.DataFrame, metric: str, table: RankTable) -> None:
    from alscope.charts.ranks import rank_strips_chart

    data = run_ranks(rounds, metric)
    figure(
        rank_strips_chart(data, table.strategies),
        data,
        key="rank_strips",
        alt="How often each strategy took each rank, the best mean rank on top.",
        stem=f"ranks-{metric}",
        caption=f"Ranks by area under the curve in every scenario and seed ("
        f"{count(len(table.scenarios), 'scenario')}); larger circles: more runs; the upright bar: "
        "mean rank of the scenarios' means.",
    )


def _show_stability(table: RankTable) -> None:
    stability = stability_frame(table)
    if not len(stability):
        return
    st.markdown("**Does the order hang on one data set?**")
    rows = [{str(key): item for key, item in row.items()} for row in stability.to_dict("records")]
    st.table(
        [
            {
                "Without": plain(row["left_out"]),
                "Kendall's tau": NOTHING if math.isnan(row["tau"]) else f"{row['tau']:.2f}",
                "Best then": plain(row["best"]),
                "Scenarios left": str(row["n_blocks"]),
            }
            for row in rows
        ],
        hide_index=True,
        border="horizontal",
        alt="Kendall's tau between the order with and without each data set",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("1: the same order without the data set; 0: an unrelated one.", width="stretch")
        download_frame(stability, key="stability", stem="rank-stability")
