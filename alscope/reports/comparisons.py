"""Blocks of a report that compare strategies with each other: who beats whom, and ranks."""

from __future__ import annotations

from alscope.charts.matrix import matrix_chart, matrix_data
from alscope.charts.ranks import critical_difference_chart, critical_difference_data
from alscope.reports.document import Figure, Section, Text
from alscope.reports.results import Results
from alscope.results.columns import METRICS
from alscope.results.matrices import matrix_frame, matrix_order
from alscope.results.pairwise import block_tests
from alscope.results.posthoc import friedman, groups, pair_frame
from alscope.results.ranks import RankTable, missing_for_test, rank_table

__all__ = ["pairwise", "ranks"]


def pairwise(results: Results) -> list[Section]:
    """The win matrix over all scenarios and budgets."""
    blocks = block_tests(results.rounds, results.metric)
    if not len(blocks):
        return []
    matrix = matrix_frame(blocks)
    order = matrix_order(matrix)
    names = order["strategy"].tolist()
    data = matrix_data(matrix, order, "share")
    title = METRICS[results.metric].title
    figure = Figure(
        matrix_chart(data, names, value="share", title="Share of blocks won"),
        data,
        alt="Share of blocks in which the strategy of the row is significantly better than that "
        "of the column",
        caption=f"{title}: share of blocks (a scenario at one budget) in which the row is "
        "significantly better than the column; paired t-tests over seeds at 0.05, Holm's "
        "correction over the pairs of a block.",
        name="pairwise",
    )
    return [Section("Who beats whom", [figure])]


def ranks(results: Results) -> list[Section]:
    """Mean ranks over scenarios, tested where there are enough of them."""
    table = rank_table(results.rounds, results.metric)
    reason = missing_for_test(table)
    if reason:
        return [Section("Ranks over scenarios", [Text(reason)])]
    pairs = pair_frame(table)
    data = critical_difference_data(
        table.strategies, table.mean_ranks.tolist(), groups(pairs, table.strategies)
    )
    figure = Figure(
        critical_difference_chart(data, x_title="Mean rank over scenarios"),
        data,
        alt="Mean rank of every strategy; bars join strategies not shown to differ",
        caption=f"Mean ranks over {len(table.scenarios)} scenarios; bars join strategies of which "
        "no two were shown to differ (Wilcoxon's signed-rank test, Holm's correction, 0.05).",
        name="ranks",
    )
    return [Section("Ranks over scenarios", [Text(_overall(table)), figure])]


def _overall(table: RankTable) -> str:
    found = friedman(table)
    left_out = "; ".join(f"{scenario} ({reason})" for scenario, reason in table.left_out)
    tail = f" Left out: {left_out}." if left_out else ""
    if found is None:
        return f"Friedman's test needs at least three strategies.{tail}"
    return (
        f"Friedman's test over {len(table.scenarios)} scenarios: chi-square "
        f"{found.statistic:.2f}, p = {found.p:.3g}.{tail}"
    )
