"""Compare, tab Timing: what selecting costs, how it grows, and what it buys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from alscope.ui import compare_data
from alscope.ui.choices import Choices
from alscope.ui.compare_choice import View
from alscope.ui.figures import download_frame, figure
from alscope.ui.state import Key
from alscope.ui.text import count, duration, plain, seconds, share, strategy_link

if TYPE_CHECKING:
    import pandas as pd

    from alscope.ui.compare_data import Chosen

__all__ = ["show_timing"]

_KINDS = {"alone": "As if alone", "executed": "As executed"}
_COLUMNS = {
    "alone": {
        "Selection": "selection_s",
        "Loading": "load_s",
        "Inference": "inference_s",
        "Acquisition": "acquisition_s",
        "Own learners": "aux_s",
        "Model training": "train_s",
    },
    "executed": {"Whole round": "executed_s"},
}
_SAID = {
    "alone": "Median seconds per query as if the strategy ran alone: what came from the cache is "
    "charged as if it had been computed. Rounds beside other runs are left out.",
    "executed": "Median wall seconds of a whole round as it was executed, training and evaluation "
    "included and shared work counted once: what the study cost, not what a strategy costs.",
}


def show_timing(rounds: pd.DataFrame, chosen: Chosen, view: View, choices: Choices) -> None:
    """Seconds of a query by part, growth with the pool, and area against seconds."""
    st.markdown(_where(rounds) + _shared(rounds))
    table = compare_data.timing(chosen, rounds)
    if not len(table):
        st.info(
            "No query was measured alone on the machine yet. Seconds measured beside other runs "
            "are longer than they should be, so they are not shown; run a study with one worker."
        )
        return
    kind = choices.one(Key.SECONDS, "Seconds", _KINDS, widget="buttons")
    _show_parts(table, kind)
    _show_table(table, kind)
    _show_growth(rounds, chosen)
    _show_pareto(rounds, chosen, view)


def _where(rounds: pd.DataFrame) -> str:
    """Where the seconds went, in a sentence; "" if there were none."""
    from alscope.results.timing import spent

    found = spent(rounds)
    if found.total <= 0:
        return ""
    parts = ", ".join(
        f"{name} **{share(taken / found.total)}**" for name, taken in found.parts.items()
    )
    saved = f" What runs share was computed once, which saved {duration(found.saved)}."
    return f"These rounds took **{duration(found.total)}** as they were executed: {parts}." + (
        saved if found.saved >= 1 else ""
    )


def _shared(rounds: pd.DataFrame) -> str:
    """What to know of trainings that were done together; "" if there were none."""
    most = int(rounds["trained_with"].max()) if len(rounds) else 1
    if most < 2:
        return ""
    return (
        f" Heads of up to {most} runs were trained in one solve, and each is charged an equal "
        "share of its seconds; strategies that train something with the model do not share."
    )


def _show_parts(table: pd.DataFrame, kind: str) -> None:
    from alscope.charts.timing import timing_chart, timing_data

    data = timing_data(table, executed=kind == "executed")
    figure(
        timing_chart(data),
        data,
        key="seconds",
        alt="Median seconds per query by strategy"
        + (
            ", as executed"
            if kind == "executed"
            else ", stacked: loading, inference, acquisition "
            "and training of the strategy's own learners"
        ),
        stem=f"seconds-{kind}",
        caption=_SAID[kind],
    )


def _show_table(table: pd.DataFrame, kind: str) -> None:
    several = table["scenario"].nunique() > 1
    machines = table[["device", "n_threads"]].drop_duplicates()
    st.table(
        [
            _row(row, _COLUMNS[kind], several=several, machines=len(machines) > 1)
            for row in _records(table)
        ],
        hide_index=True,
        border="horizontal",
        alt="Median seconds per query by strategy",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"Measured on {'; '.join(map(_machine, _records(machines)))}. "
            "Selection is loading, inference and acquisition; training of the strategy's own "
            "learners stands apart. An encoder that is fitted once per run does not show in a "
            "median; it is in the seconds per query below.",
            width="stretch",
        )
        download_frame(table, key="seconds_table", stem="seconds")


def _show_growth(rounds: pd.DataFrame, chosen: Chosen) -> None:
    from alscope.charts.tradeoff import growth_chart, growth_data

    st.subheader("Growth with the pool")
    data = growth_data(compare_data.growth(chosen, rounds))
    if data["n_pool"].nunique() < 2:
        st.info(
            "All measured queries chose from equally many samples. Growth shows with a study whose "
            "scenarios have pools of different sizes."
        )
        return
    figure(
        growth_chart(data, height=360 + 16 * data["label"].nunique()),
        data,
        key="growth",
        alt="Median selection seconds over the samples in the pool, one line per strategy, both "
        "axes logarithmic",
        stem="selection-growth",
        caption="Median selection seconds of the queries that chose from equally many samples. A "
        "line that rises by one decade per decade is linear in the pool.",
    )


def _show_pareto(rounds: pd.DataFrame, chosen: Chosen, view: View) -> None:
    from alscope.charts.tradeoff import pareto_chart, pareto_data

    st.subheader("Area against seconds")
    data = pareto_data(compare_data.pareto(chosen, view.metric, rounds))
    if not len(data):
        st.info("This needs a run that spent its whole budget and took measurable time.")
        return
    keys: Any
    for keys, part in data.groupby(["scenario", "device", "n_threads"], sort=True):
        scenario, device, n_threads = keys
        place = f"{scenario}, {device}, {count(n_threads, 'thread')}"
        figure(
            pareto_chart(part, y_title=f"Area under the curve, {view.measure}"),
            part.reset_index(drop=True),
            key=f"pareto_{place}",
            alt=f"Area under the curve of {view.measure} against seconds per query on {place}; "
            "strategies that another one beats in both are grey",
            stem=f"{scenario}-pareto",
            caption=f"{plain(place)}. Seconds per query: a run's selections and the training of "
            "its own learners, divided by its queries; median over runs. Grey crosses: another "
            "strategy is at least as good and as fast.",
        )


def _row(
    row: dict[str, Any], columns: dict[str, str], *, several: bool, machines: bool
) -> dict[str, str]:
    return {
        **({"Scenario": plain(row["scenario"])} if several else {}),
        "Strategy": strategy_link(row["strategy"]),
        **{title: seconds(row[name]) for title, name in columns.items()},
        **({"Machine": _machine(row)} if machines else {}),
    }


def _machine(row: dict[str, Any]) -> str:
    return plain(f"{row['device']}, {count(row['n_threads'], 'thread')}")


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
