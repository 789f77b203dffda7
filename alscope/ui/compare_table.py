"""Compare, second tab: one row per strategy, and every strategy against Random."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import streamlit as st

from alscope.results.names import RANDOM
from alscope.results.summary import BEST, TIED
from alscope.ui import compare_data
from alscope.ui.choices import Choices
from alscope.ui.compare_choice import View
from alscope.ui.figures import download_frame
from alscope.ui.state import Key
from alscope.ui.text import NOTHING, count, number, plain, seconds, strategy_link

if TYPE_CHECKING:
    import pandas as pd

    from alscope.ui.compare_data import Chosen

__all__ = ["show_comparison", "show_table"]

_NBSP = "\u00a0"
"""Keeps a number and its interval on one line."""

_COLUMNS = {
    "area": "Area",
    "at": "At the budget",
    "final": "Final value",
    "labels": "Labels to target",
    "seconds": "Seconds per query",
    "purity": "Purity",
    "seeds": "Seeds",
}


def show_table(
    rounds: pd.DataFrame, chosen: Chosen, view: View, budget: int, choices: Choices
) -> None:
    """Area, values at budgets, labels to target and seconds of every strategy."""
    first, second = st.columns(2)
    is_open = (rounds["setting"] == "open").any()
    columns = {key: text for key, text in _COLUMNS.items() if key != "purity" or is_open}
    with first:
        wanted = choices.several(Key.SHOWN, "Columns", columns, noun="column")
    with second:
        others = [str(item) for item in sorted(rounds["n_annotated"].unique()) if item != budget]
        also = choices.several(
            Key.ALSO_AT,
            "Also at",
            {item: f"{int(item):,}" for item in others},
            default=(),
            noun="budget",
        )
    budgets = tuple(sorted({budget, *map(int, also)})) if "at" in wanted else ()
    table = compare_data.summary(chosen, view.metric, budgets, view.interpolate, rounds)
    for scenario, part in table.groupby("scenario", sort=True):
        if table["scenario"].nunique() > 1:
            st.subheader(plain(str(scenario)))
        _table(part, wanted, budgets, view)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_explained(table, view), width="stretch")
        download_frame(
            table[_frame_columns(table, wanted)],
            key="table",
            stem=f"{chosen.scenarios[0]}-{view.metric}-table",
        )
    _show_companions(rounds)


def _table(part: pd.DataFrame, wanted: list[str], budgets: tuple[int, ...], view: View) -> None:
    st.table(
        [_row(row, wanted, budgets) for row in _records(part)],
        hide_index=True,
        border="horizontal",
        alt=f"{view.measure} by strategy on {part['scenario'].iloc[0]}: area under the curve, "
        "values at budgets, labels and seconds",
    )


def _row(row: dict[str, Any], wanted: list[str], budgets: tuple[int, ...]) -> dict[str, str]:
    name = strategy_link(row["strategy"])
    cells = {
        "area": {"Area": _quantity(row, "aubc")},
        "at": {f"At {budget:,}": _quantity(row, f"at_{budget}") for budget in budgets},
        "final": {"Final value": _quantity(row, "final")},
        "labels": {"Labels to target": _labels(row)},
        "seconds": {"Seconds per query": seconds(row["selection_s"])},
        "purity": {"Purity": _number(row["purity"])},
        "seeds": {"Seeds": _seeds(row)},
    }
    chosen = {title: text for key in wanted for title, text in cells[key].items()}
    return {"Strategy": f"**{name}**" if row["aubc_place"] == BEST else name, **chosen}


def _quantity(row: dict[str, Any], name: str) -> str:
    """`**0.912 ± 0.004**` for the best, `≈ 0.910 ± 0.005` on blue for what is tied with it."""
    mean, high = row[name], row[f"{name}_high"]
    if math.isnan(mean):
        return NOTHING
    text = f"{mean:.3f}" + ("" if math.isnan(high) else f"{_NBSP}±{_NBSP}{high - mean:.3f}")
    if row[f"{name}_place"] == BEST:
        return f"**{text}**"
    return f":blue-background[≈{_NBSP}{text}]" if row[f"{name}_place"] == TIED else text


def _labels(row: dict[str, Any]) -> str:
    if math.isnan(row["labels_to_target"]):
        # Without a complete run nobody knows what will be reached.
        return NOTHING if math.isnan(row["target"]) or not row["n"] else "not reached"
    ratio = row["label_ratio"]
    share = (
        "" if math.isnan(ratio) or row["strategy"] == RANDOM else f" ({100 * ratio:.0f}{_NBSP}%)"
    )
    return f"{row['labels_to_target']:,.0f}{share}"


def _seeds(row: dict[str, Any]) -> str:
    return str(row["n"]) + (f" (+{row['n_incomplete']} open)" if row["n_incomplete"] else "")


def _frame_columns(table: pd.DataFrame, wanted: list[str]) -> list[str]:
    """The columns of the frame that stand for the chosen columns of the table."""
    prefixes = {
        "area": ("aubc",),
        "at": ("at_",),
        "final": ("final",),
        "labels": ("target", "labels_to_target", "label_ratio"),
        "seconds": ("selection_s", "aux_s"),
        "purity": ("purity",),
        "seeds": ("n_incomplete",),
    }
    starts = tuple(prefix for key in wanted for prefix in prefixes[key])
    fixed = ["scenario", "strategy", "n"]
    return [*fixed, *(name for name in table.columns if starts and name.startswith(starts))]


def _explained(table: pd.DataFrame, view: View) -> str:
    targets = table["target"].dropna()
    target = (
        f" The target is Random's mean final value, {number(targets.iloc[0])}."
        if len(targets) and table["scenario"].nunique() == 1
        else " The target is Random's mean final value."
        if len(targets)
        else ""
    )
    read = "read off the line between evaluations" if view.interpolate else "as evaluated"
    return (
        "Means ± half the 95 % t-interval; areas and final values of complete runs, values at a "
        f"budget {read}. Bold: the best; ≈ on blue: the seeds cannot tell it apart from the best "
        f"(paired interval contains 0).{target}"
    )


def _show_companions(rounds: pd.DataFrame) -> None:
    fitted = rounds[rounds["companions"] != ""].groupby("strategy")["companions"].first()
    if not len(fitted):
        return
    lines = [f"- {plain(str(name))}: {plain(text)}" for name, text in fitted.items()]
    st.markdown("Fitted beside the model:\n\n" + "\n".join(lines))
    st.caption(
        "Frozen features of a pretrained network have often seen the unknown classes; purity "
        "is then better than it would be on data that nobody has seen."
    )


def show_comparison(rounds: pd.DataFrame, chosen: Chosen, view: View) -> None:
    """Every strategy against Random, paired by seed."""
    st.subheader("Compared with Random")
    table = compare_data.against_random(chosen, view.metric, rounds)
    if not len(table):
        st.info("This needs Random and one other strategy, each with a complete run.")
        return
    if table["smallest_p"].min() > 0.05:
        n_seeds = int(table["n"].max())
        st.warning(
            f"The sign-flip test cannot reach 0.05 with {count(n_seeds, 'seed')}: even if a "
            f"strategy won with every seed, p would be {table['smallest_p'].min():.3g}. Use at "
            "least 6 seeds. (The paired t-test on Pairwise can, for those who take differences to "
            "be normally distributed.)",
            icon=":material/science:",
        )
    several = table["scenario"].nunique() > 1
    st.table(
        [_comparison_row(row, several=several) for row in _records(table)],
        hide_index=True,
        border="horizontal",
        alt="Paired difference of every strategy to Random in area under the curve",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            "Differences in area with the same seed, 95 % t-interval; two-sided sign-flip test, "
            "Holm's correction over the strategies of a scenario.",
            width="stretch",
        )
        download_frame(
            table,
            key="vs_random",
            stem=f"{chosen.scenarios[0]}-{view.metric}-vs-random",
        )


def _comparison_row(row: dict[str, Any], *, several: bool) -> dict[str, str]:
    interval = ""
    if not math.isnan(row["low"]):
        interval = f" [{row['low']:+.3f}, {row['high']:+.3f}]"
    return {
        **({"Scenario": plain(row["scenario"])} if several else {}),
        "Strategy": strategy_link(row["strategy"]),
        "Difference in area": f"{row['difference']:+.3f}{plain(interval)}",
        "Seeds": str(row["n"]) + (f" ({row['n_dropped']} dropped)" if row["n_dropped"] else ""),
        "p (Holm)": f"{row['p_holm']:.3g}",
        "Verdict": plain(row["verdict"]),
    }


def _number(value: float) -> str:
    return NOTHING if math.isnan(value) else f"{value:.3f}"


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
