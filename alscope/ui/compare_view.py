"""The sections of Compare: curves, areas, paired comparison, seconds, purity."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import streamlit as st

from alscope.results.columns import METRICS
from alscope.results.compare import compare_with_random
from alscope.results.curves import BANDS, curve_frame
from alscope.results.export import frame_bytes
from alscope.results.tables import RANDOM, aubc_table
from alscope.results.timing import timing_table
from alscope.ui.cards import show_chart
from alscope.ui.compare_choice import AXIS_TITLES
from alscope.ui.text import count, duration, file_stem, number, plain

if TYPE_CHECKING:
    import pandas as pd

    from alscope.engine.service import StudyStatus
    from alscope.ui.cards import show_chart
from alscope.ui.compare_choice import View

__all__ = ["show_areas", "show_comparison", "show_curves", "show_purity", "show_seconds"]


def show_curves(rounds: pd.DataFrame, view: View, studies: list[StudyStatus]) -> None:
    """Mean curves with their bands, what they are made of, and their numbers as a file."""
    from alscope.charts.curves import curve_chart, curve_data

    curves = curve_data(curve_frame(rounds, view.metric, x=view.x, band=view.band))
    title = METRICS[view.metric].title
    show_chart(
        curve_chart(
            curves,
            y_title=title,
            x=view.x,
            x_title=AXIS_TITLES[view.x],
            height=460 + 16 * len(view.strategies),  # the legend takes its part
        ),
        key="curves",
        alt=f"{title} over annotated samples on {view.scenario}: one line per strategy, mean over "
        f"seeds, band: {BANDS[view.band]}. The numbers are in the file below.",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{_made_of(rounds, view, studies)} Band: {BANDS[view.band]}.", width="stretch")
        _download("Curves as CSV", curves, f"{view.scenario}-{view.metric}-curves")


def show_areas(rounds: pd.DataFrame, view: View) -> None:
    """Area under the budget curve of every strategy."""
    st.header("Area under the budget curve")
    table = aubc_table(rounds, view.metric)
    if not table["n"].any():
        st.info("The table needs at least one run that spent its whole budget.")
        return
    st.table(
        [_area_row(row) for row in _records(table)],
        hide_index=True,
        border="horizontal",
        alt="Area under the budget curve, final value and labels needed, by strategy",
    )
    target = table["target"].iloc[0]
    reached = (
        "" if math.isnan(target) else f" The target is Random's mean final value, {number(target)}."
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            "Means over complete runs with 95 % t-intervals; the best is bold, what the seeds "
            f"cannot tell apart from it is marked ≈.{reached}",
            width="stretch",
        )
        _download("Table as CSV", table, f"{view.scenario}-{view.metric}-aubc")
    fitted = [row for row in _records(table) if row["companions"]]
    if fitted:
        lines = [f"- {plain(row['strategy'])}: {plain(row['companions'])}" for row in fitted]
        st.markdown("Fitted beside the model:\n\n" + "\n".join(lines))
        st.caption(
            "Frozen features of a pretrained network have often seen the unknown classes; purity "
            "is then better than it would be on data that nobody has seen."
        )


def show_comparison(rounds: pd.DataFrame, view: View) -> None:
    """Every strategy against Random, paired by seed."""
    st.header("Compared with Random")
    table = compare_with_random(rounds, view.metric)
    if not len(table):
        st.info("This needs Random and one other strategy, each with a complete run.")
        return
    if table["smallest_p"].min() > 0.05:
        n_seeds = int(table["n"].max())
        st.warning(
            f"No paired test can reach 0.05 with {count(n_seeds, 'seed')}: even if a strategy won "
            f"with every seed, p would be {table['smallest_p'].min():.3g}. Use at least 6 seeds.",
            icon=":material/science:",
        )
    st.table(
        [_comparison_row(row) for row in _records(table)],
        hide_index=True,
        border="horizontal",
        alt="Paired difference of every strategy to Random in area under the curve",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            "Differences in area with the same seed, 95 % t-interval; two-sided sign-flip test, "
            "Holm's correction over the strategies.",
            width="stretch",
        )
        _download("Comparison as CSV", table, f"{view.scenario}-{view.metric}-vs-random")


def show_seconds(rounds: pd.DataFrame, view: View) -> None:
    """What selecting costs, side by side."""
    from alscope.charts.timing import timing_chart, timing_data

    st.header("Selection time")
    table = timing_table(rounds)
    if not len(table):
        st.info("No query was measured alone on the machine yet.")
        return
    show_chart(
        timing_chart(timing_data(table)),
        key="seconds",
        alt="Median seconds per query by strategy, stacked: loading, inference, acquisition",
    )
    st.table(
        [_seconds_row(row) for row in _records(table)],
        hide_index=True,
        border="horizontal",
        alt="Median seconds per query by strategy",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            "Median seconds per query as if the strategy ran alone; rounds beside other runs are "
            "left out.",
            width="stretch",
        )
        _download("Seconds as CSV", table, f"{view.scenario}-seconds")


def show_purity(rounds: pd.DataFrame) -> None:
    """Share of known samples in every query; of open sets only."""
    if not (rounds["setting"] == "open").any():
        return
    from alscope.charts.composition import purity_chart, purity_data

    st.header("Purity of the queries")
    show_chart(
        purity_chart(purity_data(rounds), height=300 + 12 * rounds["strategy"].nunique()),
        key="purity",
        alt="Share of samples of known classes in each query, by strategy",
    )


def _made_of(rounds: pd.DataFrame, view: View, studies: list[StudyStatus]) -> str:
    """What the curves are made of: `12 runs, 3 seeds each, 0 missing`."""
    last = rounds.groupby("run_id").agg({"round": "max", "n_rounds": "first"})
    complete = int((last["round"] == last["n_rounds"]).sum())
    seeds = rounds.groupby("strategy")["seed"].nunique()
    each = str(seeds.min()) if seeds.min() == seeds.max() else f"{seeds.min()} to {seeds.max()}"
    expected = _expected(rounds, view, studies)
    return (
        f"{count(len(last), 'run')}, {each} {'seed' if each == '1' else 'seeds'} each, "
        f"{expected - complete:,} missing."
    )


def _expected(rounds: pd.DataFrame, view: View, studies: list[StudyStatus]) -> int:
    """Runs that the studies plan for this scenario and these strategies."""
    here = set(rounds["run_id"])
    scenarios = {run.scenario for study in studies for run in study.runs if run.run_id in here}
    planned = {
        run.run_id
        for study in studies
        for run in study.runs
        if run.scenario in scenarios and run.strategy in view.strategies
    }
    return len(planned | here)


def _area_row(row: dict[str, Any]) -> dict[str, str]:
    mark = "" if row["best"] else " ≈" if row["tied"] else ""
    name = plain(row["strategy"]) + mark
    area = _interval(row, "aubc")
    if row["best"]:
        name, area = f"**{name}**", f"**{area}**"
    labels = row["labels_to_target"]
    return {
        "Strategy": name,
        "Area": area,
        "Final value": _interval(row, "final"),
        "Labels to target": "not reached" if math.isnan(labels) else _labels(row),
        "Seeds": str(row["n"]) + (f" (+{row['n_incomplete']} open)" if row["n_incomplete"] else ""),
    }


def _labels(row: dict[str, Any]) -> str:
    ratio = row["label_ratio"]
    share = "" if math.isnan(ratio) or row["strategy"] == RANDOM else f" ({100 * ratio:.0f} %)"
    return f"{row['labels_to_target']:,.0f}{share}"


def _comparison_row(row: dict[str, Any]) -> dict[str, str]:
    interval = ""
    if not math.isnan(row["low"]):
        interval = f" [{row['low']:+.3f}, {row['high']:+.3f}]"
    return {
        "Strategy": plain(row["strategy"]),
        "Difference in area": f"{row['difference']:+.3f}{plain(interval)}",
        "Seeds": str(row["n"]) + (f" ({row['n_dropped']} dropped)" if row["n_dropped"] else ""),
        "p (Holm)": f"{row['p_holm']:.3g}",
        "Verdict": plain(row["verdict"]),
    }


def _seconds_row(row: dict[str, Any]) -> dict[str, str]:
    return {
        "Strategy": plain(row["strategy"]),
        "Selection": _seconds(row["selection_s"]),
        "Loading": _seconds(row["load_s"]),
        "Inference": _seconds(row["inference_s"]),
        "Acquisition": _seconds(row["acquisition_s"]),
        "Training": _seconds(row["train_s"]),
        "Device": plain(f"{row['device']}, {count(row['n_threads'], 'thread')}"),
    }


def _seconds(value: float) -> str:
    return f"{1000 * value:.1f} ms" if value < 1 else duration(value)


def _interval(row: dict[str, Any], name: str) -> str:
    mean, low, high = row[name], row[f"{name}_low"], row[f"{name}_high"]
    if math.isnan(mean):
        return "-"
    spread = "" if math.isnan(low) else f" [{low:.3f}, {high:.3f}]"
    return f"{mean:.3f}{plain(spread)}"


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _download(label: str, frame: pd.DataFrame, title: str) -> None:
    st.download_button(
        label,
        frame_bytes(frame, "csv"),
        file_name=f"{file_stem(title)}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
